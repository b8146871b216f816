"""The rows on which a variant differs most, kept while rows stream by.

Rows whose label differs go first, then the largest errors in units of their limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Outputs = Mapping[str, npt.NDArray[Any]]
Doubles = npt.NDArray[np.float64]

# What a person looks through.
KEPT = 10


@dataclass(frozen=True)
class Comparison:
    """One chunk of rows compared: per label output where it differs, per other one |error| and limit, [rows, values].

    Outputs that agree throughout may be left out.
    """

    native: Outputs
    variant: Outputs
    labels: dict[str, npt.NDArray[np.bool_]]
    errors: dict[str, tuple[Doubles, Doubles]]


@dataclass(frozen=True)
class Difference:
    """One row: its number, the output and column that differ most, both answers, error and limit for a number."""

    row: int
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
        differs, most = np.zeros(len(numbers), dtype=bool), np.zeros(len(numbers))
        for found in compared.labels.values():
            differs |= found.any(axis=1)
        ratios = {name: _times_limit(*both) for name, both in compared.errors.items()}
        for ratio in ratios.values():
            most = np.maximum(most, ratio.max(axis=1, initial=0.0))
        new = [_difference(compared, ratios, index, int(numbers[index])) for index in self._worse(differs, most)]
        self.rows = sorted([*self.rows, *new], key=lambda one: one.rank)[:KEPT]

    def _worse(self, differs: npt.NDArray[np.bool_], most: Doubles) -> list[int]:
        """Return the rows of a chunk that are among the worst of all, at most as many as are kept."""
        worse = differs | (most > 0)
        if len(self.rows) == KEPT:
            last = self.rows[-1]
            worse = differs & (most > last.times_limit) if last.labels_differ else differs | (most > last.times_limit)
        found = np.flatnonzero(worse)
        return list(map(int, found[np.lexsort((-most[found], ~differs[found]))[:KEPT]]))


def _times_limit(error: Doubles, limit: Doubles) -> Doubles:
    """Return errors in units of their limits; no error is 0, also where the limit is."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return np.divide(error, limit, out=np.zeros_like(error), where=error > 0)


def _difference(compared: Comparison, ratios: dict[str, Doubles], index: int, row: int) -> Difference:
    """Return one row's largest difference: a label that differs, with the largest error of its values beside it."""
    times, error, limit = 0.0, None, None
    name, column = "", 0
    for output, ratio in ratios.items():
        if ratio.shape[1] and ratio[index].max() >= times:
            name, column = output, int(ratio[index].argmax())
            times = float(ratio[index, column])
            error, limit = (float(part[index, column]) for part in compared.errors[output])
    label = next((output for output, differs in compared.labels.items() if differs[index].any()), None)
    if label is not None:
        name, column = label, int(compared.labels[label][index].argmax())
    answers = (compared.native[name], compared.variant[name])
    native, found = (values.reshape(len(values), -1)[index].tolist()[column] for values in answers)
    several = answers[0].ndim > 1
    return Difference(row, label is not None, times, name, column if several else None, native, found, error, limit)
