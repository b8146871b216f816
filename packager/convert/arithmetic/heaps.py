"""The k smallest numbers of each row as a heap keeps them: which of equal numbers stay depends on the order of visits.

scikit-learn's searches for neighbours push one distance after the other on a heap of k, which takes a number only if it
is below the largest. Rows where that decides are few, so that they alone are walked through, one visit at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from packager.convert.builder import Builder
from packager.convert.graph import Graph, cast, integers, vector

if TYPE_CHECKING:
    from onnx import GraphProto

# Visits that are looked at together when those that a heap would refuse are left out.
_BLOCK = 64
_PREFIX = "inner_step_"


@dataclass(frozen=True)
class Visits:
    """What a heap is shown, each of shape [rows, count] in the order of the visits: numbers, and their places, int64.

    `groups`, int64, are visited as a whole or not at all: not where `bounds` is above the largest when one is entered.
    """

    values: str
    places: str
    groups: str
    bounds: str
    count: int


def kept(graph: Graph, visits: Visits, k: int) -> tuple[str, str]:
    """Return the k numbers that a heap keeps and their places, both [rows, k], in the heap's own order."""
    shown = _worth_a_visit(graph, visits, k)
    rows = graph.node("Shape", visits.values, start=0, end=1)
    whole, single = (graph.node("Concat", rows, integers(graph, [width]), axis=0) for width in (k, 1))
    heap = graph.node("Expand", vector(graph, [[np.inf]]), whole)
    places = graph.node("Expand", integers(graph, [[0]]), whole)
    group = graph.node("Expand", integers(graph, [[-1]]), single)
    passed = graph.node("Expand", integers(graph, [[0]]), single)
    state = (heap, places, group, passed)
    scanned = graph.several("Scan", *state, *shown, outputs=4, body=_push(graph.dtype, k), num_scan_inputs=4)
    return scanned[0], scanned[1]


