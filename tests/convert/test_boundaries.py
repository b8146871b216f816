"""A boundary is the last number that goes left: the next one goes right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

from packager.convert.boundaries import before_float32, before_scaling

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
def test_before_scaling_is_the_last_number_that_goes_left(scaler: StandardScaler) -> None:
    rows = numbers()
    scaler.fit(rows)
    count = rows.shape[1]
    shift = scaler.inverse_transform(np.zeros((1, count)))[0]
    scale = scaler.inverse_transform(np.ones((1, count)))[0] - shift
    random = np.random.default_rng(0)
    feature, thresholds = random.integers(count, size=200), random.normal(size=200)
    found = before_scaling(scaler.transform, feature, thresholds, scale=scale, shift=shift)

    def scaled(cells: np.ndarray) -> np.ndarray:
        table = np.tile(shift, (len(cells), 1))
        table[np.arange(len(cells)), feature] = cells
        return scaler.transform(table)[np.arange(len(cells)), feature]

    assert (scaled(found) <= thresholds).all()
    assert (scaled(np.nextafter(found, np.inf)) > thresholds).all()


def test_a_threshold_beyond_a_clipped_end_keeps_its_first_guess() -> None:
    scaler = MinMaxScaler(clip=True).fit([[0.0], [10.0]])
    found = before_scaling(
        scaler.transform, np.array([0]), np.array([1.5]), scale=np.array([10.0]), shift=np.array([0.0])
    )
    assert found[0] == 15.0


@pytest.mark.parametrize("threshold", [np.inf, -np.inf, np.finfo(np.float64).max, -np.finfo(np.float64).max])
def test_an_infinite_boundary_is_never_asked_of_a_step_that_refuses_it(threshold: float) -> None:
    scaler = StandardScaler().fit([[0.0], [10.0]])
    found = before_scaling(
        scaler.transform, np.array([0, 0]), np.array([threshold, 1.0]), scale=scaler.scale_, shift=scaler.mean_
    )
    assert found.tolist() == [np.copysign(np.inf, threshold), 10.0]


def test_without_thresholds_there_are_no_boundaries() -> None:
    scaler, nothing = StandardScaler().fit([[0.0], [10.0]]), np.zeros(0)
    found = before_scaling(scaler.transform, nothing.astype(int), nothing, scale=np.ones(1), shift=np.zeros(1))
    assert found.shape == (0,)
