"""A boundary is the last number that goes left: the next one goes right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from packager.convert.boundaries import before_float32, last_that_stays, rank_within

from .cases import numbers


@given(st.floats(min_value=-1e37, max_value=1e37))
@settings(max_examples=300)
def test_before_float32_is_the_last_number_that_goes_left(threshold: float) -> None:
    boundary = before_float32(np.array([threshold]))[0]
    assert float(np.float32(boundary)) <= threshold
    assert float(np.float32(np.nextafter(boundary, np.inf))) > threshold


@pytest.mark.parametrize("threshold", [1e300, -1e300, float("inf")])
def test_a_threshold_beyond_float32_stays(threshold: float) -> None:
    assert before_float32(np.array([threshold]))[0] == threshold


@pytest.mark.parametrize(
    "scaler", [StandardScaler(), MinMaxScaler((-1, 1)), RobustScaler(), MaxAbsScaler()], ids=lambda s: type(s).__name__
)
def test_the_last_number_before_a_crossing_is_followed_by_the_first_behind_it(scaler: StandardScaler) -> None:
    rows = numbers()
    scaler.fit(rows)
    random = np.random.default_rng(0)
    feature, thresholds = random.integers(rows.shape[1], size=200), random.normal(size=200)

    def stays(cells: np.ndarray) -> np.ndarray:
        table = np.tile(rows[0], (len(cells), 1))
        table[np.arange(len(cells)), feature] = cells
        return scaler.transform(table)[np.arange(len(cells)), feature] <= thresholds

    found = last_that_stays(stays, np.full(200, -1e12), np.full(200, 1e12))
    assert stays(found).all()
    assert not stays(np.nextafter(found, np.inf)).any()


def test_ranges_of_every_sign_are_halved() -> None:
    crossings = np.array([-3.5, -5e-324, 0.0, 1e-300, 7.25])
    found = last_that_stays(lambda numbers: numbers <= crossings, np.full(5, -1e300), np.full(5, 1e300))
    np.testing.assert_array_equal(found, crossings)


def test_entries_of_a_group_are_counted_from_zero() -> None:
    assert rank_within(np.array([3, 1, 3, 3, 1])).tolist() == [0, 0, 1, 2, 1]
    assert rank_within(np.zeros(0, dtype=np.int64)).shape == (0,)
