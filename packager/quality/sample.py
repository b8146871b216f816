"""What a comparison reads, and what a family of metrics finds out about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """The same labelled rows, answered by two models.

    `truth` [rows]: a position among the model's `classes` classes, or a value where there are none. `native` and
    `variant` hold what the metric needs: labels as positions [rows], values [rows], the score of the second of two
    classes [rows], or the scores of several classes [rows, classes].
    """

    truth: Array
    native: Array
    variant: Array
    classes: int

    def __len__(self) -> int:
        return len(self.truth)


@dataclass(frozen=True)
class Spread:
    """A metric of both models, and how far its difference may vary with the rows.

    Either `draws`, native minus variant in every resample, or `error`, the standard error of that difference.
    """

    native: float
    variant: float
    method: str
    draws: Doubles | None = None
    error: float | None = None
