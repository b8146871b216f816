"""Matrices of which most cells are zero: the graph computes with the cells that are not, and fills the rest in last.

An emitter that only multiplies by a matrix asks `product`, and the full form is then never made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from packager.convert.graph import Graph, UnsupportedModel, cast, integers, vector

if TYPE_CHECKING:
    from onnx import GraphProto

# A full matrix of more columns is none for a service: a single row of doubles takes 2 MB of this.
_WIDEST = 2**18
# Stands for a matrix that is not made; a graph that needs it is refused.
_TOO_WIDE, _DOMAIN = "TooWide", "packager"


@dataclass(frozen=True)
class Sparse:
    """Cells by row and column, each once, in the order of both; `row`, `column`, `value` are tensors [cells].

    `rows` is a tensor [1], the number of rows; `width` is the number of columns.
    """

    row: str
    column: str
    value: str
    rows: str
    width: int


# What the full matrices in a graph were made of, by the name of their tensor.
_KNOWN: WeakKeyDictionary[Graph, dict[str, Sparse]] = WeakKeyDictionary()


def gathered(graph: Graph, row: str, column: str, width: int, *, rows: str, value: str | None = None) -> Sparse:
    """Return the sum of `value` per row and column, or the count, of places [n]; a column below 0 is none."""
    hit = graph.node("GreaterOrEqual", column, integers(graph, 0))
    flat = graph.node("Add", graph.node("Mul", row, integers(graph, width)), column)
    keys, _, place, count = graph.several("Unique", graph.node("Compress", flat, hit, axis=0), outputs=4, sorted=1)
    total = cast(graph, count, graph.dtype)
    if value is not None:
        given, zeros = graph.node("Compress", value, hit, axis=0), graph.node("Sub", total, total)
        total = graph.node("ScatterElements", zeros, place, given, axis=0, reduction="add")
    row, column = graph.node("Div", keys, integers(graph, width)), graph.node("Mod", keys, integers(graph, width))
    return Sparse(row, column, total, rows, width)


def normalized(graph: Graph, cells: Sparse, norm: str | None) -> Sparse:
    """Return rows divided by their norm, `l1` or `l2`; rows of zeros stay. Sums are of doubles, whatever the cells."""
    if norm is None:
        return cells
    size = graph.node("Abs", cells.value) if norm == "l1" else graph.node("Mul", cells.value, cells.value)
    size = cast(graph, size, np.float64)
    total = _added(graph, _zeros(graph, cells, [], size), cells.row, size)
    total = total if norm == "l1" else graph.node("Sqrt", total)
    one = graph.constant(np.ones(1))
    total = graph.node("Where", graph.node("Equal", total, graph.constant(np.zeros(1))), one, total)
    ratio = graph.node("Div", cast(graph, cells.value, np.float64), graph.node("Gather", total, cells.row, axis=0))
    return replace(cells, value=graph.node("CastLike", ratio, cells.value))


def dense(graph: Graph, cells: Sparse) -> str:
    """Return the full matrix, [rows, width], in the graph's dtype; one that is too wide may not be needed."""
    value = cast(graph, cells.value, graph.dtype)
    full = _filled_in(graph, cells, value) if cells.width <= _WIDEST else graph.node(_TOO_WIDE, value, domain=_DOMAIN)
    _KNOWN.setdefault(graph, {})[full] = replace(cells, value=value)
    return full


def check_widths(graph: GraphProto) -> None:
    """Raise UnsupportedModel where a finished graph needs the full form of a matrix that is too wide for it."""
    if any(node.op_type == _TOO_WIDE and node.domain == _DOMAIN for node in graph.node):
        raise UnsupportedModel(
            f"a matrix of more than {_WIDEST:,} columns is needed in full; train with fewer (n_features=2**16 of a"
            " HashingVectorizer, max_features of others), or put a linear model right behind it"
        )


def _filled_in(graph: Graph, cells: Sparse, value: str) -> str:
    both = [graph.node("Unsqueeze", part, integers(graph, [1])) for part in (cells.row, cells.column)]
    empty = _zeros(graph, cells, [cells.width], value)
    return graph.node("ScatterND", empty, graph.node("Concat", *both, axis=1), value)


def known(graph: Graph, matrix: str) -> Sparse | None:
    """Return what a full matrix was made of."""
    return _KNOWN.get(graph, {}).get(matrix)


def product(graph: Graph, matrix: str, weights: npt.ArrayLike) -> str:
    """Return matrix @ weights, [rows, columns of weights]; a sparse matrix is not filled in for it."""
    cells, held = known(graph, matrix), vector(graph, weights)
    if cells is None:
        return graph.node("MatMul", matrix, held)
    value = graph.node("Unsqueeze", cells.value, integers(graph, [1]))
    terms = graph.node("Mul", graph.node("Gather", held, cells.column, axis=0), value)
    return _added(graph, _zeros(graph, cells, [np.shape(weights)[1]], terms), cells.row, terms)


def _added(graph: Graph, start: str, row: str, terms: str) -> str:
    """Return `start` with each term added to its row, in order."""
    return graph.node("ScatterND", start, graph.node("Unsqueeze", row, integers(graph, [1])), terms, reduction="add")


def _zeros(graph: Graph, cells: Sparse, shape: list[int], like: str) -> str:
    """Return zeros of shape [rows, *shape] in the dtype of `like`."""
    size = graph.node("Concat", cells.rows, integers(graph, shape), axis=0) if shape else cells.rows
    return graph.node("Expand", graph.node("CastLike", graph.constant(np.zeros(1)), like), size)
