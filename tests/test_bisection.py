"""Halving ends between two neighbouring doubles."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from packager.bisection import last_that_stays
from tests.convert.cases import numbers


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
