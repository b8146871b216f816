"""Scalers are equal to the bit: constant columns, far offsets, missing cells, cells beyond the range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import KernelCenterer, MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS

HOLES = np.where(np.random.default_rng(1).random(ASKED.shape) < 0.1, np.nan, ASKED)
LEARNED = {
    "plain": NUMBERS,
    "constant": np.where([True, False, True, True], NUMBERS, 3.7),
    "far": NUMBERS + 1e6,
    "wide": NUMBERS * [1, 1e5, 1e-5, 1e10],
    "counts": np.round(np.abs(NUMBERS) * 3),
}
SCALERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    StandardScaler(with_mean=False, with_std=False),
    MinMaxScaler(),
    MinMaxScaler((-3, 7), clip=True),
    MaxAbsScaler(),
    MaxAbsScaler(clip=True),
    RobustScaler(),
    RobustScaler(with_centering=False, quantile_range=(10, 80)),
    RobustScaler(with_scaling=False),
    RobustScaler(unit_variance=True),
]


@pytest.mark.parametrize("learned", LEARNED)
@pytest.mark.parametrize("model", SCALERS, ids=str)
def test_a_scaler_is_equal_to_the_bit(model: Any, learned: str) -> None:
    assert unlike(model.fit(LEARNED[learned]), HOLES, tolerance=0) == []


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_rows_near_zero_keep_their_size(norm: str) -> None:
    rows = np.concatenate([ASKED, ASKED[:40] * 1e-15, ASKED[:40] * 2.3e-16, ASKED[:40] * 1e-40])
    assert unlike(Normalizer(norm).fit(NUMBERS), rows, tolerance=1e-15) == []


def test_a_kernel_is_centered_about_that_of_the_fit() -> None:
    kernel = NUMBERS @ NUMBERS.T
    assert unlike(KernelCenterer().fit(kernel), (NUMBERS * 3 - 1) @ NUMBERS.T, tolerance=1e-13) == []
