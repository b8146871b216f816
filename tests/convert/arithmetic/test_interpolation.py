"""Interpolation is numpy's to the last bit, on knots, beside them, beyond them and between equal ones."""

from __future__ import annotations

import numpy as np
import pytest

from packager.convert.arithmetic.interpolation import interpolate
from packager.convert.builder import Builder
from packager.convert.emitters import EMITTERS

from ..ran import ran

RANDOM = np.random.default_rng(2)


@pytest.mark.parametrize("count", [2, 31, 32, 33, 2_000])
def test_numbers_between_knots(count: int) -> None:
    knots = np.sort(RANDOM.normal(size=(2, count)).round(2), axis=1)  # rounding makes some of them equal
    values = RANDOM.normal(size=(2, count))
    near = np.concatenate([knots.T, np.nextafter(knots.T, 9), np.nextafter(knots.T, -9), RANDOM.normal(size=(50, 2))])
    asked = np.concatenate([near, [[-1e300, 1e300], [np.nan, 0.0]]])
    builder = Builder(np.dtype(np.float64), EMITTERS)
    found = ran(builder, interpolate(builder, "x", knots, values), asked)
    expected = np.stack([np.interp(*columns) for columns in zip(asked.T, knots, values, strict=True)], axis=1)
    assert np.array_equal(found, expected, equal_nan=True)
