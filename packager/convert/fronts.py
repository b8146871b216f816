"""What comes in for what a tree reads: splits behind a pipeline's first steps, in terms of the incoming columns.

The steps are asked, not read: a column behind them that changes with one incoming column alone, and rises or falls
with it, crosses each threshold between two neighbouring numbers, which bisection finds. Of a column of categories every
known value is asked. In: trees over what the steps make. Out: trees over what comes in, or why there are none.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from packager.artifact import Signature
from packager.bisection import last_that_stays
from packager.convert.boundaries import rank_within
from packager.convert.graph import UnsupportedModel
from packager.dataset.rows import Rows, concatenate
from packager.structure import Doubles, Flags, Ints, SetMembers, Trees, goes_left, known_texts
from packager.training.estimators import nested_estimators
from packager.training.native import NativeModel

# A column is watched at this many numbers of each sign, from the tiniest that matter to the largest that steps bear.
_WATCHED = 40
_SMALLEST, _LARGEST = 1e-6, (1e12, 1e6, 1e3, 10.0)
# Smaller changes, relative to the number, are rounding.
_NOISE = 1e-12
# Numbers of each sign that are tried to see which columns behind the steps one changes.
_ASIDE = 7
# So many categories of a column are tried to see which columns behind the steps they change.
_TRIED = 64
# numpy's functions that have one right answer to the last bit.
_ROUNDED_ALIKE = frozenset({"negative", "positive", "sqrt", "square", "reciprocal", "absolute", "fabs", "sign"})


@dataclass(frozen=True)
class Front:
    """The steps ahead of some trees, asked with rows that differ from `base`, a row that they take, in one column.

    `known`: per column of text or codes the values that its encoder knows, texts by their number in `texts`, and one
    that none does where those are taken.
    """

    native: NativeModel
    steps: tuple[Any, ...]
    base: Rows
    signature: Signature
    texts: dict[int, tuple[str, ...]]
    known: dict[int, Doubles]

    def ask(self, rows: Rows) -> Doubles:
        """Return what the trees read, of shape [rows, their columns]; UnsupportedModel where a step refuses a row."""
        found: Any = self.native.native_input(rows)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for step in self.steps:
                try:
                    found = step.transform(found)
                except Exception as error:
                    raise UnsupportedModel(f"{type(step).__name__} refuses rows that it was tried with") from error
        return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)

    def with_cells(self, column: int, values: Doubles) -> Rows:
        """Return the base row once for each value in one column; codes of text columns as their texts."""
        rows = self.base.take(np.zeros(len(values), dtype=np.intp))
        if column in rows.strings:
            rows.strings[column][:] = known_texts(self.texts[column], values)
        else:
            rows.numbers[:, column] = values
        return rows


def before_steps(trees: Trees, front: Front) -> Trees:
    """Return the trees over the incoming columns; UnsupportedModel where a split has no such form."""
    if any(_rounds_freely(inner) for step in front.steps for inner in nested_estimators(step)):
        raise UnsupportedModel("their powers and logarithms are rounded in their last bit as each library likes")
    source = _sources(front)
    if (source[trees.feature] < 0).any():
        raise UnsupportedModel("a column behind them depends on several that come in")
    moved, of_node = _Moved(trees), source[trees.feature]
    missing = _missing_sides(moved, front, of_node)
    for column in np.intersect1d(of_node, list(front.known)).tolist():
        _move_categories(moved, front, column, nodes=np.flatnonzero(of_node == column), missing=missing)
    numeric = np.flatnonzero(~np.isin(of_node, list(front.known)))
    if len(numeric):
        _move_numbers(moved, front, source, nodes=numeric, missing=missing[numeric])
    return moved.trees(source, len(front.signature.columns))


def _rounds_freely(step: Any) -> bool:
    """Tell whether a step computes what IEEE 754 leaves to libraries: right beside a crossing each is right."""
    if type(step).__name__ == "FunctionTransformer":
        return step.func is not None and getattr(step.func, "__name__", "") not in _ROUNDED_ALIKE
    is_normal = getattr(step, "output_distribution", "uniform") == "normal"
    return type(step).__name__ == "PowerTransformer" or is_normal


class _Moved:
    """Splits as they are moved: `turned` ones go left where they went right before."""

    def __init__(self, trees: Trees) -> None:
        self.before, self.set_members = trees, SetMembers.of(trees)
        self.threshold = trees.threshold.copy()
        self.category_set = np.full(len(trees.feature), -1, dtype=np.int64)
        self.missing_left = trees.missing_left.copy()
        self.turned = np.zeros(len(trees.feature), dtype=bool)
        self.categories: list[Doubles] = []

    def goes_left(self, nodes: Ints, cells: Doubles) -> Flags:
        """Return where cells of the columns behind the steps go at their nodes; shape of both together."""
        return goes_left(self.before, self.set_members, nodes, cells)

    def parts_missing_only(self, nodes: Ints, numbers_left: Flags, missing_left: Flags) -> None:
        """Make splits ones that all numbers pass to one side, and only missing cells perhaps to the other."""
        self.threshold[nodes] = np.inf
        self.turned[nodes] = ~numbers_left
        self.missing_left[nodes] = missing_left == numbers_left

    def trees(self, source: Ints, count: int) -> Trees:
        left, right = self.before.left, self.before.right
        return replace(
            self.before,
            n_features=count,
            feature=source[self.before.feature],
            threshold=self.threshold,
            left=np.where(self.turned, right, left),
            right=np.where(self.turned, left, right),
            missing_left=self.missing_left,
            category_set=self.category_set,
            categories=tuple(self.categories),
        )


def _sources(front: Front) -> Ints:
    """Return which incoming column each column behind the steps changes with: -1 for several; 0 for none."""
    for largest in _LARGEST:
        try:
            return _sources_within(front, largest)
        except UnsupportedModel:  # too large for some step
            continue
    raise UnsupportedModel("they refuse the numbers that they were tried with")


def _sources_within(front: Front, largest: float) -> Ints:
    sizes = np.geomspace(_SMALLEST, largest, _ASIDE)
    parts, counts = [front.base], []
    for index, column in enumerate(front.signature.columns):
        numbers = np.clip(np.concatenate([-sizes, sizes]), column.least, column.max_abs)
        values = front.known[index][-_TRIED:] if index in front.known else numbers
        parts.append(front.with_cells(index, np.append(values, np.nan) if column.accepts_missing else values))
        counts.append(len(parts[-1]))
    asked = front.ask(concatenate(parts))
    base, others = asked[:1], asked[1:]
    changed = ~((others == base) | (np.isnan(others) & np.isnan(base)))
    by_column = np.stack([part.any(axis=0) for part in np.split(changed, np.cumsum(counts)[:-1])])
    return np.where(by_column.sum(axis=0) > 1, -1, by_column.argmax(axis=0))


def _missing_sides(moved: _Moved, front: Front, of_node: Ints) -> Flags:
    """Return which splits a missing cell in their incoming column passes to the left; False where there can be none."""
    accepts = np.array([column.accepts_missing for column in front.signature.columns])
    found = np.zeros(len(of_node), dtype=bool)
    for column in np.unique(of_node[accepts[of_node]]).tolist():
        nodes = np.flatnonzero(of_node == column)
        behind = front.ask(front.with_cells(column, np.array([np.nan])))
        found[nodes] = moved.goes_left(nodes, behind[:, moved.before.feature[nodes]])[0]
    return found


def _move_categories(moved: _Moved, front: Front, column: int, *, nodes: Ints, missing: Flags) -> None:
    """Make the splits by one column of categories ones by the values that go one way."""
    values = front.known[column]
    asked = front.ask(front.with_cells(column, values))
    left = moved.goes_left(nodes, asked[:, moved.before.feature[nodes]])
    for node, flags in zip(nodes.tolist(), left.T, strict=True):
        turned = bool(flags[-1])  # the last value stands for all that a set does not name
        inside = values[flags != turned]
        if not len(inside):
            moved.parts_missing_only(np.array([node]), flags[-1:], missing[[node]])
            continue
        moved.category_set[node] = len(moved.categories)
        moved.categories.append(inside)
        moved.threshold[node] = 0.0
        moved.turned[node] = turned
        moved.missing_left[node] = missing[node] != turned


def _move_numbers(moved: _Moved, front: Front, source: Ints, *, nodes: Ints, missing: Flags) -> None:
    """Move the thresholds of splits by columns of numbers to where the steps cross them, all columns at once."""
    trees = moved.before
    if (trees.category_set[nodes] >= 0).any():
        raise UnsupportedModel("a split by categories reads a column of numbers")
    pairs = np.stack([trees.feature[nodes].astype(np.float64), trees.threshold[nodes]])
    distinct, back = np.unique(pairs, axis=1, return_inverse=True)
    feature, threshold, at = distinct[0].astype(np.int64), distinct[1], np.ravel(back)
    row = rank_within(source[feature])
    low, high, rising = _watched(front, np.unique(source[feature]))

    def behind(numbers: Doubles) -> Doubles:
        rows = front.base.take(np.zeros(row.max() + 1, dtype=np.intp))
        rows.numbers[row, source[feature]] = numbers
        found: Doubles = front.ask(rows)[row, feature]
        return found

    def stays(numbers: Doubles) -> Flags:
        """Return which numbers lie before the crossing: at or below the threshold where the column rises."""
        return np.asarray((behind(numbers) <= threshold) == rising[feature])

    bottom, top = low[source[feature]], high[source[feature]]
    before, after = stays(bottom), stays(top)
    moved.threshold[nodes] = last_that_stays(stays, bottom, top)[at]
    moved.turned[nodes] = ~rising[feature][at]
    moved.missing_left[nodes] = missing == rising[feature][at]
    flat = (before == after)[at]  # every number goes to one side
    moved.parts_missing_only(nodes[flat], (before == rising[feature])[at][flat], missing[flat])


def _watched(front: Front, columns: Ints) -> tuple[Doubles, Doubles, Flags]:
    """Return between which numbers each incoming column can be watched, and which columns behind the steps rise.

    UnsupportedModel where one both rises and falls, or the steps bear no such numbers.
    """
    least, most = (np.array([getattr(c, end) for c in front.signature.columns]) for end in ("least", "max_abs"))
    for largest in _LARGEST:
        sizes = np.geomspace(_SMALLEST, largest, _WATCHED)
        numbers = np.concatenate([-sizes[::-1], [0.0], sizes])
        rows = front.base.take(np.zeros(len(numbers), dtype=np.intp))
        rows.numbers[:, columns] = np.clip(numbers[:, None], least, most)[:, columns]
        try:
            found = front.ask(rows)
        except UnsupportedModel:  # too large for some step
            continue
        if np.isfinite(found).all():
            steps = np.diff(found, axis=0)
            noise = _NOISE * np.abs(found[1:])
            rises, falls = (steps > noise).any(axis=0), (steps < -noise).any(axis=0)
            if (rises & falls).any():
                raise UnsupportedModel("a column behind them rises and falls with one that comes in")
            return rows.numbers[0], rows.numbers[-1], np.asarray(~falls)
    raise UnsupportedModel("they refuse the numbers that they were tried with")
