"""Inverse links and class choices: from raw scores to the probabilities and labels that the model states."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from packager.convert.graph import Graph, scalar


def logistic(graph: Graph, raw: str, *, scale: float = 1.0) -> str:
    """Return 1 / (1 + exp(-scale * raw)), written out as LightGBM and scipy's expit compute it."""
    exponential = graph.node("Exp", graph.node("Mul", raw, scalar(graph, -scale)))
    one = scalar(graph, 1)
    return graph.node("Div", one, graph.node("Add", one, exponential))


def with_complement(graph: Graph, positive: str) -> str:
    """Return [1 - p, p] of shape [rows, 2] for p of shape [rows, 1]."""
    return graph.node("Concat", graph.node("Sub", scalar(graph, 1), positive), positive, axis=1)


def first_largest(graph: Graph, scores: str, classes: npt.NDArray[np.generic]) -> str:
    """Return the class of the largest score, the first of equals; shape [rows]."""
    return _pick(graph, graph.node("ArgMax", scores, axis=1, keepdims=0), classes)


def by_sign(graph: Graph, raw: str, classes: npt.NDArray[np.generic], *, zero_is_positive: bool) -> str:
    """Return the class by the sign of a raw score of shape [rows, 1]; shape [rows]."""
    comparison = "GreaterOrEqual" if zero_is_positive else "Greater"
    flat = graph.node("Reshape", raw, graph.constant(np.array([-1], dtype=np.int64)))
    positive = graph.node("Cast", graph.node(comparison, flat, scalar(graph, 0)), to=7)  # int64
    return _pick(graph, positive, classes)


def _pick(graph: Graph, index: str, classes: npt.NDArray[np.generic]) -> str:
    # Labels leave the graph in one width: int64, double, bool or text.
    widened = classes.astype({"i": np.int64, "u": np.int64, "f": np.float64}.get(classes.dtype.kind, classes.dtype))
    return graph.node("Gather", graph.constant(widened), index, axis=0)
