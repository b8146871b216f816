"""The order in which a search tree's points are visited: at each node the side that may be nearer comes first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packager.convert.distances import Metric, by_columns
from packager.convert.elementary import add, clip, subtract, times
from packager.convert.graph import Graph, cast, integers, vector

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tree:
    """A complete binary tree: the children of node i are 2 i + 1 and 2 i + 2; leaves hold neighbouring points.

    `low` and `high` are the corners of a kd-tree's boxes, `low` the centers of a ball tree's balls without `high`.
    """

    starts: Integers
    ends: Integers
    is_leaf: npt.NDArray[np.bool_]
    radii: Doubles
    low: Doubles
    high: Doubles | None
    metric: Metric

    def visits(self, graph: Graph, rows: str) -> str:
        """Return when each point is visited, from 0, of shape [rows, points]."""
        leaves = np.flatnonzero(self.is_leaf & (self.ends > self.starts))
        leaves = leaves[np.argsort(self.starts[leaves])]
        point_leaf = np.repeat(np.arange(len(leaves)), (self.ends - self.starts)[leaves])
        inside = np.arange(len(point_leaf)) - self.starts[leaves][point_leaf]
        before = self._before(graph, rows, leaves)
        return _plus(graph, graph.node("Gather", before, integers(graph, point_leaf), axis=1), inside)

    def _before(self, graph: Graph, rows: str, leaves: Integers) -> str:
        """Return how many points are visited before each leaf, of shape [rows, leaves]."""
        count = graph.node("Shape", rows, start=0, end=1)
        shape = graph.node("Concat", count, integers(graph, [len(leaves)]), axis=0)
        total = graph.node("Expand", integers(graph, [[0]]), shape)
        if len(self.starts) == 1:
            return total
        right_first = self._right_first(graph, rows)
        nodes = leaves.copy()
        while (nodes > 0).any():
            inner = nodes > 0
            parents = np.where(inner, (nodes - 1) // 2, 0)
            is_right = (nodes % 2 == 0).astype(np.int64)
            siblings = np.where(is_right == 1, nodes - 1, nodes + 1).clip(0, len(self.starts) - 1)
            sizes = np.where(inner, (self.ends - self.starts)[siblings], 0)
            chosen = graph.node("Gather", right_first, integers(graph, parents), axis=1)
            # The sibling comes first where it is on the side that does.
            is_later = graph.node("Equal", chosen, integers(graph, 1 - is_right[None, :]))
            waited = graph.node("Mul", cast(graph, is_later, np.int64), integers(graph, sizes[None, :]))
            total = graph.node("Add", total, waited)
            nodes = np.where(inner, parents, 0)
        return total

    def _right_first(self, graph: Graph, rows: str) -> str:
        """Return 1 where the right child of a node may be nearer than the left one, of shape [rows, inner nodes]."""
        bounds = self._bounds(graph, rows)
        inner = np.arange((len(self.starts) - 1) // 2)
        left, right = (graph.node("Gather", bounds, integers(graph, 2 * inner + side), axis=1) for side in (1, 2))
        return cast(graph, graph.node("Greater", left, right), np.int64)

    def _bounds(self, graph: Graph, rows: str) -> str:
        """Return the least reduced distance that a point of each node may have, of shape [rows, nodes]."""
        nodes = len(self.starts)
        if self.high is None:
            distance = self.metric.distance(graph, self.metric.reduced(graph, rows, self.low))
            least = clip(graph, subtract(graph, distance, vector(graph, self.radii[None, :])), 0.0, None)
            return self.metric.back(graph, least, nodes)
        high = self.high

        def outside(graph: Graph, column: str, low: str, index: int) -> str:
            below = subtract(graph, low, column)
            above = subtract(graph, column, vector(graph, high[None, :, index]))
            doubled = [add(graph, side, graph.node("Abs", side)) for side in (below, above)]
            return self.metric.back(graph, times(graph, add(graph, *doubled), 0.5), nodes)

        return by_columns(graph, rows, self.low, outside, joined=self.metric.joined)


def _plus(graph: Graph, values: str, row: Integers) -> str:
    """Return whole numbers [rows, n] + [n]."""
    return graph.node("Add", values, integers(graph, row[None, :]))


def tree_of(nodes: npt.NDArray[np.void], bounds: Doubles, metric: Metric) -> Tree:
    """Return scikit-learn's KDTree (two arrays of bounds) or BallTree (one) as a Tree."""
    high = bounds[1] if len(bounds) == 2 else None
    is_leaf = nodes["is_leaf"].astype(bool)
    return Tree(nodes["idx_start"], nodes["idx_end"], is_leaf, nodes["radius"], bounds[0], high, metric)
