"""Made rows: where conversions go wrong, found in the model's own structure, with no data needed.

Deterministic: the same structure gives the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from packager.artifact import Precision, Signature
from packager.dataset.rows import Rows, concatenate
from packager.structure import Doubles, Flags, Ints, Structure, Trees
from packager.verify.paths import Paths, paths_to

Array = npt.NDArray[np.generic]

# Rows of these kinds lie within the columns' ordinary range.
ORDINARY_KINDS = ("ordinary", "zero", "missing", "category")
KINDS = (*ORDINARY_KINDS, "threshold", "extreme")

_SEED = 20_240_601
_ORDINARY_ROWS = 512
_THRESHOLD_NODES = 3_000
_CATEGORY_NODES = 500
_MISSING_NODES = 1_500
# Cells of one row for each chosen node together; the rows of all steps are some 100 MB at the most.
_MAX_CELLS = 2_000_000
# Rows beside a threshold meet other trees' thresholds as well: this share of their cells lies on one.
_ON_THRESHOLD = 0.75
_CATEGORY_ROWS = 1_000
_MISSING_ROWS = 256
_TINY = (0.0, -0.0, 1e-35, -1e-35, 1.0000000180025095e-35, 2e-35, -2e-35, 5e-324, -5e-324, 1e-38)
# Beyond a million times its range a column drowns all others: what is left of a distance there is rounding alone,
# in the native model as well.
_FAR_FACTORS = (1.0, 10.0, 1e3, 1e6)
_FAR_ROWS = 512
_HUGE = (16777216.0, 16777217.0, 9007199254740992.0, 1e6, 1e15, 1e30, 3.4028234663852886e38)


def judged_kinds(precision: Precision, *, is_baseline: bool) -> tuple[str, ...]:
    """Return the kinds of rows that a variant is judged on: the baseline on all.

    Other variants do without huge magnitudes, which no narrower arithmetic carries, and fp16 and int8 without rows
    beside thresholds: half of a float32 overflows at 65,504, and one huge row takes the int8 scale of its batch.
    """
    if is_baseline:
        return KINDS
    return (*ORDINARY_KINDS, "threshold") if precision in ("fp64", "fp32") else ORDINARY_KINDS


@dataclass(frozen=True)
class Probes:
    """Made rows and the kind of each, an index into KINDS, of shape [rows]."""

    rows: Rows
    kinds: npt.NDArray[np.int8]

    def of(self, kinds: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        """Return which rows are of one of `kinds`."""
        return np.isin(self.kinds, [KINDS.index(kind) for kind in kinds])


def make_probes(structure: Structure, signature: Signature) -> Probes:
    """Make rows of every kind that the model's structure and signature give rise to."""
    maker = _Maker(structure, signature)
    parts = [(kind, rows) for kind, rows in maker.parts() if len(rows)]
    kinds = np.concatenate([np.full(len(rows), KINDS.index(kind), dtype=np.int8) for kind, rows in parts])
    return Probes(concatenate([rows for _, rows in parts]), kinds)


def ordinary_rows(structure: Structure, signature: Signature, count: int) -> Rows:
    """Return `count` rows within the columns' ordinary ranges."""
    return _Maker(structure, signature).ordinary(count)


