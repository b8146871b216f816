"""Squared lengths of rows, added up in the order of the libraries that scikit-learn asks.

Distances that are expanded into products are differences of such lengths: far from 0 their last bits are what remains.
"""

from __future__ import annotations

import numpy as np

from packager.convert.arithmetic.elementary import added
from packager.convert.graph import Graph, integers, vector

# einsum adds pairs, and takes blocks of four pairs from their end.
_PAIRS = 4
# OpenBLAS's ddot adds in so many sums side by side: in 32 of whole blocks, then in 16, then in one.
_WIDE, _NARROW = 32, 16


def by_einsum(graph: Graph, rows: str, width: int) -> str:
    """Return x·x as `numpy.einsum` adds it, two sums side by side, of shape [rows, 1]."""
    squares = graph.node("Mul", rows, rows)
    if width == 1:
        return squares
    pairs = (width + 1) // 2
    if width % 2:
        squares = graph.node("Concat", squares, graph.node("Mul", _columns(graph, squares, [0]), _zero(graph)), axis=1)
    blocks = width // (2 * _PAIRS)
    order = [block * _PAIRS + at for block in range(blocks) for at in reversed(range(_PAIRS))]
    order += range(blocks * _PAIRS, pairs)
    placed = _columns(graph, squares, (2 * np.array(order)[:, None] + [0, 1]).ravel())
    sums = graph.node("CumSum", graph.node("Reshape", placed, integers(graph, [-1, pairs, 2])), integers(graph, 1))
    last = graph.node("Gather", sums, integers(graph, pairs - 1), axis=1)
    return graph.node("Add", _columns(graph, last, [0]), _columns(graph, last, [1]))


def by_dot(graph: Graph, rows: str, width: int) -> str:
    """Return x·x as OpenBLAS's `ddot` adds it where there is AVX512, each product and sum rounded once: [rows, 1]."""
    wide, narrow = width - width % _WIDE, width - width % _NARROW
    total = None
    if narrow:
        lanes = None
        if wide:
            sums = _fused(graph, _lanes(graph, rows, 0, wide, _WIDE), None)
            halves = graph.node("Reshape", sums, integers(graph, [-1, 4, 2, 4]))
            first, second = (graph.node("Gather", halves, integers(graph, half), axis=2) for half in (0, 1))
            lanes = graph.node("Reshape", graph.node("Add", first, second), integers(graph, [-1, _NARROW]))
        if narrow > wide:
            lanes = _fused(graph, _lanes(graph, rows, wide, narrow, _NARROW), lanes)
        total = _folded(graph, str(lanes))
    if width > narrow:
        total = _fused(graph, _lanes(graph, rows, narrow, width, 1), total)
    return str(total)


def _lanes(graph: Graph, rows: str, start: int, end: int, lanes: int) -> str:
    """Return the columns from start to end as [rows, lanes, cells of each lane]."""
    taken = _columns(graph, rows, np.arange(start, end).reshape(-1, lanes).T.ravel())
    return graph.node("Reshape", taken, integers(graph, [-1, lanes, (end - start) // lanes]))


def _fused(graph: Graph, cells: str, start: str | None) -> str:
    """Return start + the sum of squares per lane, [rows, lanes]: a product of two vectors fuses each step."""
    left = right = cells
    if start is not None:
        own = graph.node("Unsqueeze", start, integers(graph, [2]))
        one = graph.node("Expand", vector(graph, [[[1.0]]]), graph.node("Shape", own))
        left = graph.node("Concat", own, cells, axis=2)
        right = graph.node("Concat", one, cells, axis=2)
    row = graph.node("Unsqueeze", left, integers(graph, [2]))
    product = graph.node("MatMul", row, graph.node("Unsqueeze", right, integers(graph, [3])))
    return graph.node("Squeeze", product, integers(graph, [2, 3]))


def _folded(graph: Graph, lanes: str) -> str:
    """Return the sum of 16 lanes, [rows, 1]: four by four, then across."""
    total = added(graph, [_columns(graph, lanes, np.arange(at, at + 4)) for at in range(0, _NARROW, 4)])
    halves = graph.node("Add", _columns(graph, total, [0, 1]), _columns(graph, total, [2, 3]))
    return graph.node("Add", _columns(graph, halves, [0]), _columns(graph, halves, [1]))


def _columns(graph: Graph, values: str, columns: object) -> str:
    return graph.node("Gather", values, integers(graph, np.asarray(columns)), axis=1)


def _zero(graph: Graph) -> str:
    return vector(graph, [[0.0]])
