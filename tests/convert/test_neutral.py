"""A step that float32 takes for none is not dropped by ONNX Runtime, and is no other step for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from packager.convert.neutral import keep_small_steps

STEPS = [
    ("Add", 1e-46),
    ("Add", -1e-60),
    ("Sub", 1e-46),
    ("Sub", 1e-320),
    ("Mul", 1 + 2e-8),
    ("Mul", 1 - 1e-9),
    ("Div", 1 + 2e-8),
    ("Div", 1 + 1e-15),
]


def run(op_type: str, constant: float, dims: list[int], *, keep: bool, reads: str = "fed") -> Any:
    """Return what ONNX Runtime makes of x op c, and what numpy does."""
    import onnxruntime
    from onnx import TensorProto, helper
    from onnx.numpy_helper import from_array

    inputs = ["fed", "c"] if reads == "fed" else ["c", "fed"]
    nodes = [
        helper.make_node("Neg", ["x"], ["fed"], name="first"),  # a step that reads the graph's input is never dropped
        helper.make_node(op_type, inputs, ["made"], name="step"),
        helper.make_node("Neg", ["made"], ["y"], name="last"),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in "xy")
    graph = helper.make_graph(nodes, "g", [x], [y], [from_array(np.full(dims, constant), "c")])
    if keep:
        keep_small_steps(graph)
        assert {item.name for item in graph.initializer} <= {name for node in graph.node for name in node.input}
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    cells = np.array([[constant * 3], [-constant], [1.5 * constant], [0.0]])
    operations: dict[str, Any] = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}
    fed, other = (-cells, constant) if reads == "fed" else (constant, -cells)
    with np.errstate(all="ignore"):
        return session.run(None, {"x": cells})[0], -operations[op_type](fed, other)


@pytest.mark.parametrize("dims", [[], [1], [1, 1]])
@pytest.mark.parametrize(("op_type", "constant"), STEPS)
def test_a_small_step_is_kept(op_type: str, constant: float, dims: list[int]) -> None:
    found, wanted = run(op_type, constant, dims, keep=True)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("op_type", "constant"), STEPS)
def test_it_would_be_dropped(op_type: str, constant: float) -> None:
    found, wanted = run(op_type, constant, [1], keep=False)
    assert (found != wanted).any()


@pytest.mark.parametrize(("op_type", "constant"), STEPS)
def test_the_other_side_is_kept_too(op_type: str, constant: float) -> None:
    found, wanted = run(op_type, constant, [1], keep=True, reads="constant")
    np.testing.assert_array_equal(found, wanted)