class _Maker:
    """Holds what every kind of row starts from: random rows within the ordinary range."""

    def __init__(self, structure: Structure, signature: Signature) -> None:
        self._structure = structure
        self._columns = signature.columns
        self._random = np.random.default_rng(_SEED)
        self._numeric = [i for i, column in enumerate(signature.columns) if column.dtype != "string"]
        self._members = _known_categories(structure)

    def parts(self) -> Iterator[tuple[str, Rows]]:
        yield "ordinary", self.ordinary(_ORDINARY_ROWS)
        yield "zero", self._zeros()
        yield "missing", self._missing()
        yield "category", self._categories()
        if self._structure.trees is not None and len(self._structure.trees.feature):
            yield from self._beside_splits(self._structure.trees)
        yield "extreme", self._extremes()

    def ordinary(self, count: int) -> Rows:
        """Return random rows within the ordinary range of every column."""
        low, high = self._structure.low, self._structure.high
        numbers = self._random.uniform(low, high, (count, len(low)))
        # A quarter of the numbers as whole ones: counts, flags and codes are.
        whole = self._random.random(numbers.shape) < 0.25
        numbers = np.where(whole, np.round(numbers), numbers)
        for column, members in self._members.items():
            numbers[:, column] = self._random.choice(members, count)
        strings = {}
        for column in self._structure.texts:
            known = self._structure.texts[column] or ("",)
            strings[column] = np.array([known[i] for i in self._random.integers(len(known), size=count)], dtype=object)
            numbers[:, column] = np.nan
        return Rows(numbers, strings)

    def _with_cells(self, values: tuple[float, ...]) -> Rows:
        """Return ordinary rows with each value once in every column, and once in each single column."""
        columns = self._numeric[:64]
        rows = self.ordinary(len(values) * (len(columns) + 1))
        for index, value in enumerate(values):
            start = index * (len(columns) + 1)
            rows.numbers[start, self._numeric] = value
            rows.numbers[start + 1 + np.arange(len(columns)), columns] = value
        return rows

    def _zeros(self) -> Rows:
        return self._with_cells(_TINY)

    def _extremes(self) -> Rows:
        """Return huge numbers for trees; for sums and distances numbers as far out as doubles can still tell apart."""
        limits = {column.max_abs for column in self._columns}
        limit = min(limits) if limits else 0.0
        if self._structure.trees is None and self._structure.gap is None:
            return self._far_out(limit)
        values = [sign * value for value in (*_HUGE, min(limit, 1e300)) for sign in (1, -1) if value <= limit]
        return self._with_cells(tuple(values))

    def _far_out(self, limit: float) -> Rows:
        rows = self.ordinary(_FAR_ROWS)
        factors = self._random.choice(_FAR_FACTORS, rows.numbers.shape)
        rows.numbers[:] = np.clip(rows.numbers * factors, -limit, limit)
        return rows

    def _missing(self) -> Rows:
        accepting = self._accepting()
        if not accepting:
            return self.ordinary(0)
        rows = self.ordinary(_MISSING_ROWS)
        holes = self._random.random((len(rows), len(accepting))) < 0.3
        singles = np.arange(min(len(accepting), len(rows) - 1))
        holes[: len(singles)] = np.eye(len(accepting), dtype=bool)[singles]
        holes[-1] = True
        cells = rows.numbers[:, accepting]
        rows.numbers[:, accepting] = np.where(holes, np.nan, cells)
        return rows

    def _accepting(self) -> list[int]:
        return [i for i in self._numeric if self._columns[i].accepts_missing]

    def _accepts(self) -> Flags:
        accepts = np.zeros(len(self._columns), dtype=bool)
        accepts[self._accepting()] = True
        return accepts

    def _categories(self) -> Rows:
        parts = []
        for column, members in self._members.items():
            odd = [members.max() + 1, members.max() + 1000, -1.0, -0.5, 0.5, members.max() + 0.5, 1e9]
            values = np.concatenate([members[:_CATEGORY_ROWS], odd])
            rows = self.ordinary(len(values))
            rows.numbers[:, column] = values
            parts.append(rows)
        for column, known in self._structure.texts.items():
            texts = [*known[:_CATEGORY_ROWS], "", " ", "unseen category", "Ünsëen ß 漢字", "0", "nan"]
            rows = self.ordinary(len(texts))
            rows.strings[column][:] = texts
            parts.append(rows)
        return concatenate(parts) if parts else self.ordinary(0)

    def _beside_splits(self, trees: Trees) -> Iterator[tuple[str, Rows]]:
        """Yield rows that reach a split: on its threshold and beside it, of its set and not, with its cell missing."""
        yield "threshold", self._thresholds(trees)
        yield "category", self._set_members(trees)
        yield "missing", self._missing_at_splits(trees)

    def _thresholds(self, trees: Trees) -> Rows:
        """Return rows that reach a split and lie on its threshold, or one step beside it in float64 and float32."""
        nodes = self._chosen(trees, np.flatnonzero(_is_numeric(trees)), _THRESHOLD_NODES)
        paths = paths_to(trees, nodes, self._universe(trees))
        parts = []
        for step in boundary_steps(trees.threshold[nodes]).T:
            rows = self._along(paths, trees)
            rows.numbers[np.arange(len(nodes)), trees.feature[nodes]] = step
            parts.append(rows)
        return concatenate(parts)

    def _set_members(self, trees: Trees) -> Rows:
        """Return rows that reach a split by category, once with a member of its set and once with another value."""
        nodes = self._random.permutation(np.flatnonzero(trees.category_set >= 0))[: self._room(_CATEGORY_NODES)]
        universe = self._universe(trees)
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

    def _missing_at_splits(self, trees: Trees) -> Rows:
        """Return rows that reach a split whose cell is missing, and other cells that may be."""
        accepts = self._accepts()
        candidates = np.flatnonzero(accepts[trees.feature])
        nodes = self._random.permutation(candidates)[: self._room(_MISSING_NODES)]
        paths = paths_to(trees, nodes, self._universe(trees))
        rows = self._along(paths)
        own = np.zeros(paths.missing.shape, dtype=bool)
        own[np.arange(len(nodes)), trees.feature[nodes]] = True
        others = self._random.random(own.shape) < 0.3
        rows.numbers[paths.missing & accepts & (own | others)] = np.nan
        return rows

    def _universe(self, trees: Trees) -> dict[int, Doubles]:
        """Return per categorical column what a cell may hold: the known values, and one that no split knows."""
        columns = np.unique(trees.feature[trees.category_set >= 0])
        return {int(column): _and_unseen(_split_members(trees, column)) for column in columns}

    def _room(self, wanted: int) -> int:
        return max(1, min(wanted, _MAX_CELLS // len(self._columns)))

    def _chosen(self, trees: Trees, nodes: Ints, wanted: int) -> Ints:
        """Return some of the nodes: each distinct threshold once if there is room, then others by chance."""
        shuffled = self._random.permutation(nodes)
        keys = np.stack([trees.feature[shuffled].astype(np.float64), trees.threshold[shuffled]], axis=1)
        _, first = np.unique(keys, axis=0, return_index=True)
        others = np.setdiff1d(np.arange(len(shuffled)), first)
        order = np.concatenate([self._random.permutation(first), others])[: self._room(wanted)]
        chosen: Ints = shuffled[order]
        return chosen

    def _along(self, paths: Paths, trees: Trees | None = None) -> Rows:
        """Return one row per path; with `trees`, most cells lie on a threshold or one step above it."""
        rows = self.ordinary(len(paths.low))
        numbers = self._into_boxes(rows.numbers, paths)
        if trees is not None:
            numbers = self._onto_thresholds(numbers, paths, trees)
        rows.numbers[:, self._numeric] = numbers[:, self._numeric]
        shares = self._random.random(len(paths.choices))
        for ((row, column), values), share in zip(paths.choices.items(), shares, strict=True):
            value = values[int(share * len(values))]
            if column in rows.strings:
                known = self._structure.texts[column]
                rows.strings[column][row] = known[int(value)] if value < len(known) else "unseen category"
            else:
                rows.numbers[row, column] = value
        return rows

    def _into_boxes(self, numbers: Doubles, paths: Paths) -> Doubles:
        """Move each cell into its box (low, high]; where no number fits, only a missing cell may."""
        low, high = paths.low, paths.high
        bottom = np.where(np.isfinite(low), low, np.minimum(self._structure.low, high))
        top = np.where(np.isfinite(high), high, np.maximum(self._structure.high, low))
        inside = (numbers > low) & (numbers <= high)
        with np.errstate(invalid="ignore", over="ignore"):
            drawn = bottom + (top - bottom) * self._random.uniform(0.05, 0.95, numbers.shape)
            drawn = np.where(drawn > low, drawn, np.nextafter(low, np.inf))
        moved = np.where(inside, numbers, np.minimum(drawn, high))
        moved = np.where(np.isfinite(moved), moved, numbers)
        return np.where((low >= high) & paths.missing & self._accepts(), np.nan, moved)

    def _onto_thresholds(self, numbers: Doubles, paths: Paths, trees: Trees) -> Doubles:
        """Move most cells onto a threshold within their box, or one step above it."""
        moved = numbers.copy()
        numeric = _is_numeric(trees)
        for column in range(trees.n_features):
            known = np.unique(trees.threshold[numeric & (trees.feature == column)])
            first, last = (np.searchsorted(known, side[:, column], "right") for side in (paths.low, paths.high))
            share, dice = self._random.random((2, len(numbers)))
            rows = np.flatnonzero((last > first) & (dice < _ON_THRESHOLD))
            picked = known[(first + share * (last - first)).astype(np.int64)[rows]]
            above = np.nextafter(picked, np.inf)
            goes_above = (dice[rows] < _ON_THRESHOLD / 2) & (above <= paths.high[rows, column])
            moved[rows, column] = np.where(goes_above, above, picked)
        return moved


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


def _known_categories(structure: Structure) -> dict[int, Doubles]:
    """Return per column of codes every value that some split or encoder names."""
    known = dict(structure.codes)
    if structure.trees is not None:
        for column in np.unique(structure.trees.feature[structure.trees.category_set >= 0]).tolist():
            known[column] = _split_members(structure.trees, column)
    return known


def _split_members(trees: Trees, column: int) -> Doubles:
    sets = np.unique(trees.category_set[(trees.feature == column) & (trees.category_set >= 0)])
    return np.unique(np.concatenate([trees.categories[index] for index in sets]))


def _and_unseen(members: Doubles) -> Doubles:
    return np.append(members, members.max(initial=-1.0) + 1)
