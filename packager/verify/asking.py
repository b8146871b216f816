"""Ask a model for the answers to made rows, of which it may refuse some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.dataset.rows import Rows
from packager.structure import Flags

Outputs = dict[str, npt.NDArray[Any]]
# Gives the answers to the rows that the model takes, and which those are, of shape [rows].
Ask = Callable[[Rows], tuple[Outputs | None, Flags]]


def side_by_side(ask: Ask, rows: Rows, names: list[str], *, refused: float | None) -> npt.NDArray[Any]:
    """Return the named answers side by side, [rows, numbers or labels]; `refused` where the model refuses the row."""
    outputs, taken = ask(rows)
    if not outputs:
        return np.full((len(rows), 0), refused)
    answers = np.concatenate([outputs[name].reshape(int(taken.sum()), -1) for name in names], axis=1)
    found = np.full((len(rows), answers.shape[1]), refused, dtype=object if refused is None else np.float64)
    found[taken] = answers
    return found
