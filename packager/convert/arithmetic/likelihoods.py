"""From joint log likelihoods to probabilities, in the order of the original: for far rows it is what decides."""

from __future__ import annotations

from packager.convert.arithmetic.elementary import add, divide, is_equal, subtract, where
from packager.convert.graph import Graph, cast, integers


def log_sum_exp(graph: Graph, values: str) -> str:
    """Return log(sum(exp(values))) of each row, of shape [rows, 1].

    As scikit-learn has it: the largest are set apart and counted, so that equal ones add log(count) last.
    """
    axis = integers(graph, [1])
    largest = graph.node("ReduceMax", values, axis, keepdims=1)
    is_largest = graph.node("Equal", values, largest)
    count = graph.node("ReduceSum", cast(graph, is_largest, graph.dtype), axis, keepdims=1)
    others = where(graph, is_largest, float("-inf"), subtract(graph, values, largest))
    total = graph.node("ReduceSum", graph.node("Exp", others), axis, keepdims=1)
    share = where(graph, is_equal(graph, total, 0), total, divide(graph, total, count))
    # The sum is at most the number of columns and is added to the largest: a plain log(1 + x) loses nothing.
    logarithm = graph.node("Log", add(graph, share, 1))
    return add(graph, add(graph, logarithm, graph.node("Log", count)), largest)


def probabilities(graph: Graph, values: str) -> str:
    """Return exp(values - log_sum_exp(values)), of shape [rows, classes]."""
    return graph.node("Exp", subtract(graph, values, log_sum_exp(graph, values)))
