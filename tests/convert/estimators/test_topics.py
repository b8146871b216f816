"""Topics of documents, each iterated until it rests: early, late, at the limit, and of no words at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import digamma as exact
from sklearn.decomposition import LatentDirichletAllocation

from packager.convert.builder import Builder
from packager.convert.estimators.topics import digamma
from tests.convert.asked import unlike
from tests.convert.ran import ran

RANDOM = np.random.default_rng(6)
COUNTS = RANDOM.poisson(0.7, (80, 9)) * 1.0
ROWS = np.concatenate([RANDOM.poisson(0.7, (80, 9)), COUNTS * 0.37, COUNTS * 1000, COUNTS * 1e9, np.zeros((1, 9))])


@pytest.mark.parametrize(
    "options",
    [
        {"n_components": 2},
        {"n_components": 11, "learning_method": "online"},
        {"doc_topic_prior": 0.01, "topic_word_prior": 0.9},
        {"max_doc_update_iter": 3},
        {"mean_change_tol": 1e-8, "max_doc_update_iter": 300},
    ],
    ids=str,
)
def test_topics_are_themselves(options: dict[str, Any]) -> None:
    model = LatentDirichletAllocation(**{"n_components": 4, "max_iter": 3, "random_state": 1, **options})
    assert unlike(model.fit(COUNTS), ROWS, tolerance=1e-9) == []


def test_words_too_many_for_a_message() -> None:
    """A body of large arrays holds them itself."""
    counts = RANDOM.poisson(0.1, (30, 2500)) * 1.0
    model = LatentDirichletAllocation(4, max_iter=2, random_state=1).fit(counts)
    assert unlike(model, RANDOM.poisson(0.1, (20, 2500)) * 1.0) == []


def test_digamma_is_scikit_learns() -> None:
    """Its series ends early; it is within 1e-8 of the true function."""
    values = np.concatenate([np.geomspace(1e-9, 1e6, 300), np.arange(1.0, 9)])
    builder = Builder(np.dtype(np.float64), {})
    np.testing.assert_allclose(ran(builder, digamma(builder, "x"), values), exact(values), rtol=1e-8, atol=1e-8)
