"""What leads to a split: the box of numbers, the categories and the missing cells with which a row reaches it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packager.structure import Doubles, Flags, Ints, Trees


@dataclass(frozen=True)
class Paths:
    """A row reaches node `i` if its numbers lie in (low[i], high[i]] and its categories among `choices[i, column]`.

    A cell may be missing instead where `missing[i, column]`. Arrays are of shape [nodes, columns].
    """

    low: Doubles
    high: Doubles
    missing: Flags
    choices: dict[tuple[int, int], Doubles]


def paths_to(trees: Trees, nodes: Ints, universe: dict[int, Doubles]) -> Paths:
    """Climb from all nodes to their roots at once, one level a step.

    `universe` holds per categorical column the values that a cell may have, one that no split knows among them.
    """
    parent, is_left = _parents(trees)
    shape = (len(nodes), trees.n_features)
    low, high, missing = np.full(shape, -np.inf), np.full(shape, np.inf), np.ones(shape, dtype=bool)
    allowed: dict[tuple[int, int], Flags] = {}
    current = nodes.copy()
    while len(active := np.flatnonzero(parent[current] >= 0)):
        child = current[active]
        above = parent[child]
        column, threshold, left = trees.feature[above], trees.threshold[above], is_left[child]
        numeric = trees.category_set[above] < 0
        tighter, looser = numeric & left, numeric & ~left
        high[active[tighter], column[tighter]] = np.minimum(high[active[tighter], column[tighter]], threshold[tighter])
        low[active[looser], column[looser]] = np.maximum(low[active[looser], column[looser]], threshold[looser])
        missing[active, column] &= trees.missing_left[above] == left
        for row, node, goes_left in zip(active[~numeric], above[~numeric], left[~numeric], strict=True):
            key = (int(row), int(trees.feature[node]))
            inside = np.isin(universe[key[1]], trees.categories[trees.category_set[node]])
            allowed[key] = (inside == goes_left) & allowed.get(key, True)
        current[active] = above
    choices = {key: universe[key[1]][flags] for key, flags in allowed.items() if flags.any()}
    return Paths(low, high, missing, choices)


def _parents(trees: Trees) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return the parent of every node, -1 for roots, and which nodes are left children."""
    parent = np.full(len(trees.feature), -1, dtype=np.int64)
    is_left = np.zeros(len(trees.feature), dtype=bool)
    for child, side in ((trees.left, True), (trees.right, False)):
        inner = child >= 0
        parent[child[inner]] = np.flatnonzero(inner)
        is_left[child[inner]] = side
    return parent, is_left
