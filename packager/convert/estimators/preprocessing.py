"""Preprocessing steps that decide or multiply, in the order in which scikit-learn computes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic.edges import count_reached
from packager.convert.arithmetic.elementary import ones
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, cast, integers, scalar, through


def emit_binarizer(graph: Graph, features: str, model: Any) -> str:
    """Return 1 where a cell is above the threshold, else 0; shape [rows, columns]."""
    return cast(graph, graph.node("Greater", features, scalar(graph, model.threshold)), graph.dtype)


def emit_bins(graph: Graph, features: str, model: Any) -> str:
    """Return the bin of each cell: how many inner edges it is not below; shape [rows, columns], or one-hot."""
    seen = features if model.dtype is None else through(graph, features, model.dtype)
    number = count_reached(graph, seen, [edges[1:-1] for edges in model.bin_edges_])
    if model.encode == "ordinal":
        return cast(graph, number, graph.dtype)
    columns = np.repeat(np.arange(len(model.n_bins_)), model.n_bins_)
    bins = np.concatenate([np.arange(count) for count in model.n_bins_])
    spread = graph.node("Gather", number, integers(graph, columns), axis=1)
    return cast(graph, graph.node("Equal", spread, integers(graph, bins)), graph.dtype)


def emit_polynomials(graph: Graph, features: str, model: Any) -> str:
    """Return products of columns, of shape [rows, products].

    scikit-learn multiplies the product of the later columns by the first one, degree by degree; so does this.
    """
    if not model.n_output_features_:
        raise UnsupportedModel("it makes no column of so few")
    wanted = [tuple(np.repeat(np.arange(len(powers)), powers).tolist()) for powers in model.powers_]
    columns_alone: list[tuple[int, ...]] = [(column,) for column in range(model.n_features_in_)]
    blocks = {1: (columns_alone, features)}
    for degree in range(2, max(map(len, wanted)) + 1):
        below, values = blocks[degree - 1]
        position = {columns: index for index, columns in enumerate(below)}
        here = sorted({columns[-degree:] for columns in wanted if len(columns) >= degree})
        later = graph.constant(np.array([position[columns[1:]] for columns in here], dtype=np.int64))
        first = graph.constant(np.array([columns[0] for columns in here], dtype=np.int64))
        product = graph.node(
            "Mul", graph.node("Gather", values, later, axis=1), graph.node("Gather", features, first, axis=1)
        )
        blocks[degree] = (here, product)
    tables: list[tuple[list[tuple[int, ...]], str]] = [([()], ones(graph, features)), *blocks.values()]
    every = [columns for known, _ in tables for columns in known]
    place = {columns: index for index, columns in enumerate(every)}
    order = np.array([place[columns] for columns in wanted], dtype=np.int64)
    whole = graph.node("Concat", *(values for _, values in tables), axis=1)
    return graph.node("Gather", whole, graph.constant(order), axis=1)


EMITTERS = {
    "sklearn.preprocessing.Binarizer": Emitter(transform=emit_binarizer),
    "sklearn.preprocessing.KBinsDiscretizer": Emitter(transform=emit_bins),
    "sklearn.preprocessing.PolynomialFeatures": Emitter(transform=emit_polynomials),
}
