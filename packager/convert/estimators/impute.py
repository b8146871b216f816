"""SimpleImputer over numbers, exactly: ONNX Runtime's own Imputer has no double kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel


def emit_simple_imputer(graph: Graph, features: str, model: Any) -> str:
    """Return the columns with missing cells replaced by the fitted statistics; shape [rows, columns]."""
    if any(isinstance(fill, str) for fill in model.statistics_):
        raise UnsupportedModel("text has no exact form yet")
    if model.indicator_ is not None:
        raise UnsupportedModel("add_indicator=True has no exact form yet")
    fills = np.asarray(model.statistics_).astype(graph.dtype)  # a whole-number constant is kept as an object
    if np.isnan(fills).any():
        raise UnsupportedModel("a column without values has no exact form yet")
    is_nan_marker = isinstance(model.missing_values, float) and np.isnan(model.missing_values)
    if is_nan_marker or model.missing_values is None:
        missing = graph.node("IsNaN", features)
    else:
        missing = graph.node("Equal", features, graph.constant(np.array(model.missing_values, dtype=graph.dtype)))
    return graph.node("Where", missing, graph.constant(fills[None, :]), features)


EMITTERS = {"sklearn.impute.SimpleImputer": Emitter(transform=emit_simple_imputer)}
