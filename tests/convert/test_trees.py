"""Thresholds that are rounded for float32 decide as in double, whatever float32 is compared."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from packager.convert.trees import round_down

FLOAT32 = np.dtype(np.float32)
doubles = st.floats(allow_nan=False, width=64)
floats = st.floats(allow_nan=False, width=32)


def decides_alike(number: np.float32, threshold: float) -> bool:
    rounded = round_down(np.array([threshold]), FLOAT32)[0]
    return bool(np.float64(number) <= threshold) == bool(number <= rounded)


@given(floats, doubles)
@settings(max_examples=500)
@example(0.0, -1e-50)
@example(-0.0, -5e-324)
@example(0.0, 1e-50)
@example(float(np.float32(1e-45)), 1e-46)
@example(float(np.finfo(np.float32).max), 1e300)
@example(float("inf"), 1e300)
@example(float("-inf"), -1e300)
@example(-float(np.finfo(np.float32).max), -1e300)
def test_a_rounded_threshold_decides_alike(number: float, threshold: float) -> None:
    if number == float("inf") and threshold < float("inf"):
        return  # an infinite cell is refused before it is compared
    assert decides_alike(np.float32(number), threshold)


@given(doubles)
@settings(max_examples=500)
def test_the_floats_beside_a_threshold_decide_alike(threshold: float) -> None:
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
        beside = [np.nextafter(near, np.float32(toward)) for toward in (np.inf, -np.inf)]
    for number in (near, *beside):
        if np.isfinite(number):
            assert decides_alike(number, threshold)


@given(st.lists(doubles, max_size=5))
def test_doubles_stay_as_they_are(thresholds: list[float]) -> None:
    given_ones = np.array(thresholds, dtype=np.float64)
    np.testing.assert_array_equal(round_down(given_ones, np.dtype(np.float64)), given_ones)


def test_rounding_to_nearest_would_not_do() -> None:
    nearest = np.float32(0.1)
    assert float(nearest) > 0.1, "the example needs a threshold that float32 rounds up"
    assert round_down(np.array([0.1]), FLOAT32)[0] < nearest
