"""One row per configuration: a name, a function that fits the model, how exact its conversion must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

# The same branches, the same leaves, added in the same order: not a bit differs.
BITS = 0.0
# Behind an exponential: its last bit differs between libraries.
EXACT = 1e-9
# Products of matrices add in another order.
CLOSE = 1e-6
# What float32 leaves of a sum; a wrong branch shows as a difference far beyond it.
IN_FLOAT = 1e-4
ROWS, COLUMNS = 300, 5


@dataclass(frozen=True)
class Case:
    """`fit` returns the fitted model; answers agree within `tolerance`, absolute and relative, labels entirely.

    `in_float` is the tolerance of the float32 form on float32 rows, None where something is computed before a split.
    """

    name: str
    fit: Callable[[], Any]
    tolerance: float = BITS
    in_float: float | None = IN_FLOAT

    def __str__(self) -> str:
        return self.name


def numbers(*, missing: bool = False, seed: int = 0) -> Doubles:
    """Return rows of unlike columns: counts, shares, large and tiny numbers, many zeros."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(ROWS, COLUMNS))
    rows[:, 1] = random.integers(0, 6, ROWS)
    rows[:, 2] = np.where(random.random(ROWS) < 0.4, 0.0, rows[:, 2] * 1e4)
    rows[:, 3] *= 1e-3
    if missing:
        rows[random.random(rows.shape) < 0.15] = np.nan
    return rows


def with_category(*, missing: bool = False, seed: int = 0) -> Doubles:
    """Return the same rows with a category of 40 codes in column 1."""
    rows = numbers(missing=missing, seed=seed)
    codes = np.random.default_rng(seed + 1).integers(0, 40, ROWS).astype(float)
    rows[:, 1] = np.where(np.isnan(rows[:, 1]), np.nan, codes)
    return rows


def values(rows: Doubles, *, positive: bool = False) -> Doubles:
    """Return what a regressor learns: it depends on every column."""
    filled = np.nan_to_num(rows)
    raw = filled[:, 0] + np.sin(filled[:, 1]) + (filled[:, 2] > 0) + 500 * filled[:, 3] + filled[:, 4] ** 2
    noisy = raw + np.random.default_rng(5).normal(scale=0.3, size=len(rows))
    return np.exp(noisy / 4) if positive else noisy


def codes(rows: Doubles, count: int) -> npt.NDArray[np.int64]:
    """Return the classes 0 to count - 1, by the size of `values`."""
    ordered = np.argsort(np.argsort(values(rows)))
    return (ordered * count // len(rows)).astype(np.int64)
