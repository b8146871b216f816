"""What a heap of k keeps of numbers among which many are equal, against scikit-learn's own rule pushed in Python."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx import TensorProto, helper

from packager.convert.arithmetic.heaps import Visits, kept
from packager.convert.builder import Builder

Doubles = npt.NDArray[np.float64]
ROWS = 12


def _session(count: int, k: int) -> onnxruntime.InferenceSession:
    builder = Builder(np.dtype(np.float64), {})
    outputs = kept(builder, Visits("values", "places", "groups", "bounds", count), k)
    kinds = {"values": TensorProto.DOUBLE, "places": TensorProto.INT64}
    kinds |= {"groups": TensorProto.INT64, "bounds": TensorProto.DOUBLE}
    inputs = [helper.make_tensor_value_info(name, kind, [None, count]) for name, kind in kinds.items()]
    found = [
        helper.make_tensor_value_info(name, kind, [None, None])
        for name, kind in zip(outputs, (TensorProto.DOUBLE, TensorProto.INT64), strict=True)
    ]
    graph = helper.make_graph(builder.nodes, "heap", inputs, found, builder.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString())


def _pushed(values: Doubles, groups: npt.NDArray[np.int64], bounds: Doubles, k: int) -> tuple[list[float], list[int]]:
    heap, held, entered, is_passed = [np.inf] * k, [0] * k, -1, False
    for place, value in enumerate(values):
        if groups[place] != entered:
            entered, is_passed = groups[place], bounds[place] > heap[0]
        if is_passed or value >= heap[0]:
            continue
        at = 0
        while (left := 2 * at + 1) < k:
            child = left + 1 if left + 1 < k and heap[left] < heap[left + 1] else left
            if value >= heap[child]:
                break
            heap[at], held[at], at = heap[child], held[child], child
        heap[at], held[at] = value, place
    return heap, held


@pytest.mark.parametrize("k", [1, 2, 3, 4, 6, 8, 13])
@pytest.mark.parametrize("count", [20, 64, 150])
def test_equal_numbers_stay_or_go_by_their_visits(count: int, k: int) -> None:
    random = np.random.default_rng(count + k)
    values = random.integers(0, 6, (ROWS, count)).astype(np.float64)
    groups = np.broadcast_to(np.arange(count) // 10, values.shape)
    bounds = np.broadcast_to(random.integers(0, 4, (ROWS, count // 10 + 1)).astype(np.float64)[:, :1], values.shape)
    values = np.maximum(values, bounds)  # nothing lies nearer than its group
    places = np.broadcast_to(np.arange(count), values.shape)
    given = {"values": values, "places": places, "groups": groups, "bounds": bounds}
    found, held = _session(count, k).run(None, {name: np.ascontiguousarray(cells) for name, cells in given.items()})
    expected = [_pushed(*cells, k) for cells in zip(values, groups, bounds, strict=True)]
    np.testing.assert_array_equal(found, [heap for heap, _ in expected])
    np.testing.assert_array_equal(held, [kept_at for _, kept_at in expected])


def test_no_row_at_all() -> None:
    empty = {"values": np.empty((0, 70)), "places": np.empty((0, 70), np.int64)}
    empty |= {"groups": np.empty((0, 70), np.int64), "bounds": np.empty((0, 70))}
    assert [found.shape for found in _session(70, 5).run(None, empty)] == [(0, 5), (0, 5)]
