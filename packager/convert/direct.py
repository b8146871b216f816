"""Build the graph of a bare estimator that we emit ourselves, without skl2onnx: from its arrays, in one go.

skl2onnx walks every attribute of every member of a forest to name it, which takes longer than all the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from packager.artifact import Signature
from packager.convert.categories import encode_categories
from packager.convert.emitters import Emitter
from packager.convert.graph import ML_DOMAIN, Array, cast
from packager.training.categories import pandas_categories

if TYPE_CHECKING:
    from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

_OPSET, _ML_OPSET = 21, 5


class DirectGraph:
    """Our Graph over plain lists of nodes and initializers."""

    def __init__(self, dtype: np.dtype[np.floating]) -> None:
        self.dtype = dtype
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def constant(self, value: Array) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(tensor(value, name))
        return name

    def node(self, op_type: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        from onnx import NodeProto

        name = f"{op_type.lower()}_{len(self.nodes)}"
        node = NodeProto(op_type=op_type, domain=domain, name=name, input=inputs, output=[name])
        node.attribute.extend(attribute(key, value) for key, value in attributes.items())
        self.nodes.append(node)
        return name


def build_directly(
    model: Any, emitter: Emitter, signature: Signature, dtype: np.dtype[np.floating], *, opset: int | None
) -> ModelProto:
    """Return the model's graph over the signature's own inputs; its outputs are those of the emitter, in order."""
    from onnx import TensorProto, helper

    graph = DirectGraph(dtype)
    number = int(helper.np_dtype_to_tensor_dtype(dtype))
    width = len(signature.columns) if signature.layout == "tensor" else 1
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.STRING if column.dtype == "string" else number, [None, width])
        for name, column in zip(signature.input_names, signature.columns, strict=False)
    ]
    names = encode_categories(graph, signature.input_names, pandas_categories(model))
    features = names[0] if len(names) == 1 else graph.node("Concat", *names, axis=1)
    found = emitter.emit(graph, cast(graph, features, dtype), model)
    types = [_label_type(model), number] if emitter.answer == "label and probability" else [number]
    outputs = [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(found, types, strict=True)]
    body = helper.make_graph(graph.nodes, "model", inputs, outputs, graph.initializers)
    opsets = [helper.make_opsetid("", opset or _OPSET), helper.make_opsetid(ML_DOMAIN, _ML_OPSET)]
    return helper.make_model(body, opset_imports=opsets)


def _label_type(model: Any) -> int:
    """Return the tensor type of labels as `links` widens them."""
    from onnx import TensorProto

    by_kind = {"f": TensorProto.DOUBLE, "b": TensorProto.BOOL, "O": TensorProto.STRING, "U": TensorProto.STRING}
    return int(by_kind.get(np.asarray(model.classes_).dtype.kind, TensorProto.INT64))


def tensor(value: Array, name: str = "") -> TensorProto:
    """Return an array as a tensor; object arrays hold text."""
    from onnx import TensorProto, helper
    from onnx.numpy_helper import from_array

    if value.dtype.kind in "OU":
        texts: list[Any] = [str(text).encode() for text in value.ravel()]
        return helper.make_tensor(name, TensorProto.STRING, list(value.shape), texts)
    return from_array(np.ascontiguousarray(value).reshape(value.shape), name)


def attribute(name: str, value: object) -> AttributeProto:
    """Return an attribute; arrays of integers are taken over whole, not element by element."""
    from onnx import AttributeProto, helper

    if isinstance(value, np.ndarray):
        return AttributeProto(name=name, type=AttributeProto.INTS, ints=value)
    return helper.make_attribute(name, value)
