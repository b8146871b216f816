"""The elliptic envelope: a row is an outlier by its squared Mahalanobis distance from the robust center."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import subtract, times
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, ask_one, integers, vector


def _score_samples(graph: Graph, rows: str, model: Any) -> str:
    """Return -(x - center)' precision (x - center), of shape [rows, 1]; by way of its root, as the original has it."""
    away = subtract(graph, rows, vector(graph, np.asarray(model.location_)[None, :]))
    turned = graph.node("MatMul", away, vector(graph, np.asarray(model.get_precision()).T))
    square = graph.node("ReduceSum", times(graph, turned, away), integers(graph, [1]), keepdims=1)
    distance = graph.node("Sqrt", square)
    return graph.node("Neg", times(graph, distance, distance))


def _decision_function(graph: Graph, rows: str, model: Any) -> str:
    return subtract(graph, ask_one(graph, model, "score_samples", rows), float(model.offset_))


def _predict(graph: Graph, rows: str, model: Any) -> str:
    decision = ask_one(graph, model, "decision_function", rows)
    return links.by_sign(graph, decision, np.array([-1, 1]), zero_is_positive=True)


EMITTERS = {
    "sklearn.covariance.EllipticEnvelope": Emitter(
        predict=_predict, decision_function=_decision_function, score_samples=_score_samples
    ),
}