def _worth_a_visit(graph: Graph, visits: Visits, k: int) -> tuple[str, ...]:
    """Return the visits that a heap may take, in order, of shape [visits, rows, 1]; infinite ones fill short rows up.

    A number that is not below the k-th smallest of the blocks before it would be refused.
    """
    values, count = visits.values, visits.count
    blocks = -(-count // _BLOCK)
    rows = graph.node("Shape", values, start=0, end=1)
    filling = graph.node("Concat", rows, integers(graph, [blocks * _BLOCK - count]), axis=0)
    padded = graph.node("Concat", values, graph.node("Expand", vector(graph, [[np.inf]]), filling), axis=1)
    cut = graph.node("Reshape", padded, graph.node("Concat", rows, integers(graph, [blocks, _BLOCK]), axis=0))
    limits = graph.node("Expand", vector(graph, [[np.inf]]), graph.node("Concat", rows, integers(graph, [k]), axis=0))
    shown = graph.node("Transpose", cut, perm=[1, 0, 2])
    scanned = graph.several("Scan", limits, shown, outputs=2, body=_compare(graph.dtype, k), num_scan_inputs=1)
    is_below = graph.node("Transpose", scanned[1], perm=[1, 0, 2])
    is_below = graph.node("Reshape", is_below, graph.node("Concat", rows, integers(graph, [blocks * _BLOCK]), axis=0))
    # The earlier a visit, the larger its rank; refused ones have none.
    ranks = graph.node("Mul", is_below, integers(graph, np.arange(blocks * _BLOCK, 0, -1)[None, :]))
    counted = graph.node("ReduceSum", is_below, integers(graph, [1]), keepdims=0)
    most = graph.node("ReduceMax", graph.node("Concat", counted, integers(graph, [1]), axis=0), keepdims=1)
    rank, at = graph.several("TopK", ranks, most, outputs=2, axis=1)
    inside = graph.node("Min", at, integers(graph, count - 1))
    taken = graph.node("GatherElements", values, inside, axis=1)
    is_none = graph.node("Equal", rank, integers(graph, 0))
    taken = graph.node("Where", is_none, vector(graph, [[np.inf]]), taken)
    others = (visits.places, visits.groups, visits.bounds)
    found = [taken, *(graph.node("GatherElements", other, inside, axis=1) for other in others)]
    return tuple(_by_visit(graph, values) for values in found)


def _by_visit(graph: Graph, values: str) -> str:
    """Return [rows, visits] as [visits, rows, 1]."""
    return graph.node("Unsqueeze", graph.node("Transpose", values, perm=[1, 0]), integers(graph, [2]))


def _compare(dtype: np.dtype[np.floating], k: int) -> GraphProto:
    """Return the step over one block: (k smallest so far, block) to (k smallest with it, 1 where below the k-th)."""
    inner = Builder(dtype, {})
    smallest, block = "smallest", "block"
    last = inner.node("Gather", smallest, integers(inner, [k - 1]), axis=1)
    is_below = cast(inner, inner.node("Less", block, last), np.int64)
    both = inner.node("Concat", smallest, block, axis=1)
    values, _ = inner.several("TopK", both, integers(inner, [k]), outputs=2, axis=1, largest=0, sorted=1)
    number = _number(dtype)
    return _body(inner, {smallest: number, block: number}, {values: number, is_below: _INT64})


def _push(dtype: np.dtype[np.floating], k: int) -> GraphProto:
    """Return the step of one visit: what is below the root takes its place and sinks to where it belongs."""
    inner = Builder(dtype, {})
    names = ("heap", "held", "group", "passed", "value", "place", "own_group", "bound")
    heap, held, group, passed, value, place, own_group, bound = names
    root = inner.node("Gather", heap, integers(inner, [0]), axis=1)
    is_beyond = cast(inner, inner.node("Greater", bound, root), np.int64)
    is_passed = inner.node("Where", inner.node("Equal", group, own_group), passed, is_beyond)
    is_open = inner.node("Equal", is_passed, integers(inner, 0))
    accepted = moves = inner.node("And", inner.node("Less", value, root), is_open)
    values, places, at = heap, held, inner.node("Mul", place, integers(inner, 0))
    for _ in range(int(np.log2(k))):
        values, places, at, moves = _sink(inner, (values, places), value, (at, moves))
    values, places = (_put(inner, whole, at, new, accepted) for whole, new in ((values, value), (places, place)))
    number = _number(dtype)
    kinds = (number, _INT64, _INT64, _INT64, number, _INT64, _INT64, number)
    outputs = {values: number, places: _INT64, inner.node("Identity", own_group): _INT64, is_passed: _INT64}
    return _body(inner, dict(zip(names, kinds, strict=True)), outputs)


def _sink(inner: Builder, heap: tuple[str, str], value: str, at: tuple[str, str]) -> tuple[str, str, str, str]:
    """Move the larger child up where the value is below it: scikit-learn's `heap_push`, one level of it."""
    (values, places), (position, moves) = heap, at
    left = inner.node("Add", inner.node("Mul", position, integers(inner, 2)), integers(inner, 1))
    right = inner.node("Add", left, integers(inner, 1))
    # Beyond the end nothing is: two cells for each one of the heap hold every child there may be.
    beyond = inner.node("Expand", vector(inner, [[-np.inf]]), inner.node("Shape", values))
    padded = inner.node("Concat", values, beyond, beyond, axis=1)
    left_value, right_value = (inner.node("GatherElements", padded, child, axis=1) for child in (left, right))
    goes_left = inner.node("GreaterOrEqual", left_value, right_value)
    child = inner.node("Where", goes_left, left, right)
    child_value = inner.node("Where", goes_left, left_value, right_value)
    moves = inner.node("And", moves, inner.node("Less", value, child_value))
    child = inner.node("Where", moves, child, position)
    raised_value = inner.node("GatherElements", values, child, axis=1)
    raised_place = inner.node("GatherElements", places, child, axis=1)
    new_values = inner.node("ScatterElements", values, position, raised_value, axis=1)
    new_places = inner.node("ScatterElements", places, position, raised_place, axis=1)
    return new_values, new_places, child, moves


def _put(inner: Builder, whole: str, at: str, new: str, accepted: str) -> str:
    old = inner.node("GatherElements", whole, at, axis=1)
    return inner.node("ScatterElements", whole, at, inner.node("Where", accepted, new, old), axis=1)


_INT64 = 7  # onnx.TensorProto.INT64


def _number(dtype: np.dtype[np.floating]) -> int:
    from onnx.helper import np_dtype_to_tensor_dtype

    return int(np_dtype_to_tensor_dtype(dtype))


def _body(inner: Builder, inputs: dict[str, int], outputs: dict[str, int]) -> GraphProto:
    """Return the graph of a step under names that no graph around it has."""
    from onnx import helper

    graph = helper.make_graph(
        inner.nodes,
        "step",
        [helper.make_tensor_value_info(name, kind, [None, None]) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, kind, [None, None]) for name, kind in outputs.items()],
        inner.whole_constants(),
    )
    for node in graph.node:
        node.input[:] = [_PREFIX + name for name in node.input]
        node.output[:] = [_PREFIX + name for name in node.output]
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = _PREFIX + value.name
    return graph
