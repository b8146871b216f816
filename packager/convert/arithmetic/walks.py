"""The order in which a search tree's points are visited: at each node the side that may be nearer comes first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.distances import Metric, by_columns, power
from packager.convert.arithmetic.elementary import add, clip, subtract, times
from packager.convert.arithmetic.heaps import Visits
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

    def visits(self, graph: Graph, rows: str, values: str) -> Visits:
        """Return how a search comes by the points' `values`, [rows, points]: leaf by leaf, as far as bounds let it."""
        leaves = np.flatnonzero(self.is_leaf & (self.ends > self.starts))
        leaves = leaves[np.argsort(self.starts[leaves])]
        leaf = np.repeat(np.arange(len(leaves)), (self.ends - self.starts)[leaves])
        inside = np.arange(len(leaf)) - self.starts[leaves][leaf]
        bounds = self._bounds(graph, rows)
        before = self._before(graph, rows, bounds, leaves)
        place = graph.node("Gather", before, integers(graph, leaf), axis=1)
        place = graph.node("Add", place, integers(graph, inside[None, :]))
        shape = graph.node("Shape", values)
        places, groups = (
            graph.node("Expand", integers(graph, own[None, :]), shape) for own in (np.arange(len(leaf)), leaf)
        )
        limits = graph.node("Gather", bounds, integers(graph, leaves[leaf]), axis=1)
        values, places, groups, limits = (
            graph.node("ScatterElements", own, place, own, axis=1) for own in (values, places, groups, limits)
        )
        return Visits(values, places, groups, limits, len(leaf))

    def _before(self, graph: Graph, rows: str, bounds: str, leaves: Integers) -> str:
        """Return how many points are visited before each leaf, of shape [rows, leaves]."""
        count = graph.node("Shape", rows, start=0, end=1)
        shape = graph.node("Concat", count, integers(graph, [len(leaves)]), axis=0)
        total = graph.node("Expand", integers(graph, [[0]]), shape)
        if len(self.starts) == 1:
            return total
        right_first = self._right_first(graph, bounds)
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

    def _right_first(self, graph: Graph, bounds: str) -> str:
        """Return 1 where the right child of a node may be nearer than the left one, of shape [rows, inner nodes]."""
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
            # Boxes raise to the power of 2 by the C library, where points multiply.
            halved = times(graph, add(graph, *doubled), 0.5)
            return power(graph, halved, 2.0, nodes) if self.metric.squares else self.metric.back(graph, halved, nodes)

        return by_columns(graph, rows, self.low, outside, joined=self.metric.joined)


def tree_of(nodes: npt.NDArray[np.void], bounds: Doubles, metric: Metric) -> Tree:
    """Return scikit-learn's KDTree (two arrays of bounds) or BallTree (one) as a Tree."""
    high = bounds[1] if len(bounds) == 2 else None
    is_leaf = nodes["is_leaf"].astype(bool)
    return Tree(nodes["idx_start"], nodes["idx_end"], is_leaf, nodes["radius"], bounds[0], high, metric)
