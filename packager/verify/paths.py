"""What leads to a split, and where rows go: boxes of numbers, categories and missing cells, for many nodes at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from packager.structure import Doubles, Flags, Ints, SetMembers, Trees, goes_left


@dataclass(frozen=True)
class Paths:
    """A row reaches node `i` if its numbers lie in (low[i], high[i]] and its categories among those allowed.

    A cell may be missing instead where `missing[i, column]`. Arrays are of shape [nodes, columns]; `allowed` holds per
    categorical column which of its known values lead on, of shape [nodes, values].
    """

    low: Doubles
    high: Doubles
    missing: Flags
    allowed: dict[int, Flags]

    def __len__(self) -> int:
        return len(self.low)

    def take(self, index: Ints) -> Paths:
        """Return the paths at `index`."""
        allowed = {column: flags[index] for column, flags in self.allowed.items()}
        return Paths(self.low[index], self.high[index], self.missing[index], allowed)

    def narrow(self, index: Ints, others: Paths) -> None:
        """Make each path at `index` one that leads to a node of `others` as well."""
        self.low[index] = np.maximum(self.low[index], others.low)
        self.high[index] = np.minimum(self.high[index], others.high)
        self.missing[index] &= others.missing
        for column, flags in others.allowed.items():
            self.allowed[column][index] &= flags


@dataclass(frozen=True)
class Atlas:
    """The trees, ready to be climbed and walked down many times.

    `universe` holds per categorical column the values that a cell may have, rising, with every value of every set.
    """

    trees: Trees
    universe: dict[int, Doubles]
    parent: Ints
    is_left: Flags
    set_members: SetMembers

    @classmethod
    def of(cls, trees: Trees, universe: dict[int, Doubles]) -> Atlas:
        """Find the parent of every node, -1 for roots, and which nodes are left children."""
        parent = np.full(len(trees.feature), -1, dtype=np.int64)
        is_left = np.zeros(len(trees.feature), dtype=bool)
        for child, side in ((trees.left, True), (trees.right, False)):
            inner = child >= 0
            parent[child[inner]] = np.flatnonzero(inner)
            is_left[child[inner]] = side
        return cls(trees, universe, parent, is_left, SetMembers.of(trees))

    def paths_to(self, nodes: Ints) -> Paths:
        """Climb from all nodes to their roots at once, one level a step."""
        trees, shape = self.trees, (len(nodes), self.trees.n_features)
        low, high, missing = np.full(shape, -np.inf), np.full(shape, np.inf), np.ones(shape, dtype=bool)
        allowed = {column: np.ones((len(nodes), len(values)), dtype=bool) for column, values in self.universe.items()}
        active, above, left = np.arange(len(nodes)), self.parent[nodes], self.is_left[nodes]
        while len(kept := np.flatnonzero(above >= 0)):
            active, above, left = active[kept], above[kept], left[kept]
            column, threshold = trees.feature[above], trees.threshold[above]
            numeric = trees.category_set[above] < 0
            for bound, side, tighter in ((high, numeric & left, np.minimum), (low, numeric & ~left, np.maximum)):
                at = active[side], column[side]
                bound[at] = tighter(bound[at], threshold[side])
            missing[active, column] &= trees.missing_left[above] == left
            for categorical in np.unique(column[~numeric]).tolist():
                of = np.flatnonzero(~numeric & (column == categorical))
                allowed[categorical][active[of]] &= self.members(above[of]) == left[of, None]
            above, left = self.parent[above], self.is_left[above]
        return Paths(low, high, missing, allowed)

    def members(self, nodes: Ints) -> Flags:
        """Return which values of their column's universe the nodes' sets hold; all read one column. [nodes, values]"""
        values = self.universe[int(self.trees.feature[nodes[0]])]
        return self.set_members.holds(self.trees.category_set[nodes][:, None], values[None, :])

    def walk(self, cells: Doubles, roots: Ints) -> Ints:
        """Return the nodes that each row meets below its root, from the top, -1 behind the last; [rows, depth]."""
        met = []
        active, node = np.flatnonzero(roots >= 0), roots[roots >= 0]
        while len(active):
            met.append(np.full(len(cells), -1, dtype=np.int64))
            met[-1][active] = node
            node = self._next(cells, active, node)
            active, node = active[node >= 0], node[node >= 0]
        return np.stack(met, axis=1) if met else np.full((len(cells), 0), -1, dtype=np.int64)

    def kinds(self, cells: Doubles, children: Ints) -> Ints:
        """Return the kind of the leaf that each row ends in below a node or leaf of its own; [rows]."""
        ends = children.copy()
        while len(active := np.flatnonzero(ends >= 0)):
            ends[active] = self._next(cells, active, ends[active])
        kinds: Ints = self.trees.kinds_of_leaves[~ends]
        return kinds

    def _next(self, cells: Doubles, rows: Ints, node: Ints) -> Ints:
        """Return the child that each of `rows` goes to from its node."""
        trees = self.trees
        left = goes_left(trees, self.set_members, node, cells[rows, trees.feature[node]])
        return np.where(left, trees.left[node], trees.right[node])
