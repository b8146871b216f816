"""What is computed of each row alone, one row after the other: it takes no memory for all rows at once."""

from __future__ import annotations

from collections.abc import Callable

from packager.convert.builder import Builder
from packager.convert.graph import Graph


def for_each_row(graph: Graph, features: str, answer: Callable[[Graph, str], str], *, columns: int, width: int) -> str:
    """Return what `answer` makes of each row alone, [columns] to [width]; of all rows, [rows, width].

    ONNX Runtime's Scan wants one row at least.
    """
    from onnx import helper
    from onnx.compose import add_prefix_graph

    inner = Builder(graph.dtype, {})
    number = int(helper.np_dtype_to_tensor_dtype(graph.dtype))
    row = helper.make_tensor_value_info("row", number, [columns])
    found = helper.make_tensor_value_info(answer(inner, "row"), number, [width])
    body = helper.make_graph(inner.nodes, "row", [row], [found], inner.whole_constants())
    return graph.node("Scan", features, body=add_prefix_graph(body, "row_"), num_scan_inputs=1)
