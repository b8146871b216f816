"""Linear models: one product and one sum."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert import links
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, ask_one, vector


def decision_function(graph: Graph, features: str, model: Any) -> str:
    """Return x @ coef.T + intercept, of shape [rows, 1 or classes]."""
    weights = np.atleast_2d(model.coef_)  # of two classes some keep one row, some a plain list
    # Without an intercept it is one zero for all classes.
    offsets = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), (len(weights),))
    product = graph.node("MatMul", features, vector(graph, weights.T))
    return graph.node("Add", product, vector(graph, offsets[None, :]))


def predict_class(graph: Graph, features: str, model: Any) -> str:
    """Return the class by the decision function: above zero for two classes, the first largest for more."""
    decision = ask_one(graph, model, "decision_function", features)
    return links.by_decision(graph, decision, model.classes_, len(np.atleast_2d(model.coef_)))


_BY_DECISION = Emitter(predict=predict_class, decision_function=decision_function)

EMITTERS = {
    "sklearn.svm.LinearSVC": _BY_DECISION,
    "sklearn.linear_model.RidgeClassifier": _BY_DECISION,
    "sklearn.linear_model.RidgeClassifierCV": _BY_DECISION,
    "sklearn.linear_model.Perceptron": _BY_DECISION,
}
