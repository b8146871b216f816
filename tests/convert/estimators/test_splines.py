"""Splines with every extrapolation, also where scikit-learn's own rules are odd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import SplineTransformer

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS

EXTRAPOLATIONS = ["constant", "linear", "continue", "periodic"]
LEARNED = np.where([True, False, True, True], NUMBERS, 3.7)
BESIDE = np.nextafter(LEARNED, np.inf)
ROWS = np.concatenate([ASKED[np.abs(ASKED).max(axis=1) < 1e16], LEARNED, BESIDE])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("degree", [1, 2, 3, 5])
@pytest.mark.parametrize("extrapolation", EXTRAPOLATIONS)
@pytest.mark.parametrize(
    "options", [{}, {"n_knots": 40}, {"knots": "quantile", "include_bias": False}, {"sparse_output": True}], ids=str
)
def test_a_spline_is_itself(options: dict[str, Any], extrapolation: str, degree: int) -> None:
    model = SplineTransformer(**{"n_knots": 7, "degree": degree, "extrapolation": extrapolation, **options})
    assert unlike(model.fit(LEARNED), ROWS, tolerance=1e-13) == []


@pytest.mark.parametrize(
    "options",
    [*({"extrapolation": kind} for kind in EXTRAPOLATIONS[1:]), {"sparse_output": True}],
    ids=str,
)
def test_steps(options: dict[str, Any]) -> None:
    """Of degree 0; dense and constant ones refuse rows beyond the last knot."""
    assert unlike(SplineTransformer(7, degree=0, **options).fit(LEARNED), ROWS, tolerance=0) == []
    assert unlike(SplineTransformer(7, degree=0).fit(LEARNED), LEARNED, tolerance=0) == []


def test_two_knots_and_own_knots() -> None:
    assert unlike(SplineTransformer(2).fit(LEARNED), ROWS, tolerance=1e-13) == []
    knots = np.sort(np.random.default_rng(3).normal(size=(5, 4)), axis=0)
    assert unlike(SplineTransformer(knots=knots, extrapolation="linear").fit(LEARNED), ROWS, tolerance=1e-13) == []


def test_within_the_knots_only() -> None:
    assert unlike(SplineTransformer(extrapolation="error").fit(LEARNED), LEARNED, tolerance=0) == []


@pytest.mark.parametrize("extrapolation", EXTRAPOLATIONS)
def test_missing_and_infinite_cells(extrapolation: str) -> None:
    model = SplineTransformer(degree=2, extrapolation=extrapolation, handle_missing="zeros").fit(LEARNED)
    rows = LEARNED.copy()
    rows[::3, 0] = np.nan
    if extrapolation == "constant":
        rows[1::3, 2] = np.inf
        rows[2::3, 3] = -np.inf
    assert unlike(model, rows, tolerance=1e-13) == []


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (SplineTransformer(2, degree=1, extrapolation="linear"), "so few knots"),
        (SplineTransformer(sparse_output=True, extrapolation="continue", handle_missing="zeros"), "rows beside it"),
    ],
    ids=["two knots", "sparse"],
)
def test_what_is_refused(model: SplineTransformer, reason: str) -> None:
    with pytest.raises(UnsupportedModel, match=reason):
        asked(model.fit(NUMBERS), 4)
