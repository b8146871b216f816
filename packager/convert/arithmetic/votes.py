"""Votes of neighbours: weights by distance and their sums, in the order in which scikit-learn adds them up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.elementary import divide, is_equal, where
from packager.convert.graph import Graph, cast, integers, vector

# numpy adds up to this many numbers in eight sums side by side, and cuts longer rows in two.
_LANES, _LONGEST = 8, 128


def inverse(graph: Graph, distances: str, members: str | None = None) -> str:
    """Return 1 / distance per neighbour, of the distances' shape; where one is 0 they alone count, as 1.

    Not `members`, where it is given, weigh 0.
    """
    weights = divide(graph, 1.0, distances)
    is_here = graph.node("IsInf", weights)
    if members is not None:
        is_here = graph.node("And", is_here, members)
        weights = where(graph, members, weights, 0.0)
    alone = cast(graph, is_here, graph.dtype)
    any_here = graph.node("ReduceMax", alone, integers(graph, [1]), keepdims=1)
    return graph.node("Where", is_equal(graph, any_here, 1.0), alone, weights)


def by_class(graph: Graph, labels: str, weights: str | None, count: int) -> str:
    """Return what each neighbour gives to each class, of shape [rows, neighbours, classes]; 1 without weights."""
    own = graph.node("Unsqueeze", labels, integers(graph, [2]))
    votes = cast(graph, graph.node("Equal", own, integers(graph, np.arange(count)[None, None, :])), graph.dtype)
    if weights is None:
        return votes
    return where(graph, cast(graph, votes, np.bool_), graph.node("Unsqueeze", weights, integers(graph, [2])), 0.0)


def added_in_turn(graph: Graph, values: str, *, axis: int = 1) -> str:
    """Return the sum over an axis, one after the other; the axis goes."""
    sums = graph.node("CumSum", values, integers(graph, axis))
    return graph.node("Gather", sums, integers(graph, -1), axis=axis)


def added_as_numpy(graph: Graph, values: str, count: int) -> str:
    """Return the sum over axis 1, of `count` cells, as `numpy.sum` adds a row of neighbouring cells; the axis goes."""
    if count < _LANES:
        return added_in_turn(graph, values)
    if count > _LONGEST:
        half = count // 2 - count // 2 % _LANES
        parts = [_cells(graph, values, 0, half), _cells(graph, values, half, count)]
        sums = [added_as_numpy(graph, part, size) for part, size in zip(parts, (half, count - half), strict=True)]
        return graph.node("Add", *sums)
    whole = count - count % _LANES
    shape = integers(graph, [0, whole // _LANES, _LANES, -1])
    lanes = added_in_turn(graph, graph.node("Reshape", _cells(graph, values, 0, whole), shape))
    sums = [graph.node("Gather", lanes, integers(graph, lane), axis=1) for lane in range(_LANES)]
    while len(sums) > 1:
        sums = [graph.node("Add", *sums[at : at + 2]) for at in range(0, len(sums), 2)]
    total = sums[0]
    for at in range(whole, count):
        total = graph.node("Add", total, graph.node("Gather", values, integers(graph, at), axis=1))
    return total


def row_sum(graph: Graph, values: str, width: int) -> str:
    """Return the sum of each row as `numpy.sum` adds it, of shape [rows, 1]."""
    return added_as_numpy(graph, graph.node("Unsqueeze", values, integers(graph, [2])), width)


def chosen(graph: Graph, table: npt.NDArray[np.generic], places: str) -> str:
    """Return the table's rows at the places, of shape [rows, neighbours, …]: class numbers or targets."""
    known = np.asarray(table)
    constant = integers(graph, known) if known.dtype.kind in "iub" else vector(graph, known)
    return graph.node("Gather", constant, places, axis=0)


def _cells(graph: Graph, values: str, start: int, end: int) -> str:
    first, last, axis = (integers(graph, [value]) for value in (start, end, 1))
    return graph.node("Slice", values, first, last, axis)
