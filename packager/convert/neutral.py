"""Keep ONNX Runtime from dropping a step that does little but not nothing.

Its NoopElimination casts a constant of one number to float32, and drops Add and Sub where that is 0, Mul and Div where
it is 1: a scale of 1.00000002 is gone, and with it the side of a threshold that a cell lies on. The same step is
written such that it looks like none of these, and rounds the same: x + c as Sum(x, c), x * c as (-x) * (-c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.convert.bodies import read_by

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto, TensorProto

_NEUTRAL = {"Add": 0.0, "Sub": 0.0, "Mul": 1.0, "Div": 1.0}


def keep_small_steps(graph: GraphProto) -> None:
    """Rewrite every addition and multiplication by a number that float32 takes for 0 or 1, and double does not."""
    constants = _doubles_alone(graph)
    nodes: list[NodeProto] = []
    for node in list(graph.node):
        place = _small_step(node, constants)
        if place is not None:
            nodes += _rewrite(graph, node, place, constants[node.input[place]])
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unread(graph, constants)


def _drop_unread(graph: GraphProto, constants: dict[str, TensorProto]) -> None:
    """Remove what no node reads any more: ONNX Runtime warns of it."""
    read = {name for node in graph.node for name in read_by(node)} | {value.name for value in graph.output}
    kept = [item for item in graph.initializer if item.name in read or item.name not in constants]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _doubles_alone(graph: GraphProto) -> dict[str, TensorProto]:
    from onnx import TensorProto

    return {
        item.name: item
        for item in graph.initializer
        if item.data_type == TensorProto.DOUBLE and all(size == 1 for size in item.dims)
    }


def _small_step(node: NodeProto, constants: dict[str, TensorProto]) -> int | None:
    """Return which input of a node is a constant that would be taken for its neutral element."""
    from onnx.numpy_helper import to_array

    neutral = _NEUTRAL.get(node.op_type)
    for place, name in enumerate(node.input):
        if neutral is None or name not in constants or (place == 0 and node.op_type in ("Sub", "Div")):
            continue
        value = float(to_array(constants[name]).ravel()[0])
        if value != neutral and np.float32(value) == np.float32(neutral):
            return place
    return None


def _rewrite(graph: GraphProto, node: NodeProto, place: int, constant: TensorProto) -> list[NodeProto]:
    """Change a node in place; return the node that has to come before it, if any."""
    from onnx import helper
    from onnx.numpy_helper import from_array, to_array

    if node.op_type == "Add":
        node.op_type = "Sum"
        return []
    negative = f"{node.input[place]}_negative_for_{node.name}"
    graph.initializer.append(from_array(-to_array(constant), negative))
    node.input[place] = negative
    if node.op_type == "Sub":
        node.op_type = "Sum"
        return []
    other = 1 - place
    negated = f"{node.input[other]}_negative_for_{node.name}"
    before = helper.make_node("Neg", [node.input[other]], [negated], name=negated)
    node.input[other] = negated
    return [before]
