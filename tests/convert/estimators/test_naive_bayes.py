"""Naive Bayes states labels and probabilities as scikit-learn's, equal likelihoods and unknown codes among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS, labels

RANDOM = np.random.default_rng(4)
COUNTS = RANDOM.integers(0, 5, (120, 4)).astype(np.float64)
NAMES = labels("high", "low", "mid")
NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e10]


@pytest.mark.parametrize("names", [("no", "yes"), (3, 2**53 + 1, 7), (False, True)])
def test_gaussian(names: Any) -> None:
    assert unlike(GaussianNB().fit(NUMBERS, labels(*names)), NEAR) == []


def test_equally_likely_classes() -> None:
    model = GaussianNB(priors=[0.5, 0.5]).fit([[-1.0], [-2.0], [1.0], [2.0]], ["b", "b", "a", "a"])
    assert unlike(model, np.array([[0.0], [1e9], [-1e9], [0.5]])) == []


@pytest.mark.parametrize("model", [MultinomialNB(), MultinomialNB(alpha=0.1, fit_prior=False), ComplementNB(norm=True)])
def test_counts(model: Any) -> None:
    assert unlike(model.fit(COUNTS, NAMES), np.concatenate([COUNTS, NUMBERS, np.zeros((1, 4))])) == []


def test_one_class_alone() -> None:
    assert unlike(ComplementNB().fit(COUNTS, np.zeros(120)), COUNTS) == []


@pytest.mark.parametrize("threshold", [0.0, 0.4, None])
def test_bernoulli(threshold: Any) -> None:
    rows = NUMBERS if threshold is not None else (NUMBERS > 0) * 1.0
    assert unlike(BernoulliNB(binarize=threshold).fit(rows, NAMES), np.concatenate([rows, rows + 0.4 - rows])) == []


def test_categories() -> None:
    model = CategoricalNB(min_categories=6).fit(COUNTS, NAMES)
    assert unlike(model, np.concatenate([COUNTS, COUNTS + 0.9, np.full((1, 4), -0.5), np.full((1, 4), 5.0)])) == []
    for unknown in (6.0, -1.0, 1e9):
        with pytest.raises(InvalidArgument, match="out of"):
            asked(model, 4)(np.full((1, 4), unknown))


def test_a_share_of_zero_is_refused() -> None:
    model = MultinomialNB(alpha=0.0).fit([[1.0, 0.0], [0.0, 1.0]], [0, 1])
    with pytest.raises(UnsupportedModel, match="alpha"):
        asked(model, 2)
