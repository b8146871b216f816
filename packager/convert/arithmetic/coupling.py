"""libsvm's class probabilities: those that agree best with the probabilities of all pairs of classes.

T.-F. Wu, C.-J. Lin, R. C. Weng, Probability estimates for multi-class classification by pairwise coupling, 2004, the
second method. libsvm stops early, so its steps are taken one by one, and each row stops for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from packager.convert.arithmetic.elementary import add, divide, is_above, is_below, subtract, times, where
from packager.convert.arithmetic.loops import repeat
from packager.convert.arithmetic.responses import column, repeated
from packager.convert.graph import Graph, beside, cast, integers, scalar, vector

_MOST_ITERATIONS = 100
# Over the number of classes: the error at which a row stops.
_TOLERANCE = 0.005


def coupled(graph: Graph, pairwise: str, classes: int) -> str:
    """Return the classes' probabilities, [rows, classes], from those of the first of each pair, [rows, pairs]."""
    start = repeated(graph, pairwise, np.full(classes, 1 / classes))
    is_open = is_above(graph, column(graph, start, 0), 0)
    states = (is_open, start, _matrix(graph, pairwise, classes))

    def step(body: Graph, states: tuple[str, ...]) -> tuple[str, Sequence[str]]:
        return _sweep(body, states, classes)

    kinds = (np.bool_, graph.dtype, graph.dtype)
    return repeat(graph, step, states, kinds, most=max(_MOST_ITERATIONS, classes))[1]


def _matrix(graph: Graph, pairwise: str, classes: int) -> str:
    """Return Q of shape [rows, classes, classes]: minus r[t][j] r[j][t], on the diagonal the sum of r[j][t]^2."""
    pairs = np.array(list(combinations(range(classes), 2)))
    place = np.full((classes, classes), 2 * len(pairs))  # of the zeros on the diagonal
    place[pairs[:, 0], pairs[:, 1]] = np.arange(len(pairs))
    place[pairs[:, 1], pairs[:, 0]] = len(pairs) + np.arange(len(pairs))
    both = [pairwise, subtract(graph, scalar(graph, 1), pairwise), repeated(graph, pairwise, 0)]
    wins = graph.node("Gather", beside(graph, both), integers(graph, place), axis=1)
    losses = graph.node("Transpose", wins, perm=[0, 2, 1])
    squares = graph.node("ReduceSum", times(graph, wins, wins), integers(graph, [1]), keepdims=1)
    diagonal = times(graph, vector(graph, np.eye(classes)), squares)
    return subtract(graph, diagonal, times(graph, wins, losses))


def _sweep(body: Graph, states: tuple[str, ...], classes: int) -> tuple[str, Sequence[str]]:
    """Take one sweep over the classes; rows whose largest error is small enough keep their probabilities."""
    was_open, shares, matrix = states
    across = integers(body, [1])
    product = times(body, matrix, body.node("Unsqueeze", shares, across))
    gradient = body.node("ReduceSum", product, integers(body, [2]), keepdims=0)
    energy = body.node("ReduceSum", times(body, shares, gradient), across, keepdims=1)
    error = body.node("Abs", subtract(body, gradient, energy))
    is_near = is_below(body, body.node("ReduceMax", error, across, keepdims=1), _TOLERANCE / classes)
    is_open = body.node("And", was_open, body.node("Not", is_near))
    count = body.node("ReduceSum", cast(body, is_open, np.int64), integers(body, [0, 1]), keepdims=0)
    moved = where(body, is_open, _swept(body, (gradient, energy, shares), matrix, classes), shares)
    return body.node("Greater", count, integers(body, 0)), (is_open, moved, matrix)


def _swept(body: Graph, state: tuple[str, str, str], matrix: str, classes: int) -> str:
    """Return the probabilities after a step for each class in turn, scaled to a sum of 1 after each."""
    gradient, energy, shares = state
    for at in range(classes):
        line = body.node("Gather", matrix, integers(body, at), axis=1)
        own, slope = column(body, line, at), column(body, gradient, at)
        step = divide(body, add(body, body.node("Neg", slope), energy), own)
        scale = add(body, step, 1)
        gain = times(body, step, add(body, times(body, step, own), times(body, slope, 2)))
        energy = divide(body, divide(body, add(body, energy, gain), scale), scale)
        gradient = divide(body, add(body, gradient, times(body, step, line)), scale)
        moved = add(body, shares, times(body, step, vector(body, np.eye(classes)[at : at + 1])))
        shares = divide(body, moved, scale)
    return shares
