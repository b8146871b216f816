"""Keep ONNX Runtime from rounding a factor of a matrix product to float32.

Its MatMulScaleFusion makes `MatMul(x, w) * c` and `MatMul(x * c, w)`, for a constant c of one number, one FusedMatMul
whose factor is an attribute, and attributes are float32: an error of 1e-8 in a graph of doubles. Two Neg nodes between
product and factor leave every number as it is and end the pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


def keep_scales(graph: GraphProto) -> None:
    """Separate every matrix product from the factors next to it that are no powers of two."""
    factors = _factors(graph)
    makers = {name: node for node in graph.node for name in node.output}

    def beyond_transposes(name: str) -> NodeProto | None:
        node = makers.get(name)
        while node is not None and node.op_type in ("Transpose", "Identity", "Cast"):
            node = makers.get(node.input[0])
        return node

    def is_next_to(node: NodeProto, name: str) -> bool:
        maker = beyond_transposes(name)
        if maker is None:
            return False
        if node.op_type == "MatMul":
            return _is_scaling(maker, factors)
        return maker.op_type == "MatMul" and _is_scaling(node, factors)

    nodes: list[NodeProto] = []
    for node in list(graph.node):
        for index, name in enumerate(node.input):
            if is_next_to(node, name):
                nodes.extend(_negations(name, f"{name}_for_{node.name}"))
                node.input[index] = nodes[-1].output[0]
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _is_scaling(node: NodeProto, factors: set[str]) -> bool:
    return node.op_type in ("Mul", "Div") and not factors.isdisjoint(node.input)


def _negations(source: str, name: str) -> list[NodeProto]:
    from onnx import helper

    first, second = f"{name}_negated", f"{name}_kept"
    return [
        helper.make_node("Neg", [source], [first], name=first),
        helper.make_node("Neg", [first], [second], name=second),
    ]


def _factors(graph: GraphProto) -> set[str]:
    """Return the names of the constants of one double that float32 may round, or round the inverse of."""
    from onnx import TensorProto
    from onnx.numpy_helper import to_array

    alone = (item for item in graph.initializer if all(size == 1 for size in item.dims))
    return {
        item.name
        for item in alone
        if item.data_type == TensorProto.DOUBLE and abs(np.frexp(to_array(item).ravel()[0])[0]) != 0.5
    }
