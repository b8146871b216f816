"""Shares by quantile are equal to the bit, on the quantiles and one step beside them; normal ones near the last bit."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from sklearn.preprocessing import QuantileTransformer

from packager.convert.builder import Builder
from packager.convert.estimators.quantile import normal_quantile
from tests.convert.asked import unlike
from tests.convert.ran import ran

from .rows import ASKED, NUMBERS

LEARNED = {
    "plain": NUMBERS,
    "ties": np.round(NUMBERS),
    "constant": np.where([True, False, True, True], NUMBERS, 3.7),
    "far": NUMBERS + 1e6,
}


def beside(quantiles: np.ndarray) -> np.ndarray:
    """Return the quantiles, one step beside them, and cells missing."""
    steps = [quantiles, np.nextafter(quantiles, np.inf), np.nextafter(quantiles, -np.inf)]
    near = [quantiles + 0.9e-7, quantiles - 0.9e-7, quantiles + 1.1e-7, quantiles - 1.1e-7]
    return np.concatenate([*steps, *near, np.where(quantiles > 0, np.nan, quantiles), ASKED])


@pytest.mark.parametrize("learned", LEARNED)
@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 120])
@pytest.mark.parametrize("shape", ["uniform", "normal"])
def test_shares(shape: str, count: int, learned: str) -> None:
    model = QuantileTransformer(n_quantiles=count, output_distribution=shape).fit(LEARNED[learned])
    assert unlike(model, beside(model.quantiles_), tolerance=0 if shape == "uniform" else 2e-15) == []


def test_a_thousand_quantiles_are_searched_on_two_levels() -> None:
    rows = np.random.default_rng(2).normal(size=(1500, 2))
    model = QuantileTransformer(n_quantiles=1500, subsample=None).fit(rows)
    assert unlike(model, np.concatenate([model.quantiles_, rows * 1.1]), tolerance=0) == []


def test_the_normal_quantile_is_that_of_the_standard_library() -> None:
    shares = np.concatenate([np.linspace(1e-9, 1 - 1e-9, 4001), np.geomspace(1e-9, 0.5, 500)])
    builder = Builder(np.dtype(np.float64), {})
    found = ran(builder, normal_quantile(builder, "x"), shares)
    expected = [NormalDist().inv_cdf(share) for share in shares]
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-16)
