"""The rows on which a variant differs most, kept while rows stream by.

Rows whose label differs go first, then the largest errors in units of their limits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.runtime.session import ROWS_PER_RUN

Outputs = Mapping[str, npt.NDArray[Any]]
Doubles = npt.NDArray[np.float64]

# What a person looks through.
KEPT = 10


@dataclass(frozen=True)
class Errors:
    """The values of one output that differ: their flat positions, |error| and limit, and how many values a row has."""

    at: npt.NDArray[np.intp]
    error: Doubles
    limit: Doubles
    width: int

    @property
    def rows(self) -> npt.NDArray[np.intp]:
        return self.at if self.width == 1 else self.at // self.width

    @property
    def times_limit(self) -> Doubles:
        """Return errors in units of their limits; infinite where nothing is allowed."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return self.error / self.limit


@dataclass(frozen=True)
class Comparison:
    """One chunk of rows compared: per label output where it differs, [rows, values], per other one its errors.

    Outputs that agree throughout are left out.
    """

    native: Outputs
    variant: Outputs
    labels: dict[str, npt.NDArray[np.bool_]]
    errors: dict[str, Errors]


@dataclass(frozen=True)
class Difference:
    """One row: its number, the output and column that differ most, both answers, error and limit for a number.

    `beside` are the numbers of the rows that were scored in the same run: int8 scales its numbers by all of them.
    """

    row: int
    beside: npt.NDArray[np.intp]
    labels_differ: bool
    times_limit: float
    output: str
    column: int | None
    native: Any
    found: Any
    error: float | None = None
    limit: float | None = None

    @property
    def rank(self) -> tuple[bool, float, int]:
        """Return what sorts the worst first; of equals the first row."""
        return (not self.labels_differ, -self.times_limit, self.row)


class WorstRows:
    """The worst rows so far."""

    def __init__(self) -> None:
        self.rows: list[Difference] = []

    def add(self, compared: Comparison, numbers: npt.NDArray[np.intp]) -> None:
        """Add one chunk; `numbers` are its rows' own, [rows]."""
        ratios = {name: errors.times_limit for name, errors in compared.errors.items()}
        floor = self._floor()
        if not compared.labels and all(ratio.max() <= floor for ratio in ratios.values()):
            return
        differs, most = np.zeros(len(numbers), dtype=bool), np.zeros(len(numbers))
        for found in compared.labels.values():
            differs |= found.any(axis=1)
        for name, ratio in ratios.items():
            np.maximum.at(most, compared.errors[name].rows, ratio)
        worse = np.flatnonzero(differs | (most > floor))
        first = worse[np.lexsort((-most[worse], ~differs[worse]))[:KEPT]]
        new = [_difference(compared, ratios, index, numbers) for index in map(int, first)]
        self.rows = sorted([*self.rows, *new], key=lambda one: one.rank)[:KEPT]

    def _floor(self) -> float:
        """Return what the error of a row must exceed, in units of its limit, where its label does not differ."""
        if len(self.rows) < KEPT:
            return 0.0
        return math.inf if self.rows[-1].labels_differ else self.rows[-1].times_limit


def _difference(
    compared: Comparison, ratios: dict[str, Doubles], index: int, numbers: npt.NDArray[np.intp]
) -> Difference:
    """Return one row's largest difference: a label that differs, with the largest error of its values beside it."""
    times, error, limit = 0.0, None, None
    name, column = "", 0
    for output, errors in compared.errors.items():
        here = np.flatnonzero(errors.rows == index)
        if here.size and ratios[output][here].max() >= times:
            most = int(here[ratios[output][here].argmax()])
            name, column, times = output, int(errors.at[most]) % errors.width, float(ratios[output][most])
            error, limit = float(errors.error[most]), float(errors.limit[most])
    label = next((output for output, differs in compared.labels.items() if differs[index].any()), None)
    if label is not None:
        name, column = label, int(compared.labels[label][index].argmax())
    answers = (compared.native[name], compared.variant[name])
    native, found = (values.reshape(len(values), -1)[index].tolist()[column] for values in answers)
    several = answers[0].ndim > 1
    run = index // ROWS_PER_RUN * ROWS_PER_RUN
    return Difference(
        row=int(numbers[index]),
        beside=numbers[run : run + ROWS_PER_RUN].copy(),
        labels_differ=label is not None,
        times_limit=times,
        output=name,
        column=column if several else None,
        native=native,
        found=found,
        error=error,
        limit=limit,
    )
