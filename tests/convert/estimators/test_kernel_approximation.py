"""Approximated kernels: sampled ones, known rows by every kernel, and sketches of powers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    Nystroem,
    PolynomialCountSketch,
    RBFSampler,
    SkewedChi2Sampler,
)

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS

SEED: dict[str, Any] = {"random_state": 0}
NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e2]
COUNTS, ASKED_COUNTS = np.round(np.abs(NUMBERS)), np.abs(NEAR)


@pytest.mark.parametrize(
    "model",
    [
        RBFSampler(n_components=7, **SEED),
        RBFSampler(gamma="scale", n_components=8, **SEED),
        PolynomialCountSketch(n_components=16, **SEED),
        PolynomialCountSketch(degree=3, coef0=1, gamma=0.7, n_components=21, **SEED),
        PolynomialCountSketch(degree=1, n_components=5, **SEED),
    ],
    ids=str,
)
def test_sampled_features(model: Any) -> None:
    assert unlike(model.fit(NUMBERS), NEAR) == []


@pytest.mark.parametrize(
    "model",
    [
        SkewedChi2Sampler(skewedness=0.5, n_components=9, **SEED),
        AdditiveChi2Sampler(),
        AdditiveChi2Sampler(sample_steps=1),
        AdditiveChi2Sampler(sample_steps=3),
        AdditiveChi2Sampler(sample_steps=4, sample_interval=0.3),
        Nystroem("chi2", n_components=9, **SEED),
        Nystroem("chi2", gamma=0.5, n_components=9, **SEED),
        Nystroem("additive_chi2", n_components=5, **SEED),
    ],
    ids=str,
)
def test_features_of_counts(model: Any) -> None:
    assert unlike(model.fit(COUNTS), ASKED_COUNTS, tolerance=1e-9) == []


@pytest.mark.parametrize(
    "options",
    [
        *({"kernel": name} for name in ("linear", "cosine", "laplacian", "rbf", "sigmoid", "poly", "polynomial")),
        {"kernel": "rbf", "gamma": 0.3},
        {"kernel": "poly", "degree": 2.5, "coef0": 30, "gamma": 0.01},
        {"kernel": "laplacian", "kernel_params": {"gamma": 0.1}},
    ],
    ids=str,
)
def test_known_rows(options: dict[str, Any]) -> None:
    model = Nystroem(n_components=12, **SEED, **options).fit(NUMBERS)
    assert unlike(model, NUMBERS * 1.1, tolerance=1e-9) == []


def test_a_kernel_of_an_author_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match="a function of its author"):
        asked(Nystroem(np.dot, n_components=5).fit(NUMBERS), 4)
