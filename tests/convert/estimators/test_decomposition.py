"""Projections: every decomposition that is a linear map of the rows, and kernel PCA with each of its kernels."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import (
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    KernelPCA,
    MiniBatchSparsePCA,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from tests.convert.asked import unlike as unlike_in

from .rows import ASKED, NUMBERS

# Rows further out than these are rounding to any decomposition.
ROWS = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
unlike = partial(unlike_in, methods=("transform",))
SEED: dict[str, Any] = {"random_state": 0}
LINEAR = [
    PCA(),
    PCA(2, whiten=True),
    PCA(0.8),
    PCA(2, svd_solver="randomized", **SEED),
    PCA(3, svd_solver="covariance_eigh", whiten=True),
    IncrementalPCA(2),
    IncrementalPCA(3, whiten=True, batch_size=40),
    TruncatedSVD(2, **SEED),
    SparsePCA(2, max_iter=20, **SEED),
    SparsePCA(3, ridge_alpha=0.5, method="cd", max_iter=20, **SEED),
    MiniBatchSparsePCA(2, max_iter=10, **SEED),
    FactorAnalysis(2, rotation="varimax"),
    FastICA(2, whiten="arbitrary-variance", **SEED),
    FastICA(whiten=False, max_iter=20, **SEED),
    GaussianRandomProjection(3, **SEED),
    SparseRandomProjection(3, density=0.4, **SEED),
    SparseRandomProjection(3, dense_output=True, **SEED),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:.*Starting in v1.3.*")
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("model", LINEAR, ids=str)
def test_a_projection_is_itself(model: Any, offset: float) -> None:
    assert unlike(model.fit(NUMBERS + offset), ROWS + offset, tolerance=1e-11) == []


def test_one_column() -> None:
    for model in (PCA(), SparsePCA(1, **SEED), FactorAnalysis(1)):
        assert unlike(model.fit(NUMBERS[:, :1]), ROWS[:, :1]) == []


@pytest.mark.parametrize(
    "options",
    [
        {"kernel": "linear"},
        {"kernel": "rbf"},
        {"kernel": "rbf", "gamma": 0.2, "n_components": None, "remove_zero_eig": True},
        {"kernel": "poly", "degree": 2, "coef0": 2, "gamma": 0.1},
        {"kernel": "poly"},
        {"kernel": "sigmoid", "gamma": 0.05},
        {"kernel": "cosine"},
    ],
    ids=str,
)
def test_a_kernel_is_itself(options: dict[str, Any]) -> None:
    near = ROWS[np.abs(ROWS).max(axis=1) < 1e2]
    model = KernelPCA(**{"n_components": 3, **SEED, **options})
    assert unlike(model.fit(NUMBERS), near, tolerance=1e-10) == []


def test_a_given_kernel() -> None:
    kernel = NUMBERS @ NUMBERS.T
    assert unlike(KernelPCA(2, kernel="precomputed").fit(kernel), ROWS @ NUMBERS.T) == []
