"""What each row covers of a model: classes, scores, categories, missing cells, sides of splits.

In: rows with their native answers, and the model's structure. Out: groups of things, and which row covers which.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature
from packager.dataset.rows import Rows
from packager.structure import Doubles, Ints, SetMembers, Structure, Trees, goes_left, split_members

Outputs = dict[str, npt.NDArray[Any]]

# Tenths of a score and thirds of a column's range: fine enough that rows differ, few enough for some 100 rows.
_SCORE_PARTS, _COLUMN_PARTS = 10, 3
# Of a model with more values a row (a transformer's columns), the first ones stand for all.
_SCORES = 32
# "At a threshold" is within two steps of float32, which is what many trees read; a step is up to 1.2e-7 of a number.
_AT_THRESHOLD = 2.4e-7


@dataclass(frozen=True)
class Group:
    """Things of one kind: row `rows[i]` covers `members[i]`, one of `count` in all that the model has.

    `two_sided`: members 2k and 2k + 1 are the two sides of thing k, which counts only with both.
    """

    name: str
    count: int
    rows: Ints
    members: Ints
    two_sided: bool = False

    def covered(self, chosen: npt.NDArray[np.intp]) -> int:
        """Return how many of the things the chosen rows cover."""
        found = np.unique(self.members[np.isin(self.rows, chosen)])
        if not self.two_sided:
            return len(found)
        return int(np.count_nonzero(np.unique(found // 2, return_counts=True)[1] == 2))


def groups(rows: Rows, native: Outputs, structure: Structure, signature: Signature) -> Iterator[Group]:
    """Yield what the rows cover, group by group; a group that the model has nothing of is left out."""
    found = [_classes(native, signature), _scores(native, signature)]
    cells = _cells(rows, structure)
    found += [_column_parts(cells, structure, signature), _categories(cells, structure, signature)]
    found.append(_missing(cells, signature))
    if structure.trees is not None and len(structure.trees.feature):
        found += _of_trees(structure.trees, cells)
    yield from (group for group in found if len(group.rows))


def _cells(rows: Rows, structure: Structure) -> Doubles:
    """Return all cells as numbers: a known text as its place among them, another as the next one, a missing as NaN."""
    cells = rows.numbers.copy()
    for column, texts in rows.strings.items():
        places = {text: float(place) for place, text in enumerate(structure.texts.get(column, ()))}
        cells[:, column] = [np.nan if text is None else places.get(text, float(len(places))) for text in texts]
    return cells


def _classes(native: Outputs, signature: Signature) -> Group:
    parts, count = [], 0
    for output in signature.outputs:
        if output.role == "label":
            labels = native[output.name].reshape(len(native[output.name]), -1)
            for column in labels.T:
                distinct, index = np.unique(column.astype(str), return_inverse=True)
                parts.append((np.arange(len(column)), index + count))
                count += max(len(distinct), len(signature.classes or ()) if labels.shape[1] == 1 else 0)
    return _group("classes", count, parts)


def _scores(native: Outputs, signature: Signature) -> Group:
    """Each number that the model answers in tenths of the rows, by size."""
    parts: list[tuple[Ints, Ints]] = []
    for output in signature.outputs:
        values = native[output.name]
        if output.role == "label" or values.dtype.kind not in "fiu":
            continue
        for column in values.reshape(len(values), -1).T[: _SCORES - len(parts)]:
            edges = np.unique(np.quantile(column, np.linspace(0, 1, _SCORE_PARTS + 1)[1:-1]))
            part = np.searchsorted(edges, column, "right")
            parts.append((np.arange(len(column)), len(parts) * _SCORE_PARTS + part))
    reached = np.unique(np.concatenate([members for _, members in parts])) if parts else np.zeros(0)
    return _group("tenths of scores", len(reached), parts)


def _column_parts(cells: Doubles, structure: Structure, signature: Signature) -> Group:
    parts = []
    numeric = [index for index, column in enumerate(signature.columns) if column.dtype == "float64"]
    for place, index in enumerate(numeric):
        edges = np.linspace(structure.low[index], structure.high[index], _COLUMN_PARTS + 1)[1:-1]
        there = np.flatnonzero(~np.isnan(cells[:, index]))
        part = np.searchsorted(edges, cells[there, index], "right")
        parts.append((there, place * _COLUMN_PARTS + part))
    return _group("thirds of columns", len(numeric) * _COLUMN_PARTS, parts)


def _categories(cells: Doubles, structure: Structure, signature: Signature) -> Group:
    parts, count = [], 0
    for column, known in known_categories(structure, signature).items():
        there = np.flatnonzero(np.isin(cells[:, column], known))
        parts.append((there, count + np.searchsorted(known, cells[there, column])))
        count += len(known)
    return _group("categories", count, parts)


def known_categories(structure: Structure, signature: Signature) -> dict[int, Doubles]:
    """Return per column of categories the cells (see `_cells`) that the model knows, sorted."""
    known = {column: np.unique(codes) for column, codes in structure.codes.items()}
    known |= {column: np.arange(float(len(texts))) for column, texts in structure.texts.items()}
    for index, column in enumerate(signature.columns):
        if column.dtype == "float64" and column.known is not None:
            known[index] = np.unique(np.array(column.known, dtype=np.float64))
    return known if structure.trees is None else split_members(structure.trees) | known


def _missing(cells: Doubles, signature: Signature) -> Group:
    accepting = [index for index, column in enumerate(signature.columns) if column.accepts_missing]
    rows, members = np.nonzero(np.isnan(cells[:, accepting]))
    return Group("columns with a missing cell", len(accepting), rows, members)


def _of_trees(trees: Trees, cells: Doubles) -> list[Group]:
    """Walk all rows down all trees at once, a level a step, and gather what they meet."""
    sides, at_threshold, missing, members = [], [], [], []
    sets = SetMembers.of(trees)
    row, node = (side.ravel() for side in np.indices((len(cells), trees.n_trees)))
    node = trees.roots[node]
    while len(inner := np.flatnonzero(node >= 0)):
        row, node = row[inner], node[inner]
        cell, threshold = cells[row, trees.feature[node]], trees.threshold[node]
        is_missing, numeric = np.isnan(cell), trees.category_set[node] < 0
        left = goes_left(trees, sets, node, cell)
        is_member = ~numeric & ~is_missing & left
        side = 2 * node + ~left
        near = numeric & (np.abs(cell - threshold) <= _AT_THRESHOLD * np.abs(threshold) + np.finfo(np.float32).tiny)
        sides.append((row, side))
        at_threshold.append((row[near], side[near]))
        missing.append((row[is_missing], node[is_missing]))
        members.append((row[is_member], node[is_member] * len(sets.values) + sets.places(cell[is_member])))
        node = np.where(left, trees.left[node], trees.right[node])
    nodes, numeric_nodes = len(trees.feature), int(np.count_nonzero(trees.category_set < 0))
    sizes = np.array([len(values) for values in trees.categories], dtype=np.int64)
    in_sets = int(sizes[trees.category_set[trees.category_set >= 0]].sum())
    return [
        _group("splits on both sides", nodes, sides, two_sided=True),
        _group("thresholds from both sides", numeric_nodes, at_threshold, two_sided=True),
        _group("splits with a missing cell", nodes, missing),
        _group("categories of splits", in_sets, members),
    ]


def _group(name: str, count: int, parts: list[tuple[Any, Any]], *, two_sided: bool = False) -> Group:
    none: Ints = np.zeros(0, dtype=np.int64)
    rows, members = (np.concatenate([none, *(part[side] for part in parts)]) for side in (0, 1))
    return Group(name, count, rows, members, two_sided)
