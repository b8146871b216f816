"""A factor next to a matrix product stays a double in ONNX Runtime, which would make it a float32 attribute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from packager.convert.scales import keep_scales

FACTOR = 0.123456789012345
RANDOM = np.random.default_rng(4)
ROWS, WEIGHTS = RANDOM.normal(size=(6, 3)), RANDOM.normal(size=(3, 5))


def nodes(name: str) -> list[Any]:
    from onnx import TensorProto
    from onnx.helper import make_node

    product = make_node("MatMul", ["x", "w"], ["product"], name="product")
    return {
        "after": [product, make_node("Mul", ["product", "c"], ["y"], name="scaled")],
        "first": [product, make_node("Mul", ["c", "product"], ["y"], name="scaled")],
        "divided": [product, make_node("Div", ["product", "d"], ["y"], name="scaled")],
        "before": [
            make_node("Mul", ["x", "c"], ["scaled"], name="scaled"),
            make_node("MatMul", ["scaled", "w"], ["y"], name="product"),
        ],
        "cast": [
            make_node("Mul", ["x", "c"], ["scaled"], name="scaled"),
            make_node("Cast", ["scaled"], ["same"], name="same", to=TensorProto.DOUBLE),
            make_node("MatMul", ["same", "w"], ["y"], name="product"),
        ],
        "turned": [
            make_node("Mul", ["x", "c"], ["scaled"], name="scaled"),
            make_node("Transpose", ["scaled"], ["turned"], name="turned", perm=[1, 0]),
            make_node("MatMul", ["v", "turned"], ["other"], name="product"),
            make_node("Transpose", ["other"], ["y"], name="back", perm=[1, 0]),
        ],
    }[name]


def answer(name: str, *, kept: bool, shape: tuple[int, ...] = ()) -> Any:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper
    from onnx.numpy_helper import from_array

    constants = {"w": WEIGHTS, "v": WEIGHTS.T, "c": np.full(shape, FACTOR), "d": np.full(shape, 1 / FACTOR)}
    held = [from_array(np.ascontiguousarray(value), key) for key, value in constants.items()]
    rows = helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, 3])
    graph = helper.make_graph(nodes(name), "scaled", [rows], [onnx.ValueInfoProto(name="y")], held)
    if kept:
        keep_scales(graph)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": ROWS})[0]


@pytest.mark.parametrize("name", ["after", "first", "divided", "before", "cast", "turned"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 1)], ids=str)
def test_a_factor_keeps_its_digits(name: str, shape: tuple[int, ...]) -> None:
    expected = ROWS @ WEIGHTS * FACTOR
    assert np.abs(answer(name, kept=True, shape=shape) - expected).max() < 1e-15


def test_without_the_guard_it_would_not() -> None:
    """When this fails, ONNX Runtime has mended it, and the guard can go."""
    assert np.abs(answer("after", kept=False) - ROWS @ WEIGHTS * FACTOR).max() > 1e-9


def test_powers_of_two_need_no_guard() -> None:
    from onnx import helper
    from onnx.numpy_helper import from_array

    graph = helper.make_graph(nodes("after"), "scaled", [], [], [from_array(np.array(-2.0), "c")])
    keep_scales(graph)
    assert [node.op_type for node in graph.node] == ["MatMul", "Mul"]
