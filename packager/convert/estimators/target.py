"""TransformedTargetRegressor: the inner regressor's answer, through the inverse of what its target went through."""

from __future__ import annotations

from typing import Any

from packager.convert.arithmetic.inverses import inverse
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Rows, ask_one, integers


def _predict(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the predictions on the target's own scale; shape [rows, outputs]."""
    width = 1 if model._training_dim == 1 else model.transformer_.n_features_in_
    predicted = ask_one(graph, model.regressor_, "predict", rows, name="regressor")
    return inverse(graph, graph.node("Reshape", predicted, integers(graph, [-1, width])), model.transformer_)


EMITTERS = {"sklearn.compose.TransformedTargetRegressor": Emitter(_predict, reads="table")}
