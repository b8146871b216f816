"""Linear classifiers without probabilities: skl2onnx has no double form of their decision."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert import links
from packager.convert.graph import Graph


def emit_linear_decision(graph: Graph, features: str, model: Any) -> tuple[str, str]:
    """Return the label and the decision function, of shape [rows, 1 or classes]."""
    weights = np.atleast_2d(model.coef_)  # of two classes some keep one row, some a plain list
    # Without an intercept it is one zero for all classes.
    offsets = np.broadcast_to(np.asarray(model.intercept_, dtype=graph.dtype), (len(weights),))
    product = graph.node("MatMul", features, graph.constant(np.ascontiguousarray(weights.T, dtype=graph.dtype)))
    raw = graph.node("Add", product, graph.constant(offsets[None, :]))
    if len(weights) == 1:
        return links.by_sign(graph, raw, model.classes_, zero_is_positive=False), raw
    return links.first_largest(graph, raw, model.classes_), raw
