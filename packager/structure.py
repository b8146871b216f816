"""A model's structure as arrays: its trees, the ranges of its columns, the texts it knows.

Made by the source worker from the fitted estimator, read by verification to make rows that look where conversions go
wrong. Needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.errors import SourceError

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
# Stands for all texts that no encoder knows.
_UNSEEN_TEXT = "unseen category"


@dataclass(frozen=True)
class Trees:
    """An ensemble of binary trees, all nodes of all trees in one row of arrays.

    A child >= 0 is a node; a child < 0 is the leaf `~child`. `x <= threshold` goes left, so does a value of
    `categories[k]` where `category_set[node] == k >= 0`; NaN goes left where `missing_left`.
    `roots[t]` is a child in the same sense: a tree may be one leaf. Leaves of one tree lie together, in tree order.
    """

    n_features: int
    roots: Ints  # [trees]
    feature: Ints  # [nodes]
    threshold: Doubles  # [nodes]
    left: Ints  # [nodes]
    right: Ints  # [nodes]
    missing_left: Flags  # [nodes]
    category_set: Ints  # [nodes], -1 where the split is numeric
    categories: tuple[Doubles, ...]
    leaves_per_tree: Ints  # [trees]
    # [leaves]: leaves of one tree that are of one kind add the same; None where each is taken for one of its own.
    leaf_kind: Ints | None = None

    @property
    def n_trees(self) -> int:
        return len(self.roots)

    @property
    def n_leaves(self) -> int:
        return int(self.leaves_per_tree.sum())

    @property
    def leaf_tree(self) -> Ints:
        """Return the tree of every leaf, of shape [leaves]."""
        return np.repeat(np.arange(self.n_trees), self.leaves_per_tree)

    @property
    def kinds_of_leaves(self) -> Ints:
        """Return the kind of every leaf, of shape [leaves]."""
        return np.arange(self.n_leaves) if self.leaf_kind is None else self.leaf_kind

    def check(self) -> None:
        """Raise ValueError where the arrays do not describe trees: a child out of range, shared or in a circle."""
        children = (self.left, self.right, self.roots)
        if not _each_once([side[side >= 0] for side in children], len(self.feature)):
            raise ValueError("the trees' nodes do not form trees: a node is missing, shared or out of range")
        if not _each_once([~side[side < 0] for side in children], self.n_leaves):
            raise ValueError("the trees' leaves do not form trees: a leaf is missing, shared or out of range")
        if len(self.feature) and not (self.feature.min() >= 0 and self.feature.max() < self.n_features):
            raise ValueError("a split reads a feature that the model does not have")
        if len(self.feature) and not self.category_set.max() < len(self.categories):
            raise ValueError("a split asks for a set of categories that the model does not have")
        if self.leaf_kind is not None and len(self.leaf_kind) != self.n_leaves:
            raise ValueError("the trees' leaves are of more or fewer kinds than there are leaves")
        if self._reached() != len(self.feature):
            raise ValueError("the trees' nodes do not form trees: some lie in a circle that no root leads to")

    def _reached(self) -> int:
        """Count the nodes below the roots, level by level; ends because no node has two parents."""
        level, count = self.roots[self.roots >= 0], 0
        while len(level):
            count += len(level)
            below = np.concatenate([self.left[level], self.right[level]])
            level = below[below >= 0]
        return count


@dataclass(frozen=True)
class SetMembers:
    """What the sets of some trees hold, ready to be asked for many cells at once.

    `values` are all members, rising; `pairs` has a number for each set and member, rising.
    """

    values: Doubles
    pairs: Ints

    @classmethod
    def of(cls, trees: Trees) -> SetMembers:
        return cls.of_sets(trees.categories)

    @classmethod
    def of_sets(cls, categories: Sequence[Doubles]) -> SetMembers:
        members = np.concatenate([np.zeros(0), *categories])
        sets = np.repeat(np.arange(len(categories)), [len(values) for values in categories])
        values = np.unique(members)
        return cls(values, np.unique(sets * len(values) + np.searchsorted(values, members)))

    def places(self, cells: Doubles) -> Ints:
        """Return where each cell stands among `values`, if it is one of them; in the shape of the cells."""
        return np.minimum(np.searchsorted(self.values, cells), len(self.values) - 1)

    def holds(self, sets: Ints, cells: Doubles) -> Flags:
        """Return whether each cell is in its set; NaN is in none."""
        if not len(self.values):
            return np.zeros(np.broadcast_shapes(sets.shape, cells.shape), dtype=bool)
        places = self.places(cells)
        pairs = sets * len(self.values) + places
        found = np.minimum(np.searchsorted(self.pairs, pairs), len(self.pairs) - 1)
        return np.asarray((self.pairs[found] == pairs) & (self.values[places] == cells))


def goes_left(trees: Trees, members: SetMembers, nodes: Ints, cells: Doubles) -> Flags:
    """Return whether each cell goes left at its node; `nodes` broadcast against the cells, whose shape it is."""
    left = np.where(np.isnan(cells), trees.missing_left[nodes], cells <= trees.threshold[nodes])
    sets = np.broadcast_to(trees.category_set[nodes], cells.shape)
    by_set = (sets >= 0) & ~np.isnan(cells)
    if by_set.any():
        left[by_set] = members.holds(sets[by_set], cells[by_set])
    return left


def known_texts(texts: Sequence[str], places: Doubles) -> npt.NDArray[np.object_]:
    """Return the text at each place, an unseen one at the places behind the last, None for NaN."""
    known = np.array([*texts, _UNSEEN_TEXT, None], dtype=object)
    missing = np.isnan(places)
    found = np.minimum(np.where(missing, 0, places).astype(np.int64), len(texts))
    return np.asarray(known[np.where(missing, len(texts) + 1, found)], dtype=object)


def split_members(trees: Trees) -> dict[int, Doubles]:
    """Return per categorical column every value that some split names, rising."""
    found = {}
    is_category = trees.category_set >= 0
    for column in np.unique(trees.feature[is_category]).tolist():
        sets = np.unique(trees.category_set[is_category & (trees.feature == column)])
        found[column] = np.unique(np.concatenate([trees.categories[index] for index in sets]))
    return found


def _each_once(parts: Sequence[Ints], count: int) -> bool:
    """Tell whether the parts together hold each of 0 … count - 1 once."""
    seen = np.zeros(count, dtype=bool)
    for part in parts:
        if len(part) and not 0 <= part.min() <= part.max() < count:
            return False
        seen[part] = True
    return sum(map(len, parts)) == count and bool(seen.all())


@dataclass(frozen=True)
class Structure:
    """`low`, `high`: the ordinary range of each column, [columns]. `trees` read the columns that come in.

    `texts` and `codes`: per column of text or of numeric codes the values that some encoder knows.
    """

    low: Doubles
    high: Doubles
    trees: Trees | None
    texts: dict[int, tuple[str, ...]]
    # Why thresholds are missing although the model has trees, in words; else None.
    gap: str | None = None
    codes: dict[int, Doubles] = field(default_factory=dict)


def concatenate(parts: Sequence[Trees]) -> Trees:
    """Return one ensemble of all trees of `parts`, in order."""
    nodes = np.cumsum([0, *(len(part.feature) for part in parts)])
    leaves = np.cumsum([0, *(part.n_leaves for part in parts)])
    sets = np.cumsum([0, *(len(part.categories) for part in parts)])

    def children(field: str) -> Ints:
        shifted = []
        for part, node, leaf in zip(parts, nodes, leaves, strict=False):
            child = getattr(part, field)
            shifted.append(np.where(child >= 0, child + node, child - leaf))
        return np.concatenate(shifted).astype(np.int64)

    category_set = [
        np.where(part.category_set >= 0, part.category_set + first, -1)
        for part, first in zip(parts, sets, strict=False)
    ]
    return Trees(
        n_features=parts[0].n_features,
        roots=children("roots"),
        feature=np.concatenate([part.feature for part in parts]),
        threshold=np.concatenate([part.threshold for part in parts]),
        left=children("left"),
        right=children("right"),
        missing_left=np.concatenate([part.missing_left for part in parts]),
        category_set=np.concatenate(category_set).astype(np.int64),
        categories=tuple(values for part in parts for values in part.categories),
        leaves_per_tree=np.concatenate([part.leaves_per_tree for part in parts]),
        leaf_kind=np.concatenate([part.kinds_of_leaves for part in parts]),
    )


def constant_trees(count: int, n_features: int) -> Trees:
    """Return `count` trees of a single leaf each: a start value that is added before every other tree."""
    none, no_flags = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool)
    return Trees(
        n_features=n_features,
        roots=~np.arange(count),
        feature=none,
        threshold=np.zeros(0),
        left=none,
        right=none,
        missing_left=no_flags,
        category_set=none,
        categories=(),
        leaves_per_tree=np.ones(count, dtype=np.int64),
    )


_TREE_ARRAYS = (
    "roots",
    "feature",
    "threshold",
    "left",
    "right",
    "missing_left",
    "category_set",
    "leaves_per_tree",
    "leaf_kind",
)


def save(structure: Structure, path: Path) -> None:
    """Write the structure as .npz without pickled objects."""
    arrays: dict[str, npt.NDArray[Any]] = {"low": structure.low, "high": structure.high}
    arrays["gap"] = np.array(structure.gap or "")
    for column, known in structure.texts.items():
        arrays[f"text_{column}"] = np.array(known, dtype=np.str_)
    for column, values in structure.codes.items():
        arrays[f"codes_{column}"] = values
    if structure.trees is not None:
        for name in _TREE_ARRAYS:
            if (values := getattr(structure.trees, name)) is not None:
                arrays[f"tree_{name}"] = values
        arrays["n_features"] = np.array(structure.trees.n_features)
        arrays["category_sizes"] = np.array([len(values) for values in structure.trees.categories], dtype=np.int64)
        arrays["category_values"] = np.concatenate([np.zeros(0), *structure.trees.categories])
    np.savez(path, allow_pickle=False, **arrays)


def load(path: Path) -> Structure:
    """Read what `save` wrote; SourceError where its trees are none: what an edited artifact wrote is not trusted."""
    with np.load(path, allow_pickle=False) as arrays:
        texts = {column: tuple(known.tolist()) for column, known in _by_column(arrays, "text_")}
        codes = dict(_by_column(arrays, "codes_"))
        trees = None
        if "n_features" in arrays:
            ends = np.cumsum(arrays["category_sizes"])[:-1]
            categories = tuple(np.split(arrays["category_values"], ends)) if len(arrays["category_sizes"]) else ()
            fields = {name: arrays[f"tree_{name}"] for name in _TREE_ARRAYS if f"tree_{name}" in arrays}
            trees = Trees(n_features=int(arrays["n_features"]), categories=categories, **fields)
            try:
                trees.check()
            except ValueError as error:
                raise SourceError(
                    f"the artifact is damaged: {error}", hint="save it again where it was trained"
                ) from error
        return Structure(arrays["low"], arrays["high"], trees, texts, str(arrays["gap"]) or None, codes)


def _by_column(arrays: Any, prefix: str) -> list[tuple[int, npt.NDArray[Any]]]:
    return [(int(key.removeprefix(prefix)), arrays[key]) for key in arrays.files if key.startswith(prefix)]
