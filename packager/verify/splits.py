"""Rows that reach a split of the model's own trees, and lie where a wrong split shows.

One row tests many trees at once: beside the cell that is led onto a threshold, most others lie on one of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from packager.artifact import Column
from packager.dataset.rows import Rows, concatenate
from packager.structure import Doubles, Flags, Ints, Structure, Trees
from packager.verify.paths import Paths, paths_to

_THRESHOLD_NODES = 3_000
_CATEGORY_NODES = 500
_MISSING_NODES = 1_500
# Cells of one row for each chosen node together; the rows of all steps are some 100 MB at the most.
_MAX_CELLS = 2_000_000
# The share of the other cells that lies on a threshold of some tree.
_ON_THRESHOLD = 0.75


@dataclass(frozen=True)
class SplitRows:
    """`ordinary(count)` gives the random rows that are led to splits; `random` is the one source of chance."""

    structure: Structure
    trees: Trees
    columns: Sequence[Column]
    ordinary: Callable[[int], Rows]
    random: np.random.Generator

    def thresholds(self) -> Rows:
        """Return rows that reach a split and lie on its threshold, or one step beside it in float64 and float32."""
        trees = self.trees
        nodes = self.chosen()
        paths = paths_to(trees, nodes, self.universe())
        parts = []
        for step in boundary_steps(trees.threshold[nodes]).T:
            rows = self._along(paths, on_thresholds=True)
            rows.numbers[np.arange(len(nodes)), trees.feature[nodes]] = step
            parts.append(rows)
        return concatenate(parts)

    def set_members(self) -> Rows:
        """Return rows that reach a split by category, once with a member of its set and once with another value."""
        trees, universe = self.trees, self.universe()
        nodes = self.random.permutation(np.flatnonzero(trees.category_set >= 0))[: self._room(_CATEGORY_NODES)]
        paths = paths_to(trees, nodes, universe)
        parts = []
        for is_member in (True, False):
            choices = dict(paths.choices)
            for row, node in enumerate(nodes):
                column = int(trees.feature[node])
                open_to = paths.choices.get((row, column), universe[column])
                inside = np.isin(open_to, trees.categories[trees.category_set[node]])
                if len(values := open_to[inside == is_member]):
                    choices[row, column] = values
            parts.append(self._along(replace(paths, choices=choices)))
        return concatenate(parts)

    def missing(self) -> Rows:
        """Return rows that reach a split whose cell is missing, and other cells that may be."""
        trees, accepts = self.trees, self._accepts()
        candidates = np.flatnonzero(accepts[trees.feature])
        nodes = self.random.permutation(candidates)[: self._room(_MISSING_NODES)]
        paths = paths_to(trees, nodes, self.universe())
        rows = self._along(paths)
        own = np.zeros(paths.missing.shape, dtype=bool)
        own[np.arange(len(nodes)), trees.feature[nodes]] = True
        others = self.random.random(own.shape) < 0.3
        holes = paths.missing & accepts & (own | others)
        rows.numbers[holes] = np.nan
        for column, texts in rows.strings.items():
            texts[holes[:, column]] = None
        return rows

    def universe(self) -> dict[int, Doubles]:
        """Return per categorical column what a cell may hold: the known values, and one that no split knows."""
        known = split_members(self.trees)
        return {column: np.append(members, members.max(initial=-1.0) + 1) for column, members in known.items()}

    def _room(self, wanted: int) -> int:
        return max(1, min(wanted, _MAX_CELLS // len(self.columns)))

    def chosen(self) -> Ints:
        """Return some splits by number: each distinct threshold once if there is room, then others by chance."""
        trees = self.trees
        shuffled = self.random.permutation(np.flatnonzero(_is_numeric(trees)))
        keys = np.stack([trees.feature[shuffled].astype(np.float64), trees.threshold[shuffled]], axis=1)
        _, first = np.unique(keys, axis=0, return_index=True)
        others = np.setdiff1d(np.arange(len(shuffled)), first)
        order = np.concatenate([self.random.permutation(first), others])[: self._room(_THRESHOLD_NODES)]
        chosen: Ints = shuffled[order]
        return chosen

    def _along(self, paths: Paths, *, on_thresholds: bool = False) -> Rows:
        """Return one row per path; most cells lie on a threshold or one step above it, if that is wanted."""
        rows = self.ordinary(len(paths.low))
        numbers = self._into_boxes(rows.numbers, paths)
        if on_thresholds:
            numbers = self._onto_thresholds(numbers, paths)
        numeric = [index for index, column in enumerate(self.columns) if column.dtype != "string"]
        rows.numbers[:, numeric] = numbers[:, numeric]
        shares = self.random.random(len(paths.choices))
        for ((row, column), values), share in zip(paths.choices.items(), shares, strict=True):
            value = values[int(share * len(values))]
            if column in rows.strings:
                known = self.structure.texts[column]
                rows.strings[column][row] = known[int(value)] if value < len(known) else "unseen category"
            else:
                rows.numbers[row, column] = value
        return rows

    def _into_boxes(self, numbers: Doubles, paths: Paths) -> Doubles:
        """Move each cell into its box (low, high]; where no number fits, only a missing cell may."""
        low, high = paths.low, paths.high
        bottom = np.where(np.isfinite(low), low, np.minimum(self.structure.low, high))
        top = np.where(np.isfinite(high), high, np.maximum(self.structure.high, low))
        inside = (numbers > low) & (numbers <= high)
        with np.errstate(invalid="ignore", over="ignore"):
            drawn = bottom + (top - bottom) * self.random.uniform(0.05, 0.95, numbers.shape)
            drawn = np.where(drawn > low, drawn, np.nextafter(low, np.inf))
        moved = np.where(inside, numbers, np.minimum(drawn, high))
        moved = np.where(np.isfinite(moved), moved, numbers)
        return np.where((low >= high) & paths.missing & self._accepts(), np.nan, moved)

    def _onto_thresholds(self, numbers: Doubles, paths: Paths) -> Doubles:
        """Move most cells onto a threshold within their box, or one step above it."""
        moved = numbers.copy()
        for column, known in self._thresholds_by_column.items():
            first, last = (np.searchsorted(known, side[:, column], "right") for side in (paths.low, paths.high))
            share, dice = self.random.random((2, len(numbers)))
            rows = np.flatnonzero((last > first) & (dice < _ON_THRESHOLD))
            picked = known[(first + share * (last - first)).astype(np.int64)[rows]]
            above = np.nextafter(picked, np.inf)
            goes_above = (dice[rows] < _ON_THRESHOLD / 2) & (above <= paths.high[rows, column])
            moved[rows, column] = np.where(goes_above, above, picked)
        return moved

    @cached_property
    def _thresholds_by_column(self) -> dict[int, Doubles]:
        numeric = _is_numeric(self.trees)
        feature, threshold = self.trees.feature[numeric], self.trees.threshold[numeric]
        order = np.lexsort((threshold, feature))
        columns, first = np.unique(feature[order], return_index=True)
        runs = np.split(threshold[order], first[1:])
        return {
            column: np.unique(run) for column, run in zip(columns.tolist(), runs, strict=False)
        }  # no column, one empty run

    def _accepts(self) -> Flags:
        """Return which columns may be missing."""
        return np.array([column.accepts_missing for column in self.columns], dtype=bool)


def boundary_steps(thresholds: Doubles) -> Doubles:
    """Return each threshold, its float64 neighbours and the float32 numbers around it; shape [thresholds, 6]."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
        around = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))]
    steps = [thresholds, np.nextafter(thresholds, np.inf), np.nextafter(thresholds, -np.inf)]
    stacked = np.stack([*steps, *(values.astype(np.float64) for values in around)], axis=1)
    return np.where(np.isfinite(stacked), stacked, thresholds[:, None])


def _is_numeric(trees: Trees) -> Flags:
    """Return which splits compare with a number; a split at infinity only parts the missing cells from the others."""
    return np.asarray((trees.category_set < 0) & np.isfinite(trees.threshold))


def split_members(trees: Trees) -> dict[int, Doubles]:
    """Return per categorical column every value that some split names."""
    found = {}
    is_category = trees.category_set >= 0
    for column in np.unique(trees.feature[is_category]).tolist():
        sets = np.unique(trees.category_set[is_category & (trees.feature == column)])
        found[column] = np.unique(np.concatenate([trees.categories[index] for index in sets]))
    return found
