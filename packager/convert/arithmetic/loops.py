"""Iterations within a graph: what a step makes of a state, again and again, until it says that it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from packager.convert.builder import Builder
from packager.convert.graph import Graph, integers

# Adds one turn to the body of the loop; returns whether to go on, a truth without shape, and the state after it.
Step = Callable[[Graph, tuple[str, ...]], tuple[str, Sequence[str]]]


def repeat(
    graph: Graph, step: Step, state: Sequence[str], dtypes: Sequence[npt.DTypeLike], *, most: int
) -> tuple[str, ...]:
    """Return the state after as many turns as are needed, `most` of them at the most.

    The body sees the state alone, so that whoever changes the graph around it need not look into it.
    """
    from onnx import TensorProto, helper
    from onnx.compose import add_prefix_graph

    body = Builder(graph.dtype, {})
    names = tuple(f"before_{index}" for index in range(len(state)))
    goes_on, after = step(body, names)
    after = [body.add("Identity", (name,), 1, "", [])[0] for name in after]
    kinds = [int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype))) for dtype in dtypes]
    inputs = [
        helper.make_tensor_value_info("turn", TensorProto.INT64, []),
        helper.make_tensor_value_info("was_going", TensorProto.BOOL, []),
        *(helper.make_tensor_value_info(name, kind, None) for name, kind in zip(names, kinds, strict=True)),
    ]
    outputs = [
        helper.make_tensor_value_info(goes_on, TensorProto.BOOL, []),
        *(helper.make_tensor_value_info(name, kind, None) for name, kind in zip(after, kinds, strict=True)),
    ]
    turn = helper.make_graph(body.nodes, "turn", inputs, outputs, body.whole_constants())
    start = graph.constant(np.array(True))
    return graph.several(
        "Loop", integers(graph, most), start, *state, outputs=len(state), body=add_prefix_graph(turn, "turn_")
    )
