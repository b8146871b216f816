"""What a model takes and refuses, found by asking it: how large a number, which missing cells, which values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Scalar
from packager.dataset.rows import Rows
from packager.training.columns import strict_columns
from packager.training.limits import has_limits, refusing_far_rows

if TYPE_CHECKING:
    from packager.training.native import NativeModel

Texts = dict[int, tuple[str, ...]]
Codes = dict[int, npt.NDArray[np.float64]]

# Tried from the top: the first magnitude that the model takes is the limit that the served model enforces.
_WIDEST = (float(np.finfo(np.float64).max), float(np.finfo(np.float32).max))
_MAGNITUDES = (*_WIDEST, *(10.0**power for power in range(37, 2, -2)))
# Tried from the top where a step's answers are rounding: of a column of small numbers small ones are far out.
_POWERS = tuple(10.0**power for power in range(38, -39, -1))
# Finding the columns that refuse a change halves sets of columns; a model this slow or wide gets one answer for all.
_MAX_TRIALS = 200
# A text that no encoder knows.
_UNSEEN = "\ufdd1"


@dataclass(frozen=True)
class Trials:
    """`row` is one row that the model answers; trials change cells of it."""

    native: NativeModel
    row: Rows

    def largest_magnitudes(self, columns: list[int]) -> list[float]:
        """Return per column how large a number may be, with either sign, in all of `columns` at once."""
        widest = self._largest(columns)
        limits = np.full(self.row.numbers.shape[1], widest)
        if has_limits(self.native.model):
            with refusing_far_rows(self.native.model):
                near = sorted(
                    set(columns) - self._columns_taking(columns, lambda some: self._with_number(some, widest))
                )
                if near:
                    self._narrow(limits, near)
        return [float(limit) for limit in limits]

    def _narrow(self, limits: npt.NDArray[np.float64], near: list[int]) -> None:
        """Lower the limits of `near` to powers of ten that the model takes in all of them together."""
        together = next((size for size in _POWERS if self._accepts(self._with_number(near, size))), _POWERS[-1])
        limits[near] = together
        larger = near
        for size in _POWERS[: _POWERS.index(together)][::-1]:
            larger = sorted(self._columns_taking(larger, partial(self._with_number, number=size)))
            if not larger:
                break
            limits[larger] = size
        while limits[near].min() > _POWERS[-1] and not self._accepts(self._with_limits(near, limits)):
            limits[near] /= 10

    def least_numbers(self, columns: list[int], limits: list[float]) -> dict[int, float]:
        """Return the least number that the model takes, for the columns in which it refuses the lowest ones."""

        def lowest(some: list[int]) -> Rows:
            rows = self._copies(1)
            rows.numbers[:, some] = -np.array(limits)[some]
            return rows

        if not columns or not self._accepts(self._with_one(columns, min(limits[index] for index in columns))):
            return {}  # what a cell may hold depends on the others
        refusing = sorted(set(columns) - self._columns_taking(columns, lowest))
        if not refusing:
            return {}
        refused = _order(-max(limits[index] for index in refusing))
        taken = min(_order(float(self.row.numbers[0, index])) for index in refusing)
        if not self._accepts(self._with_one(refusing, _number(taken))):
            return {}
        while taken - refused > 1:  # over the order of doubles: 64 steps whatever their size
            middle = (taken + refused) // 2
            if self._accepts(self._with_one(refusing, _number(middle))):
                taken = middle
            else:
                refused = middle
        return dict.fromkeys(refusing, _number(taken) + 0.0)  # of the zeros the positive one

    def columns_taking_missing(self) -> set[int]:
        """Return the columns that may be missing."""
        columns = set(range(self.row.numbers.shape[1])) - strict_columns(self.native.model)
        return self._columns_taking(sorted(columns), self._with_missing)

    def known_values(self, texts: Texts, codes: Codes) -> dict[int, tuple[Scalar, ...]]:
        """Return all values that a column may hold, for those columns whose other values the model refuses."""
        candidates: dict[int, list[Any]] = {index: known.tolist() for index, known in codes.items()}
        candidates |= {index: list(known) for index, known in texts.items()}

        def unseen(columns: list[int]) -> Rows:
            """Return two rows of values that no encoder knows."""
            values = {index: max(candidates[index], default=0.0) for index in columns if index not in texts}
            asked = self._copies(2)
            for index in columns:
                asked = _changed(
                    asked, index, [_UNSEEN] * 2 if index in texts else [values[index] + 1, values[index] + 0.5]
                )
            return asked

        taking = self._columns_taking(list(candidates), unseen) - strict_columns(self.native.model)
        return {index: self._taken(index, values) for index, values in candidates.items() if index not in taking}

    def _taken(self, index: int, values: list[Any]) -> tuple[Scalar, ...]:
        """Return those of the values that the model takes in one column."""
        _, taken = self.native.tolerant_answers(_changed(self._copies(len(values)), index, values))
        return tuple(value for value, takes in zip(values, taken, strict=True) if takes)

    def _largest(self, columns: list[int]) -> float:
        """Return the largest size that the model takes with both signs, else with the positive one."""
        for changed in (self._with_number, self._with_one):
            for size in _MAGNITUDES:
                if self._accepts(changed(columns, size)):
                    return size
        return _WIDEST[0]

    def _columns_taking(self, columns: list[int], changed: Callable[[list[int]], Rows]) -> set[int]:
        """Find the columns that the model takes as `changed` makes them, by halving: most models take all or none."""
        found: set[int] = set()
        trials = 0

        def visit(columns: list[int]) -> None:
            nonlocal trials
            trials += 1
            if self._accepts(changed(columns)):
                found.update(columns)
            elif len(columns) > 1 and trials < _MAX_TRIALS:
                visit(columns[: len(columns) // 2])
                visit(columns[len(columns) // 2 :])

        if columns:
            visit(columns)
        return found

    def _accepts(self, rows: Rows) -> bool:
        try:
            self.native.answers(rows)
        except Exception:  # noqa: BLE001 - any refusal is a no
            return False
        return True

    def _copies(self, count: int) -> Rows:
        return self.row.take(np.zeros(count, dtype=np.intp))

    def _with_number(self, columns: list[int], number: float) -> Rows:
        """Return two rows, with the number and its negative."""
        rows = self._copies(2)
        rows.numbers[:, columns] = np.array([[number], [-number]])
        return rows

    def _with_limits(self, columns: list[int], limits: npt.NDArray[np.float64]) -> Rows:
        """Return two rows, with all limits and their negatives."""
        rows = self._copies(2)
        rows.numbers[:, columns] = limits[columns] * np.array([[1.0], [-1.0]])
        return rows

    def _with_one(self, columns: list[int], number: float) -> Rows:
        rows = self._copies(1)
        rows.numbers[:, columns] = number
        return rows

    def _with_missing(self, columns: list[int]) -> Rows:
        rows = self._copies(1)
        for index in columns:
            rows = _changed(rows, index, [None if index in rows.strings else np.nan])
        return rows


def _order(number: float) -> int:
    """Return the place of a double in the order of all doubles, 0 for 0."""
    bits = int(np.float64(abs(number)).view(np.int64))
    return -bits if number < 0 else bits


def _number(order: int) -> float:
    """Return the double at a place."""
    size = float(np.int64(abs(order)).view(np.float64))
    return -size if order < 0 else size


def _changed(rows: Rows, index: int, values: list[Any]) -> Rows:
    """Return the rows with other cells in one column."""
    if index in rows.strings:
        rows.strings[index][:] = values
    else:
        rows.numbers[:, index] = values
    return rows
