"""Rows that the estimators' tests fit on, and rows that they ask about."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
RANDOM = np.random.default_rng(8)
NUMBERS: Doubles = RANDOM.normal(size=(120, 4))
SIGNAL: Doubles = NUMBERS[:, 0] + np.sin(2 * NUMBERS[:, 3]) + RANDOM.normal(scale=0.3, size=120)
ABOVE_ZERO: Doubles = np.exp(SIGNAL / 3)
TWO_OUTPUTS: Doubles = np.stack([SIGNAL, NUMBERS[:, 1] - SIGNAL], axis=1)
THREE_LABELS: npt.NDArray[np.int64] = np.stack([SIGNAL > 0, SIGNAL > 0.5, NUMBERS[:, 1] > 0], axis=1).astype(np.int64)


def labels(*names: object) -> npt.NDArray[Any]:
    """Return one of the names for each row, by the size of its signal."""
    place = np.argsort(np.argsort(SIGNAL)) * len(names) // len(SIGNAL)
    return np.array(names)[place]


def asked_rows() -> Doubles:
    """Return rows in the range that was fitted on, far out of it, on whole numbers and on zeros."""
    random = np.random.default_rng(9)
    near = random.normal(size=(100, 4)) * 1.5
    far = np.repeat(NUMBERS[:4], 8, axis=0)
    far[np.arange(32), np.arange(32) % 4] = np.tile([1e2, -1e4, 1e9, -1e15, 1e30, -1e30, 1e155, -1e300], 4)
    return np.concatenate([NUMBERS, near, np.round(near), far, np.zeros((1, 4)), np.full((1, 4), -0.0)])


ASKED = asked_rows()
