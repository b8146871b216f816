"""Rows beside the places where the native answers jump, found by asking the model, whatever kind it is.

In: a model's structure and the way to ask it. Out: rows on both sides of such places. Thresholds of trees that are
traced to the columns need no asking; behind other steps, in binning and where a score becomes a label they do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature
from packager.dataset.rows import Rows, concatenate
from packager.structure import Doubles, Flags, Ints, Structure
from packager.verify.asking import Ask, side_by_side
from packager.verify.probes import ordinary_rows, taken_ranges

Read = Callable[[Rows], npt.NDArray[Any]]

_SEED = 20_240_602
# Lines between two ordinary rows: on half of them one column moves, on the others all do.
_LINES = 256
_MOVED_COLUMNS = 16
# Answers of more columns than this are some text's words, and much memory.
_MAX_WIDTH = 4_096
# A line has 2^52 places; a label that changes is found to a part in 16 million, which is nearer than rows are put.
_HALVINGS, _LABEL_HALVINGS = 52, 24
# How far from a jump rows lie, as a share of their line: nearer than float32 can tell, farther than double rounds. Sums
# and products ahead of a tree round more than the scaling of a column ahead of a threshold.
_BESIDE, _BESIDE_SHARED = 1e-9, 1e-12
# A label changes where a score is a rounding away from doing so; here it is not, in float32 either.
_BESIDE_LABEL = 1e-4
# A probability that changes as much over a 16 millionth of a line does not do so steadily.
_JUMP = 1e-3
# From this halving on a line whose change has shrunk with its length holds no jump: a slope as steep would be one.
# Before it, as many as 4,096 jumps may shrink the change as fast.
_FIRST_LOOK, _SHRINKS = 16, 0.75
# What a build allows where its recipe says nothing: a smaller jump is none.
_ATOL, _RTOL = 1e-6, 1e-5


@dataclass(frozen=True)
class Lines:
    """From `start` to the numbers `end`, [lines, columns]; `column` is the one that moves, -1 where all do."""

    start: Rows
    end: Doubles
    column: Ints

    def at(self, share: Doubles) -> Rows:
        """Return one row per line, that far along it."""
        along = np.clip(share, 0.0, 1.0)[:, None]
        return Rows(self.start.numbers * (1 - along) + self.end * along, self.start.strings)

    def take(self, index: Ints | Flags) -> Lines:
        return Lines(self.start.take(index), self.end[index], self.column[index])


def jump_rows(structure: Structure, signature: Signature, ask: Ask) -> Rows:
    """Return rows on both sides of jumps and of changes of the label; few or none where the model has none."""
    moving = _moving_columns(structure, signature)
    none = ordinary_rows(structure, signature, 0)
    if not len(moving) or (structure.trees is not None and structure.gap is None):
        return none
    structure = taken_ranges(structure, signature)
    lines = _lines(structure, signature, moving)
    parts = [none, _beside_labels(lines, signature, ask)]
    if sum(output.width for output in signature.outputs) <= _MAX_WIDTH:
        parts.append(_beside_jumps(lines, structure, signature, ask))
    return concatenate([part for part in parts if part is not None])


def _moving_columns(structure: Structure, signature: Signature) -> Ints:
    """Return the columns of numbers that are no codes."""
    free = [
        index
        for index, column in enumerate(signature.columns)
        if column.dtype == "float64" and column.known is None and index not in structure.codes
    ]
    return np.array([index for index in free if structure.low[index] < structure.high[index]], dtype=np.int64)


def _lines(structure: Structure, signature: Signature, moving: Ints) -> Lines:
    random = np.random.default_rng(_SEED)
    rows = ordinary_rows(structure, signature, 2 * _LINES)
    start, other = rows.take(slice(0, _LINES)), rows.numbers[_LINES:]
    some = random.permutation(moving)[:_MOVED_COLUMNS]
    column = np.where(np.arange(_LINES) % 2, -1, some[np.arange(_LINES) // 2 % len(some)])
    moves = np.zeros(other.shape, dtype=bool)
    moves[np.ix_(column < 0, moving)] = True
    single = np.flatnonzero(column >= 0)
    moves[single, column[single]] = True
    # A single column goes through the whole of its range.
    end = np.where(moves, other, start.numbers)
    start.numbers[single, column[single]] = structure.low[column[single]]
    end[single, column[single]] = structure.high[column[single]]
    return Lines(start, end, column)


def _beside_labels(lines: Lines, signature: Signature, ask: Ask) -> Rows | None:
    """Return rows on both sides of where a line's label changes though its scores do not jump."""
    names = [output.name for output in signature.outputs if output.role == "label"]
    if not names:
        return None

    def labels(rows: Rows) -> npt.NDArray[Any]:
        return side_by_side(ask, rows, names, refused=None)

    count = len(lines.column)
    first, last = labels(lines.at(np.zeros(count))), labels(lines.at(np.ones(count)))
    changes = (first != last).any(axis=1)
    if not changes.any():
        return None
    lines, first = lines.take(changes), first[changes]
    bottom, top = np.zeros(len(first)), np.ones(len(first))
    for _ in range(_LABEL_HALVINGS):
        middle = (bottom + top) / 2
        same = (labels(lines.at(middle)) == first).all(axis=1)
        bottom, top = np.where(same, middle, bottom), np.where(same, top, middle)
    steady = ~_scores_jump(lines, (bottom, top), signature, ask)
    lines, bottom, top = lines.take(steady), bottom[steady], top[steady]
    return concatenate([lines.at(bottom - _BESIDE_LABEL), lines.at(top + _BESIDE_LABEL)])


