"""What a piece of a graph under construction answers for one input named x."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.builder import Builder


def ran(builder: Builder, output: str, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the output's value where x is the array."""
    import onnx
    import onnxruntime
    from onnx import helper

    entry = helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(x.dtype), [None] * x.ndim)
    graph = helper.make_graph(builder.nodes, "ran", [entry], [onnx.ValueInfoProto(name=output)], builder.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])
