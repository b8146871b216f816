"""Sparse codes: thresholds, and orthogonal matching pursuit step by step, ties and rows that end early among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import NMF, DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS

SEED: dict[str, Any] = {"random_state": 0, "max_iter": 5}
ROWS = np.concatenate([ASKED[np.abs(ASKED).max(axis=1) < 1e5], np.eye(4), np.ones((1, 4)), [[1, -1, 0, 0]]])


@pytest.mark.filterwarnings("ignore:.*Orthogonal matching pursuit ended prematurely.*")
@pytest.mark.parametrize(
    "model",
    [
        DictionaryLearning(3, **SEED),
        DictionaryLearning(6, transform_n_nonzero_coefs=3, **SEED),
        MiniBatchDictionaryLearning(5, transform_n_nonzero_coefs=2, split_sign=True, **SEED),
        DictionaryLearning(5, transform_algorithm="threshold", transform_alpha=0.2, **SEED),
        DictionaryLearning(5, transform_algorithm="threshold", alpha=0.3, split_sign=True, **SEED),
        DictionaryLearning(5, transform_algorithm="threshold", fit_algorithm="cd", positive_code=True, **SEED),
        SparseCoder(np.eye(4)),
        SparseCoder(np.eye(4), transform_n_nonzero_coefs=4),
        SparseCoder(np.eye(4), transform_algorithm="threshold"),
        SparseCoder(np.repeat(np.eye(4), 2, axis=0), transform_n_nonzero_coefs=2),
    ],
    ids=lambda model: " ".join(str(model).split()),
)
def test_a_code_is_itself(model: Any) -> None:
    assert unlike(model.fit(NUMBERS), ROWS, tolerance=1e-10) == []


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (SparseCoder(np.eye(4), transform_algorithm="lasso_lars"), "transform_algorithm=lasso_lars iterates"),
        (SparseCoder(np.eye(4, 2), transform_n_nonzero_coefs=3), "chosen by rounding alone"),
        (SparseCoder(np.eye(20), transform_n_nonzero_coefs=11), "more than 10 nonzero"),
        (NMF(2, **SEED), "a row's answer depends on the others"),
    ],
    ids=["lasso", "few columns", "many", "factors"],
)
def test_what_is_refused(model: Any, reason: str) -> None:
    with pytest.raises(UnsupportedModel, match=reason):
        asked(model if isinstance(model, SparseCoder) else model.fit(np.abs(NUMBERS)), 4)
