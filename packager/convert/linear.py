"""Linear classifiers without probabilities: skl2onnx has no double form of their decision."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert import links
from packager.convert.graph import Graph


def emit_linear_decision(graph: Graph, features: str, model: Any) -> tuple[str, str]:
    """Return the label and the decision function, of shape [rows, 1 or classes]."""
    weights = graph.constant(np.ascontiguousarray(model.coef_.T, dtype=graph.dtype))
    # Without an intercept it is one zero for all classes.
    offsets = np.broadcast_to(np.asarray(model.intercept_, dtype=graph.dtype), (model.coef_.shape[0],))
    raw = graph.node("Add", graph.node("MatMul", features, weights), graph.constant(offsets[None, :]))
    if model.coef_.shape[0] == 1:
        return links.by_sign(graph, raw, model.classes_, zero_is_positive=False), raw
    return links.first_largest(graph, raw, model.classes_), raw
