"""Trees whose leaves are linear models: which leaf is reached, then its constant and products, in their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from packager.convert.graph import Graph, beside, cast, integers, scalar, vector
from packager.convert.trees import add_in_order, emit_leaf_numbers, parts_of_trees
from packager.structure import Doubles, Ints, Trees


@dataclass(frozen=True)
class LinearLeaves:
    """What the leaves of linear trees add: constant + coefficient * feature + …, one after another.

    `features` and `coefficients` are of shape [terms, leaves]; a leaf with fewer terms than others has coefficients of
    0 for a feature beyond the last.
    """

    constants: Doubles  # [leaves]
    features: Ints
    coefficients: Doubles


@dataclass(frozen=True)
class _Cells:
    """All cells in one row, a zero behind each row's last; `first` is where each row begins, [rows, 1]."""

    flat: str
    first: str


def emit_linear_leaves(
    graph: Graph, features: tuple[str, str], trees: Trees, leaf_values: Doubles, linear: LinearLeaves
) -> str:
    """Return each tree's own prediction, [rows, trees], as LightGBM's `Tree::Predict` adds it up.

    `features`: the columns as the splits read them, and as the leaves do. Where a leaf's feature is NaN, its plain
    value is the prediction.
    """
    split_on, read = features
    reached = emit_leaf_numbers(graph, split_on, trees)
    constants, values = vector(graph, linear.constants), vector(graph, leaf_values)
    if not len(linear.features):
        return graph.node("Gather", constants, reached)
    cells = _cells(graph, read, trees.n_features)
    table, factors = integers(graph, linear.features), vector(graph, linear.coefficients)
    parts = []
    for leaf in parts_of_trees(graph, reached, trees.n_trees, width=len(linear.features) + 1, axis=1):
        place = graph.node("Add", graph.node("Gather", table, leaf, axis=1), cells.first)
        found = graph.node("Gather", cells.flat, place)
        products = graph.node("Mul", graph.node("Gather", factors, leaf, axis=1), found)
        total = add_in_order(graph, products, first=graph.node("Gather", constants, leaf))
        holes = cast(graph, graph.node("IsNaN", found), np.int32)
        has_hole = cast(graph, graph.node("ReduceMax", holes, integers(graph, [0]), keepdims=0), np.bool_)
        parts.append(graph.node("Where", has_hole, graph.node("Gather", values, leaf), total))
    return beside(graph, parts)


def _cells(graph: Graph, features: str, width: int) -> _Cells:
    pads = integers(graph, [0, 0, 0, 1])
    flat = graph.node("Reshape", graph.node("Pad", features, pads, scalar(graph, 0)), integers(graph, [-1]))
    count = graph.node("Squeeze", graph.node("Shape", features, start=0, end=1))
    numbers = graph.node("Range", integers(graph, 0), count, integers(graph, 1))
    first = graph.node("Mul", graph.node("Unsqueeze", numbers, integers(graph, [1])), integers(graph, width + 1))
    return _Cells(flat, first)
