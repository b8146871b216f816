"""Where numbers lie among sorted edges, column by column.

The search compares in the graph's own dtype with a few plain operators; its memory grows with the logarithm of the
number of edges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from packager.convert.graph import Graph, cast, integers, vector
from packager.convert.trees import round_down

Doubles = npt.NDArray[np.float64]

# Each level of the search compares with this many edges less one: two levels find one of 1,024 intervals.
_FAN_OUT = 32


def count_reached(graph: Graph, features: str, edges: Sequence[npt.ArrayLike]) -> str:
    """Return how many of its column's ascending edges each cell is not below; int64 [rows, columns], 0 for NaN.

    This is `np.searchsorted(edges[column], x, side="right")`.
    """
    tables = [-round_down(-np.asarray(values, dtype=np.float64).ravel(), graph.dtype) for values in edges]
    fan_out, depth = _shape(max(1, *map(len, tables)))
    blocks = np.full((len(tables), fan_out**depth), np.nan)  # no cell reaches NaN
    for row, values in zip(blocks, tables, strict=True):
        row[: len(values)] = values
    columns = np.arange(len(tables))[None, :]
    cells = graph.node("Unsqueeze", features, integers(graph, [2]))
    found = ""
    for level in range(depth):
        step = fan_out ** (depth - level - 1)
        pivots = blocks.reshape(-1, fan_out, step)[:, :-1, -1]  # of each block, the last of every part but the last
        here = vector(graph, pivots if level else pivots[None])
        if level:
            block = graph.node("Add", found, integers(graph, columns * fan_out**level))
            here = graph.node("Gather", here, block, axis=0)
            found = graph.node("Mul", found, integers(graph, fan_out))
        reached = cast(graph, graph.node("GreaterOrEqual", cells, here), np.int64)
        count = graph.node("ReduceSum", reached, integers(graph, [2]), keepdims=0)
        found = graph.node("Add", found, count) if level else count
    return found


def from_columns(graph: Graph, places: str, table: Doubles) -> str:
    """Return of each column of `table`, [columns, n], the value at each place; places are int64 [rows, columns]."""
    starts = np.arange(len(table))[None, :] * table.shape[1]
    return graph.node("Gather", vector(graph, table.ravel()), graph.node("Add", places, integers(graph, starts)))


def _shape(edges: int) -> tuple[int, int]:
    """Return (fan out, depth) of the search among so many edges."""
    depth = 1
    while _FAN_OUT**depth <= edges:
        depth += 1
    fan_out = 2
    while fan_out**depth <= edges:
        fan_out += 1
    return fan_out, depth
