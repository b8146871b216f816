"""Binary classifiers that decide at a threshold of their own; scores are those of the classifier within."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.responses import asking, response
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Method, Rows, cast, scalar


def _inner(model: Any) -> Any:
    return getattr(model, "estimator_", model.estimator)


def _predict(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the positive class where its score is not below the threshold, else the other one; shape [rows]."""
    tuned = hasattr(model, "best_threshold_")
    positive = model._curve_scorer._get_pos_label() if tuned else model.pos_label
    wanted: tuple[Method, ...] = ("predict_proba", "decision_function")
    if model.response_method != "auto":
        wanted = (model.response_method,)
    scores, method, _ = response(graph, _inner(model), rows, wanted, positive=positive, name="estimator")
    threshold = model.best_threshold_ if tuned else model.threshold
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    reached = cast(graph, graph.node("GreaterOrEqual", links.flat(graph, scores), scalar(graph, threshold)), np.int64)
    classes = np.asarray(model.classes_)
    order = [0, 1]
    if positive is not None:
        order = [int(np.flatnonzero(classes != positive)[0]), int(np.flatnonzero(classes == positive)[0])]
    return links.pick_label(graph, reached, classes[order])


_EMITTER = Emitter(
    predict=_predict,
    predict_proba=asking(_inner, "predict_proba"),
    decision_function=asking(_inner, "decision_function"),
    reads="table",
)

EMITTERS = {
    "sklearn.model_selection.FixedThresholdClassifier": _EMITTER,
    "sklearn.model_selection.TunedThresholdClassifierCV": _EMITTER,
}
