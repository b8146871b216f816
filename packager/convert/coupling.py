"""libsvm's class probabilities: those that agree best with the probabilities of all pairs of classes.

T.-F. Wu, C.-J. Lin, R. C. Weng, Probability estimates for multi-class classification by pairwise coupling, 2004, the
second method. libsvm stops early, so its steps are taken one by one, and each row stops for itself.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from packager.convert.builder import Builder
from packager.convert.elementary import add, divide, is_above, is_below, subtract, times, where
from packager.convert.graph import Graph, beside, cast, integers, scalar, vector
from packager.convert.responses import column, repeated

if TYPE_CHECKING:
    from onnx import GraphProto

_MOST_ITERATIONS = 100
# Over the number of classes: the error at which a row stops.
_TOLERANCE = 0.005
# Names within the loop must not be those of the graph around it.
_PREFIX = "coupling_"
_CONDITION, _OPEN, _SHARES, _MATRIX = "condition", "open", "shares", "matrix"


def coupled(graph: Graph, pairwise: str, classes: int) -> str:
    """Return the classes' probabilities, [rows, classes], from those of the first of each pair, [rows, pairs]."""
    start = repeated(graph, pairwise, np.full(classes, 1 / classes))
    is_open = is_above(graph, column(graph, start, 0), 0)
    most = graph.constant(np.array(max(_MOST_ITERATIONS, classes), dtype=np.int64))
    always = graph.constant(np.array(True))
    states = (is_open, start, _matrix(graph, pairwise, classes))
    return graph.several("Loop", most, always, *states, outputs=3, body=_body(graph, classes))[1]


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


def _body(graph: Graph, classes: int) -> GraphProto:
    """Return one sweep over the classes; rows whose largest error is small enough keep their probabilities."""
    from onnx import TensorProto, helper

    inner = Builder(graph.dtype, {})
    across = integers(inner, [1])
    product = times(inner, _MATRIX, inner.node("Unsqueeze", _SHARES, across))
    gradient = inner.node("ReduceSum", product, integers(inner, [2]), keepdims=0)
    energy = inner.node("ReduceSum", times(inner, _SHARES, gradient), across, keepdims=1)
    error = inner.node("Abs", subtract(inner, gradient, energy))
    is_near = is_below(inner, inner.node("ReduceMax", error, across, keepdims=1), _TOLERANCE / classes)
    is_open = inner.node("And", _OPEN, inner.node("Not", is_near))
    shares = where(inner, is_open, _swept(inner, gradient, energy, classes), _SHARES)
    count = inner.node("ReduceSum", cast(inner, is_open, np.int64), integers(inner, [0, 1]), keepdims=0)
    goes_on = inner.node("Greater", count, integers(inner, 0))
    number = int(helper.np_dtype_to_tensor_dtype(graph.dtype))
    kinds = [(_OPEN, TensorProto.BOOL, 1), (_SHARES, number, classes)]
    inputs = [
        helper.make_tensor_value_info("iteration", TensorProto.INT64, []),
        helper.make_tensor_value_info(_CONDITION, TensorProto.BOOL, []),
        *(helper.make_tensor_value_info(name, kind, [None, width]) for name, kind, width in kinds),
        helper.make_tensor_value_info(_MATRIX, number, [None, classes, classes]),
    ]
    found = [goes_on, is_open, shares, inner.node("Identity", _MATRIX)]
    outputs = [helper.make_value_info(name, value.type) for name, value in zip(found, inputs[1:], strict=True)]
    return _prefixed(helper.make_graph(inner.nodes, "sweep", inputs, outputs, inner.initializers))


def _swept(inner: Graph, gradient: str, energy: str, classes: int) -> str:
    """Return the probabilities after a step for each class in turn, scaled to a sum of 1 after each."""
    shares = _SHARES
    for at in range(classes):
        line = inner.node("Gather", _MATRIX, integers(inner, at), axis=1)
        own, slope = column(inner, line, at), column(inner, gradient, at)
        step = divide(inner, add(inner, inner.node("Neg", slope), energy), own)
        scale = add(inner, step, 1)
        gain = times(inner, step, add(inner, times(inner, step, own), times(inner, slope, 2)))
        energy = divide(inner, divide(inner, add(inner, energy, gain), scale), scale)
        gradient = divide(inner, add(inner, gradient, times(inner, step, line)), scale)
        moved = add(inner, shares, times(inner, step, vector(inner, np.eye(classes)[at : at + 1])))
        shares = divide(inner, moved, scale)
    return shares


def _prefixed(body: GraphProto) -> GraphProto:
    for node in body.node:
        node.name = _PREFIX + node.name
        node.input[:] = [_PREFIX + name for name in node.input]
        node.output[:] = [_PREFIX + name for name in node.output]
    for value in (*body.input, *body.output, *body.initializer):
        value.name = _PREFIX + value.name
    return body
