"""Run a few nodes over texts, to see what they make of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.builder import Builder


def run_texts(add: Callable[[Builder, str], str], texts: list[str]) -> npt.NDArray[Any]:
    """Return what the nodes that `add` adds make of a tensor of texts, [rows]."""
    import onnxruntime
    from onnx import TensorProto, helper

    graph = Builder(np.dtype(np.float64), {})
    found = add(graph, "texts")
    given = helper.make_tensor_value_info("texts", TensorProto.STRING, [None])
    body = helper.make_graph(
        graph.nodes, "g", [given], [helper.make_empty_tensor_value_info(found)], graph.initializers
    )
    opsets = [
        helper.make_opsetid(domain, version) for domain, version in (("", 21), ("ai.onnx.ml", 3), ("com.microsoft", 1))
    ]
    model = helper.make_model(body, opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"texts": np.array(texts, dtype=object)})[0])
