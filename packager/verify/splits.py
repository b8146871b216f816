"""Rows that reach a split of the model's own trees, and lie where a wrong split shows: on its threshold and beside it,
with each category on either side, without a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from packager.artifact import Column
from packager.dataset.rows import Rows, concatenate
from packager.structure import Doubles, Flags, Ints, Structure, Trees, known_texts, split_members
from packager.verify.cover import Cover
from packager.verify.missing_cover import MissingCover
from packager.verify.paths import Atlas, Paths

# Rows on thresholds, half of them just above: what two rounds over a forest of 30,000 splits take, or one over 160,000.
_THRESHOLD_ROWS = 110_000
# Of these rows so many also lie one step below, and on the float32 numbers around.
_CLOSE_ROWS = 2_000
# Rows for pairs of a split by category and a value, and for splits without a value: each row asks every tree.
_CATEGORY_ROWS = 8_000
_MISSING_ROWS = 22_000
# Cells of the rows of one kind, 96 MB: wide models get rows for fewer splits.
_MAX_CELLS = 12_000_000
# Cells that are made at once.
_CHUNK_CELLS = 200_000


@dataclass(frozen=True)
class SplitRows:
    """`ordinary(count)` gives the random rows that are led to splits; `random` is the one source of chance.

    `times`: how often each split is shown.
    """

    structure: Structure
    trees: Trees
    columns: Sequence[Column]
    ordinary: Callable[[int], Rows]
    random: np.random.Generator
    times: int = 2

    def thresholds(self) -> Rows:
        """Return rows that reach a split and lie on its threshold, or one step beside it in float64 and float32."""
        nodes = self.random.permutation(np.flatnonzero(is_numeric(self.trees)))
        parts, close = [self.ordinary(0)], self._room(_CLOSE_ROWS)
        for base in self._cover.bases(nodes, room=max(1, self._room(_THRESHOLD_ROWS) // 2), chunk=self.chunk):
            for number, step in enumerate(boundary_steps(base.cells[base.is_on]).T):
                cells = base.cells.copy()
                cells[base.is_on] = step
                parts.append(self.as_rows(cells if number < 2 else cells[:close]))
            close = max(0, close - len(base.cells))
        return concatenate(parts)

    def shown(self) -> tuple[int, int]:
        """Return how many thresholds have rows on them and just above, which end in unlike leaves, and of how many."""
        numeric = is_numeric(self.trees)
        return int(np.count_nonzero(self._cover.shown[numeric])), int(np.count_nonzero(numeric))

    def set_members(self) -> Rows:
        """Return rows that reach a split by category, with the values that lead there, in its set and beside it."""
        trees, parts = self.trees, [self.ordinary(0)]
        nodes = self.random.permutation(np.flatnonzero(trees.category_set >= 0))[: self._room(_CATEGORY_ROWS)]
        for chunk in self._chunks(nodes):
            paths = self.atlas.paths_to(chunk)
            for column in np.unique(trees.feature[chunk]).tolist():
                of = np.flatnonzero(trees.feature[chunk] == column)
                share = self._room(_CATEGORY_ROWS) * len(of) // len(nodes)
                node, value = self._pairs(paths.allowed[column][of], self.atlas.members(chunk[of]), max(1, share))
                cells = self.along(paths.take(of[node]))
                cells[:, column] = self.universe[column][value]
                parts.append(self.as_rows(cells))
        return concatenate(parts)

    def missing(self) -> Rows:
        """Return rows that reach a split whose cell is missing, as most other splits' that they meet."""
        cover = MissingCover(self.atlas, self.along, self.random, self._accepts)
        cells = cover.rows(room=self._room(_MISSING_ROWS), chunk=self.chunk)
        return concatenate([self.ordinary(0), *map(self.as_rows, cells)])

    @cached_property
    def _cover(self) -> Cover:
        return Cover(self.atlas, self.along, self.random, self.times)

    @cached_property
    def atlas(self) -> Atlas:
        return Atlas.of(self.trees, self.universe)

    @cached_property
    def universe(self) -> dict[int, Doubles]:
        """Return per categorical column what a cell may hold: the known values, and one that no split knows."""
        known = split_members(self.trees)
        return {
            column: members if self.columns[column].known else np.append(members, members.max(initial=-1.0) + 1)
            for column, members in known.items()
        }

    @property
    def chunk(self) -> int:
        """Return how many rows are made at once."""
        return max(1, _CHUNK_CELLS // (len(self.columns) + sum(map(len, self.universe.values()))))

    def _chunks(self, nodes: Ints) -> Iterator[Ints]:
        for start in range(0, len(nodes), self.chunk):
            yield nodes[start : start + self.chunk]

    def _room(self, wanted: int) -> int:
        return max(1, min(wanted, _MAX_CELLS // len(self.columns)))

    def _pairs(self, allowed: Flags, inside: Flags, room: int) -> tuple[Ints, Ints]:
        """Return up to `room` pairs (node, value) among those allowed; both sides of each node come first."""
        node, value = np.nonzero(allowed)
        order = self.random.permutation(len(node))
        node, value = node[order], value[order]
        _, first = np.unique(np.stack([node, inside[node, value]]), axis=1, return_index=True)
        rest = np.setdiff1d(np.arange(len(node)), first)
        chosen = np.concatenate([first, rest])[:room]
        return node[chosen], value[chosen]

    def along(self, paths: Paths) -> Doubles:
        """Return cells that lead along each path, codes in place of text; NaN where only a missing cell does."""
        cells = self._into_boxes(self._amid_thresholds(self.ordinary(len(paths)).numbers), paths)
        for column, allowed in paths.allowed.items():
            count = allowed.sum(axis=1)
            nth = (self.random.random(len(paths)) * count).astype(np.int64) + 1
            picked = self.universe[column][(np.cumsum(allowed, axis=1) == nth[:, None]).argmax(axis=1)]
            lost = (count == 0) & paths.missing[:, column] & self._accepts[column]
            cells[:, column] = np.where(lost, np.nan, picked)
        return cells

    def as_rows(self, cells: Doubles) -> Rows:
        """Return cells as rows, what is NaN as missing ones; columns that no split reads as they come."""
        rows = self.ordinary(len(cells))
        for column, texts in rows.strings.items():
            if column in self.universe:
                texts[:] = known_texts(self.structure.texts[column], cells[:, column])
        numeric = [index for index in range(len(self.columns)) if index not in rows.strings]
        rows.numbers[:, numeric] = cells[:, numeric]
        return rows

    def _amid_thresholds(self, numbers: Doubles) -> Doubles:
        """Return the cells of every other row drawn from their column's thresholds: those lie where fitted rows lay."""
        for column, known in self.thresholds_by_column.items():
            numbers[::2, column] = self.random.choice(known, len(numbers[::2]))
        return numbers

    @cached_property
    def thresholds_by_column(self) -> dict[int, Doubles]:
        numeric = np.flatnonzero(is_numeric(self.trees))
        columns = self.trees.feature[numeric]
        return {column: self.trees.threshold[numeric[columns == column]] for column in np.unique(columns).tolist()}

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
        return np.where((low >= high) & paths.missing & self._accepts, np.nan, moved)

    @cached_property
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


def is_numeric(trees: Trees) -> Flags:
    """Return which splits compare with a number; a split at infinity only parts the missing cells from the others."""
    return np.asarray((trees.category_set < 0) & np.isfinite(trees.threshold))
