"""Inverse links and class choices: from raw scores to the probabilities and labels that the model states."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.votes import row_sum
from packager.convert.graph import Graph, cast, integers, scalar


def logistic(graph: Graph, raw: str, *, scale: float = 1.0) -> str:
    """Return 1 / (1 + exp(-scale * raw)), written out as LightGBM and scipy's expit compute it."""
    exponential = graph.node("Exp", graph.node("Mul", raw, scalar(graph, -scale)))
    one = scalar(graph, 1)
    return graph.node("Div", one, graph.node("Add", one, exponential))


def softmax(graph: Graph, raw: str, width: int) -> str:
    """Return exp(raw - largest) over its sum, [rows, width]; ONNX's own Softmax multiplies by a rounded 1 / sum."""
    largest = graph.node("ReduceMax", raw, integers(graph, [1]), keepdims=1)
    powers = graph.node("Exp", graph.node("Sub", raw, largest))
    return graph.node("Div", powers, row_sum(graph, powers, width))


def with_complement(graph: Graph, positive: str) -> str:
    """Return [1 - p, p] of shape [rows, 2] for p of shape [rows, 1]."""
    return graph.node("Concat", graph.node("Sub", scalar(graph, 1), positive), positive, axis=1)


def first_largest(graph: Graph, scores: str, classes: npt.NDArray[np.generic]) -> str:
    """Return the class of the largest score, the first of equals; shape [rows]."""
    return pick_label(graph, graph.node("ArgMax", scores, axis=1, keepdims=0), classes)


def by_sign(graph: Graph, raw: str, classes: npt.NDArray[np.generic], *, zero_is_positive: bool) -> str:
    """Return the class by the sign of a raw score of shape [rows, 1]; shape [rows]."""
    comparison = "GreaterOrEqual" if zero_is_positive else "Greater"
    positive = cast(graph, graph.node(comparison, flat(graph, raw), scalar(graph, 0)), np.int64)
    return pick_label(graph, positive, classes)


def by_decision(graph: Graph, decision: str, classes: npt.NDArray[np.generic], columns: int) -> str:
    """Return the class that scikit-learn's linear classifiers choose from a decision function of `columns` columns."""
    if columns == 1:
        return by_sign(graph, decision, classes, zero_is_positive=False)
    return first_largest(graph, decision, classes)


def pick_label(graph: Graph, index: str, classes: npt.NDArray[np.generic]) -> str:
    """Return the class at each index, of the index's shape."""
    return graph.node("Gather", label_constant(graph, classes), index, axis=0)


def label_constant(graph: Graph, classes: npt.NDArray[np.generic]) -> str:
    """Return labels as a constant in the one width that labels have: int64, double, bool or text."""
    classes = np.asarray(classes)
    widened = classes.astype({"i": np.int64, "u": np.int64, "f": np.float64}.get(classes.dtype.kind, classes.dtype))
    return graph.constant(widened)


def flat(graph: Graph, tensor: str) -> str:
    """Return a tensor of shape [rows, 1] as [rows]."""
    return graph.node("Reshape", tensor, integers(graph, [-1]))


def upright(graph: Graph, tensor: str) -> str:
    """Return a tensor of shape [rows] as [rows, 1]."""
    return graph.node("Reshape", tensor, integers(graph, [-1, 1]))
