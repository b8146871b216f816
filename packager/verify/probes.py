"""Made rows: where conversions go wrong, found in the model's own structure, with no data needed.

Deterministic: the same structure gives the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packager.artifact import Precision, Signature
from packager.dataset.rows import Rows, concatenate
from packager.structure import Doubles, Ints, Structure, Trees

Array = npt.NDArray[np.generic]

# Rows of these kinds lie within the columns' ordinary range.
ORDINARY_KINDS = ("ordinary", "zero", "missing", "category")
KINDS = (*ORDINARY_KINDS, "threshold", "extreme")

_SEED = 20_240_601
_ORDINARY_ROWS = 512
_THRESHOLD_NODES = 3_000
# Boxes of all chosen nodes together: some 100 MB at the most.
_MAX_CELLS = 4_000_000
_CATEGORY_ROWS = 1_000
_MISSING_ROWS = 256
_TINY = (0.0, -0.0, 1e-35, -1e-35, 1.0000000180025095e-35, 2e-35, -2e-35, 5e-324, -5e-324, 1e-38)
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
        self._members = _category_members(structure.trees)

    def parts(self) -> Iterator[tuple[str, Rows]]:
        yield "ordinary", self.ordinary(_ORDINARY_ROWS)
        yield "zero", self._zeros()
        yield "missing", self._missing()
        yield "category", self._categories()
        if self._structure.trees is not None and len(self._structure.trees.feature):
            yield "threshold", self._thresholds(self._structure.trees)
        yield "extreme", self._extremes()

    def ordinary(self, count: int) -> Rows:
        """Return random rows within the ordinary range of every column."""
        low, high = self._structure.low, self._structure.high
        numbers = self._random.uniform(low, high, (count, len(low)))
        for column, members in self._members.items():
            numbers[:, column] = self._random.choice(members, count)
        # A quarter of the numbers as whole ones: counts, flags and codes are.
        whole = self._random.random(numbers.shape) < 0.25
        numbers = np.where(whole, np.round(numbers), numbers)
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
        limits = {column.max_abs for column in self._columns}
        limit = min(limits) if limits else 0.0
        values = [sign * value for value in (*_HUGE, min(limit, 1e300)) for sign in (1, -1) if value <= limit]
        return self._with_cells(tuple(values))

    def _missing(self) -> Rows:
        accepting = [i for i in self._numeric if self._columns[i].accepts_missing]
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

    def _thresholds(self, trees: Trees) -> Rows:
        """Return rows that reach a split and lie on its threshold, or one step beside it in float64 and float32."""
        nodes = self._chosen_nodes(trees)
        low, high, fixed = path_boxes(trees, nodes)
        base = self.ordinary(len(nodes))
        reaching = self._into_boxes(base.numbers, low, high, fixed)
        steps = boundary_steps(trees.threshold[nodes])  # [nodes, steps]
        index = np.repeat(np.arange(len(nodes)), steps.shape[1])
        rows = base.take(index)
        rows.numbers[:] = reaching[index]
        rows.numbers[np.arange(len(index)), trees.feature[nodes][index]] = steps.ravel()
        return rows

    def _chosen_nodes(self, trees: Trees) -> Ints:
        """Return numeric splits: each distinct threshold once if there is room, then others by chance."""
        numeric = np.flatnonzero(trees.category_set < 0)
        shuffled = self._random.permutation(numeric)
        keys = np.stack([trees.feature[shuffled].astype(np.float64), trees.threshold[shuffled]], axis=1)
        _, first = np.unique(keys, axis=0, return_index=True)
        others = np.setdiff1d(np.arange(len(shuffled)), first)
        count = min(_THRESHOLD_NODES, _MAX_CELLS // trees.n_features)
        order = np.concatenate([self._random.permutation(first), others])[:count]
        chosen: Ints = shuffled[order]
        return chosen

    def _into_boxes(self, numbers: Doubles, low: Doubles, high: Doubles, fixed: Doubles) -> Doubles:
        """Move each cell into its box (low, high]; `fixed` wins where it is not NaN."""
        bottom = np.where(np.isfinite(low), low, np.minimum(self._structure.low, high))
        top = np.where(np.isfinite(high), high, np.maximum(self._structure.high, low))
        inside = (numbers > low) & (numbers <= high)
        with np.errstate(invalid="ignore", over="ignore"):
            drawn = bottom + (top - bottom) * self._random.uniform(0.05, 0.95, numbers.shape)
            drawn = np.where(drawn > low, drawn, np.nextafter(low, np.inf))
        moved = np.where(inside, numbers, np.minimum(drawn, high))
        moved = np.where(np.isfinite(moved), moved, numbers)
        return np.where(np.isnan(fixed), moved, fixed)


def boundary_steps(thresholds: Doubles) -> Doubles:
    """Return each threshold, its float64 neighbours and the float32 numbers around it; shape [thresholds, 6]."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
        around = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))]
    steps = [thresholds, np.nextafter(thresholds, np.inf), np.nextafter(thresholds, -np.inf)]
    stacked = np.stack([*steps, *(values.astype(np.float64) for values in around)], axis=1)
    return np.where(np.isfinite(stacked), stacked, thresholds[:, None])


def path_boxes(trees: Trees, nodes: Ints) -> tuple[Doubles, Doubles, Doubles]:
    """Return the box that a row must lie in to reach each node: (low, high], and categories that decide.

    Each is of shape [nodes, columns]. Climbs from all nodes to their roots at once, one level a step.
    """
    parent, is_left = _parents(trees)
    shape = (len(nodes), trees.n_features)
    low, high, fixed = np.full(shape, -np.inf), np.full(shape, np.inf), np.full(shape, np.nan)
    current = nodes.copy()
    while len(active := np.flatnonzero(parent[current] >= 0)):
        child = current[active]
        above = parent[child]
        column, threshold, left = trees.feature[above], trees.threshold[above], is_left[child]
        numeric = trees.category_set[above] < 0
        tighter = numeric & left
        high[active[tighter], column[tighter]] = np.minimum(high[active[tighter], column[tighter]], threshold[tighter])
        looser = numeric & ~left
        low[active[looser], column[looser]] = np.maximum(low[active[looser], column[looser]], threshold[looser])
        for row, node, goes_left in zip(active[~numeric], above[~numeric], left[~numeric], strict=True):
            members = trees.categories[trees.category_set[node]]
            fixed[row, trees.feature[node]] = members[0] if goes_left else members.max() + 1
        current[active] = above
    return low, high, fixed


def _parents(trees: Trees) -> tuple[Ints, npt.NDArray[np.bool_]]:
    parent = np.full(len(trees.feature), -1, dtype=np.int64)
    is_left = np.zeros(len(trees.feature), dtype=bool)
    for child, side in ((trees.left, True), (trees.right, False)):
        inner = child >= 0
        parent[child[inner]] = np.flatnonzero(inner)
        is_left[child[inner]] = side
    return parent, is_left


def _category_members(trees: Trees | None) -> dict[int, Doubles]:
    """Return per categorical column every value that some split names."""
    if trees is None:
        return {}
    found: dict[int, Doubles] = {}
    nodes = np.flatnonzero(trees.category_set >= 0)
    for column in np.unique(trees.feature[nodes]):
        sets = np.unique(trees.category_set[nodes[trees.feature[nodes] == column]])
        found[int(column)] = np.unique(np.concatenate([trees.categories[index] for index in sets]))
    return found
