"""Mixtures name components, shares and densities as scikit-learn's, for every form of covariance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
KINDS = ["full", "tied", "diag", "spherical"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_gaussian(offset: float, kind: Any) -> None:
    model = GaussianMixture(3, covariance_type=kind, random_state=0, reg_covar=1e-3).fit(NUMBERS + offset)
    # Far from 0 the plain forms are differences of large squares.
    assert unlike(model, NEAR + offset, tolerance=1e-7 if offset and kind in ("diag", "spherical") else 1e-10) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prior", ["dirichlet_process", "dirichlet_distribution"])
def test_bayesian(prior: Any, kind: Any) -> None:
    model = BayesianGaussianMixture(
        n_components=3, covariance_type=kind, weight_concentration_prior_type=prior, random_state=0
    )
    assert unlike(model.fit(NUMBERS), NEAR) == []
