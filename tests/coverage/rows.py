"""The independent judge's rows, by kind. They owe nothing to the program's own made rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature

from .cells import Cells, concatenate
from .splits import Answer, at_splits, bisected, splits_of
from .steps import blurs_boundaries, decides_by_distance, has_trees

Doubles = npt.NDArray[np.float64]

_ZEROS = (0.0, -0.0)
_TINY = (1e-35, -1e-35, 1e-36, 9.9e-36, -3e-36, 1e-300, 5e-324, -5e-324, 1.5e-35)
_LARGE = (1e4, -1e4, 16_777_217.0, 1e6, -1e6, 1e9)
# Trees only compare. What else is made of numbers as large as these is rounding, unless a model is careful.
_HUGE = (1e15, -1e15, 1e30, -1e30)
BEYOND = "beyond 1e9"
# Whether such rows come out right in float32 says more about float32 than about a conversion: it carries 24 bits, the
# squares of some numbers are zero or infinite in it, and of two equal distances it may find the other one the shorter.
BEYOND_FLOAT32 = frozenset({"tiny", "large", "large code", "nearest", BEYOND})
_TEXTS = ("never seen", "", " ", "Ünsëen ß 漢字", "bern", "Bern ", "a", "nan", "1", "x " * 30, "O'Neil & co.", "\tq\n")
_FEW = 5
# How far beside a boundary rows lie where the numbers that trees read were rounded on their way.
_BLUR = 1e-9
_COLUMNS = 8


def judged_rows(model: Any, held: Cells, answer: Answer | None) -> Iterator[tuple[str, Cells]]:
    """Yield (kind, rows). `answer` maps rows to one array of numbers where the model is made of steps, else None."""
    yield "held-out", held
    few = held.take(np.arange(min(_FEW, len(held))))
    if held.numeric:
        yield "zero", _each(few, held, _ZEROS)
        yield "zero", _all_columns(few, held, _ZEROS)
        yield "tiny", _each(few, held, _TINY)
        yield "tiny", _all_columns(few, held, _TINY[:2])
        yield "large", _each(few, held, _LARGE)
        yield "large" if has_trees(model) else BEYOND, _each(few, held, _HUGE)
        yield "whole", _whole(held)
        yield "category", _codes(few, held, _odd_codes)
        yield "large code", _codes(few, held, lambda known: np.array([1e5, 1e10]))
        yield "missing", _holes(held)
        yield "infinite", _each(few, held, (np.inf, -np.inf))
        yield "swapped", _swapped(held)
    for column in held.texts:
        yield "text", _texts(few, column)
        yield "missing", few.with_cells(np.arange(len(few)), column, None)
    splits = [split for split in splits_of(model) if all(step[0] in held.numeric for step in split.way)]
    placed = at_splits(held, splits)
    if placed is not None:
        yield from _apart("threshold", placed)
    found = None if answer is None else bisected(held, answer, beside=_BLUR if blurs_boundaries(model) else 0.0)
    if found is not None:
        yield from _apart("nearest" if decides_by_distance(model) else "boundary", found)


def _apart(kind: str, rows: Cells) -> Iterator[tuple[str, Cells]]:
    """Yield the rows, those beside a boundary at zero as tiny numbers where float32 takes them for zero."""
    zero_to_float32 = np.zeros(len(rows), dtype=bool)
    for column in rows.numeric:
        size = np.abs(rows.columns[column])
        zero_to_float32 |= (size > 0) & (size < np.finfo(np.float32).tiny)
    yield kind, rows.take(~zero_to_float32)
    yield "tiny", rows.take(zero_to_float32)


def servable(rows: Cells, signature: Signature, kind: str) -> Cells:
    """Return the rows that the program would let through: no larger numbers, no missing cells or values it refuses.

    Infinite cells, which no request can carry, stay: they are judged on the graph itself.
    """
    own = {name: index for index, name in enumerate(rows.names)}
    keep = np.ones(len(rows), dtype=bool)
    for at, column in enumerate(signature.columns):
        cells = rows.columns[own.get(column.name, at)]
        if cells.dtype == object:
            hole = np.array([cell is None for cell in cells], dtype=bool)
        else:
            hole = np.isnan(cells)
            if kind != "infinite":
                keep &= hole | (np.abs(np.where(hole, 0.0, cells)) <= column.max_abs)
                keep &= hole | (cells >= column.least)
        keep &= ~hole | column.accepts_missing
        if column.known is not None:
            keep &= hole | np.array([cell in column.known for cell in cells.tolist()], dtype=bool)
    return rows.take(keep)


def _each(few: Cells, held: Cells, values: tuple[float, ...]) -> Cells:
    """Return a row for each value in each single column."""
    parts = []
    for column in held.numeric[:_COLUMNS]:
        index = np.arange(len(values)) % len(few)
        parts.append(few.take(index).with_cells(np.arange(len(values)), column, np.array(values)))
    return concatenate(parts)


def _all_columns(few: Cells, held: Cells, values: tuple[float, ...]) -> Cells:
    rows = few.take(np.arange(len(values)) % len(few))
    for column in held.numeric:
        rows = rows.with_cells(np.arange(len(values)), column, np.array(values))
    return rows


def _whole(held: Cells) -> Cells:
    """Return held-out rows with rounded numbers: ties, equal distances, exact steps."""
    rows = held.take(np.arange(min(60, len(held))))
    for column in held.numeric:
        rows = rows.with_cells(np.arange(len(rows)), column, np.round(rows.columns[column]))
    return rows


def _swapped(held: Cells) -> Cells:
    """Return rows whose cells come from different rows, some of them moved out of the range that was trained on."""
    random = np.random.default_rng(21)
    rows = held
    for column in held.numeric:
        cells = random.permutation(held.columns[column])
        cells = np.where(random.random(len(cells)) < 0.2, cells * 1.7, cells)
        rows = rows.with_cells(np.arange(len(rows)), column, cells)
    return rows


def _odd_codes(known: Doubles) -> Doubles:
    most = float(known.max(initial=0.0))
    return np.concatenate([known, known + 0.5, known - 0.25, [most + 1, most + 70, -1.0, -0.5, -2.0]])


def _codes(few: Cells, held: Cells, made: Callable[[Doubles], Doubles]) -> Cells:
    """Return the codes that are made of the known ones in every column of few whole numbers."""
    parts = []
    for column in held.numeric[:_COLUMNS]:
        cells = held.columns[column][np.isfinite(held.columns[column])]
        known = np.unique(cells)
        if len(known) > 40 or (known != np.round(known)).any():
            continue
        values = made(known)
        index = np.arange(len(values)) % len(few)
        parts.append(few.take(index).with_cells(np.arange(len(values)), column, values))
    return concatenate(parts) if parts else few


def _holes(held: Cells) -> Cells:
    """Return rows with one cell missing, with some, with all numbers missing."""
    random = np.random.default_rng(22)
    some = held.take(np.arange(min(40, len(held))))
    every = held.take(np.arange(1))
    parts = []
    for column in held.numeric:
        some = some.with_cells(np.flatnonzero(random.random(len(some)) < 0.3), column, np.nan)
        every = every.with_cells(np.arange(1), column, np.nan)
        if column in held.numeric[:_COLUMNS]:
            one = held.take(np.arange(min(3, len(held))))
            parts.append(one.with_cells(np.arange(len(one)), column, np.nan))
    return concatenate([*parts, some, every])


def _texts(few: Cells, column: int) -> Cells:
    rows = few.take(np.arange(len(_TEXTS)) % len(few))
    return rows.with_cells(np.arange(len(_TEXTS)), column, np.array(_TEXTS, dtype=object))
