"""Sums of squares in numpy's own order of additions, so that distances round as scikit-learn's do."""

from __future__ import annotations

from packager.convert.graph import Graph, integers

# numpy's einsum adds two lanes of doubles side by side, and takes four pairs at a time from their last to their first.
_LANES, _PAIRS = 2, 4


def squared_norms(graph: Graph, rows: str, width: int) -> str:
    """Return x . x of each row as `numpy.einsum("ij,ij->i", x, x)` adds it up; shape [rows, 1].

    Where one column is far larger than the others, its rounding decides what is left of the others in a distance.
    """
    squares = graph.node("Mul", rows, rows)
    lanes = ""
    for first in _order(width):
        pair = _columns(graph, squares, [first, first + 1])
        lanes = graph.node("Add", lanes, pair) if lanes else pair
    if not lanes:
        return squares
    even, odd = _columns(graph, lanes, [0]), _columns(graph, lanes, [1])
    if width % _LANES:
        even = graph.node("Add", even, _columns(graph, squares, [width - 1]))
    return graph.node("Add", even, odd)


def _order(width: int) -> list[int]:
    """Return the first column of each whole pair, in the order in which they are added."""
    block = _LANES * _PAIRS
    blocks = width // block
    in_blocks = [block * at + _LANES * pair for at in range(blocks) for pair in reversed(range(_PAIRS))]
    return in_blocks + list(range(block * blocks, width - 1, _LANES))


def _columns(graph: Graph, tensor: str, columns: list[int]) -> str:
    return graph.node("Gather", tensor, integers(graph, columns), axis=1)
