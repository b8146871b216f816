"""Small graphs, written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from packager.artifact import Column, Output, Signature

INF = float("inf")


def regressor(columns: int = 2) -> Signature:
    """Return the signature of a regressor over numbers in one tensor."""
    named = tuple(Column(f"x{index}", "float64", False, INF) for index in range(columns))
    return Signature("regressor", "tensor", named, (Output("variable", "value", 0),))


def write(
    path: Path,
    nodes: list[onnx.NodeProto],
    *,
    number: int = TensorProto.DOUBLE,
    columns: int = 2,
    **constants: np.ndarray,
) -> Path:
    """Write a graph from `features` to `variable`, of shape [rows, 1]."""
    graph = helper.make_graph(
        nodes,
        "made by hand",
        [helper.make_tensor_value_info("features", number, [None, columns])],
        [helper.make_tensor_value_info("variable", number, [None, 1])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    onnx.save(model, str(path))
    return path


def row_sums(path: Path, number: int = TensorProto.DOUBLE) -> Path:
    """Write a graph that adds the cells of each row."""
    nodes = [helper.make_node("ReduceSum", ["features", "axis"], ["variable"], keepdims=1)]
    return write(path, nodes, number=number, axis=np.array([1], dtype=np.int64))
