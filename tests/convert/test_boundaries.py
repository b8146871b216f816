"""A boundary is the last number that goes left: the next one goes right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.convert.boundaries import before_float32, rank_within


@given(st.floats(min_value=-1e37, max_value=1e37))
@settings(max_examples=300)
def test_before_float32_is_the_last_number_that_goes_left(threshold: float) -> None:
    boundary = before_float32(np.array([threshold]))[0]
    assert float(np.float32(boundary)) <= threshold
    assert float(np.float32(np.nextafter(boundary, np.inf))) > threshold


@pytest.mark.parametrize("threshold", [1e300, -1e300, float("inf")])
def test_a_threshold_beyond_float32_stays(threshold: float) -> None:
    assert before_float32(np.array([threshold]))[0] == threshold


def test_entries_of_a_group_are_counted_from_zero() -> None:
    assert rank_within(np.array([3, 1, 3, 3, 1])).tolist() == [0, 0, 1, 2, 1]
    assert rank_within(np.zeros(0, dtype=np.int64)).shape == (0,)