def _scores_jump(lines: Lines, sides: tuple[Doubles, Doubles], signature: Signature, ask: Ask) -> Flags:
    """Tell which lines' labels change because a score jumps, another neighbour becoming the nearest; [lines]."""
    names = [output.name for output in signature.outputs if output.role == "probability"]
    if not names:
        return np.zeros(len(lines.column), dtype=bool)
    low, high = (side_by_side(ask, lines.at(side), names, refused=np.nan) for side in sides)
    return np.asarray(_change(low, high) > _JUMP)


def _beside_jumps(lines: Lines, structure: Structure, signature: Signature, ask: Ask) -> Rows | None:
    """Return rows on both sides of jumps of a number.

    Without trees a jump counts only where several lines have it at the same number of a column: a threshold. Another
    neighbour or cluster becomes the nearest somewhere else on each line, and float32 may well find it elsewhere.
    """
    names = [output.name for output in signature.outputs if output.role != "label" and output.dtype != "string"]
    if not names:
        return None
    lines, bottom, top = _closed_in(lines, lambda rows: side_by_side(ask, rows, names, refused=np.nan))
    beside = _BESIDE
    if structure.gap is None:
        shared = _at_shared_places(lines, bottom, structure)
        lines, bottom, top, beside = lines.take(shared), bottom[shared], top[shared], _BESIDE_SHARED
    return concatenate([lines.at(bottom - beside), lines.at(top + beside)])


def _closed_in(lines: Lines, read: Read) -> tuple[Lines, Doubles, Doubles]:
    """Return the lines with a jump, and the places below and above it; halving follows the larger change."""
    bottom, top = np.zeros(len(lines.column)), np.ones(len(lines.column))
    low, high = read(lines.at(bottom)), read(lines.at(top))
    whole = _change(low, high)
    for halving in range(_HALVINGS + 1):
        least = whole * 2.0 ** (-_SHRINKS * halving) if halving >= _FIRST_LOOK else 0.0
        size = np.abs(np.nan_to_num(low)).max(axis=1, initial=0.0)
        alive = _change(low, high) > np.maximum(least, _ATOL + _RTOL * size)
        lines, whole = lines.take(alive), whole[alive]
        bottom, top, low, high = bottom[alive], top[alive], low[alive], high[alive]
        if halving == _HALVINGS or not alive.any():
            break
        middle = (bottom + top) / 2
        between = read(lines.at(middle))
        lower = _change(low, between) >= _change(between, high)
        bottom, top = np.where(lower, bottom, middle), np.where(lower, middle, top)
        low, high = np.where(lower[:, None], low, between), np.where(lower[:, None], between, high)
    return lines, bottom, top


def _change(one: Doubles, other: Doubles) -> Doubles:
    """Return the largest change of any number, 0 where the model refuses a row."""
    with np.errstate(invalid="ignore", over="ignore"):
        change = np.abs(other - one)
    return np.asarray(np.where(np.isfinite(change), change, 0.0).max(axis=1, initial=0.0))


def _at_shared_places(lines: Lines, share: Doubles, structure: Structure) -> Flags:
    """Tell which lines jump at a number of their one column at which another one does; [lines]."""
    shared = np.zeros(len(share), dtype=bool)
    if len(np.unique(lines.column[lines.column >= 0])) < 2:
        return shared  # of a single column, every line jumps at the same numbers
    numbers = lines.at(share).numbers
    for column in np.unique(lines.column[lines.column >= 0]).tolist():
        own = np.flatnonzero(lines.column == column)
        own = own[np.argsort(numbers[own, column], kind="stable")]
        near = np.diff(numbers[own, column]) <= _BESIDE * (structure.high[column] - structure.low[column])
        shared[own[np.append(near, False) | np.append(False, near)]] = True
    return shared
