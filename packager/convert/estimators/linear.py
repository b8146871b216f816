"""Linear models: one product and one sum, and for generalized ones the inverse of their link."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic import links
from packager.convert.arithmetic.responses import asking
from packager.convert.arithmetic.sparse import product
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, ask_one, vector


def affine(graph: Graph, features: str, weights: npt.ArrayLike, offsets: npt.ArrayLike) -> str:
    """Return x @ weights.T + offsets of shape [rows, outputs]; of one output `weights` may be a plain list."""
    table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    # Without an intercept it is one zero for all outputs.
    sums = np.broadcast_to(np.asarray(offsets, dtype=np.float64).ravel(), (len(table),))
    return graph.node("Add", product(graph, features, table.T), vector(graph, sums[None, :]))


def coefficients(model: Any) -> npt.NDArray[np.float64]:
    """Return the weights as [outputs, columns]; `sparsify` makes a sparse matrix of them."""
    weights = model.coef_.toarray() if hasattr(model.coef_, "toarray") else model.coef_
    return np.atleast_2d(np.asarray(weights, dtype=np.float64))


def decision_function(graph: Graph, features: str, model: Any) -> str:
    """Return x @ coef.T + intercept, of shape [rows, 1 or classes]."""
    return affine(graph, features, coefficients(model), model.intercept_)


def predict_class(graph: Graph, features: str, model: Any) -> str:
    """Return the class by the decision function: above zero for two classes, the first largest for more."""
    decision = ask_one(graph, model, "decision_function", features)
    return links.by_decision(graph, decision, model.classes_, len(coefficients(model)))


def _predict_mean(graph: Graph, features: str, model: Any) -> str:
    """Return a generalized linear model's mean."""
    raw = decision_function(graph, features, model)
    link = type(model._base_loss.link).__name__
    if link == "IdentityLink":
        return raw
    if link == "LogLink":
        return graph.node("Exp", raw)
    raise UnsupportedModel(f"its link ({link}) has no exact form")


_REGRESSOR = Emitter(predict=decision_function)
_GENERALIZED = Emitter(predict=_predict_mean)
_PLAIN = (
    "ARDRegression",
    "BayesianRidge",
    "ElasticNet",
    "ElasticNetCV",
    "HuberRegressor",
    "Lars",
    "LarsCV",
    "Lasso",
    "LassoCV",
    "LassoLars",
    "LassoLarsCV",
    "LassoLarsIC",
    "LinearRegression",
    "MultiTaskElasticNet",
    "MultiTaskElasticNetCV",
    "MultiTaskLasso",
    "MultiTaskLassoCV",
    "OrthogonalMatchingPursuit",
    "OrthogonalMatchingPursuitCV",
    "PassiveAggressiveRegressor",
    "QuantileRegressor",
    "Ridge",
    "RidgeCV",
    "SGDRegressor",
    "TheilSenRegressor",
)

EMITTERS = {
    **{f"sklearn.linear_model.{name}": _REGRESSOR for name in _PLAIN},
    **{f"sklearn.linear_model.{name}Regressor": _GENERALIZED for name in ("Gamma", "Poisson", "Tweedie")},
    "sklearn.linear_model.RANSACRegressor": Emitter(
        predict=asking(lambda model: model.estimator_, "predict"), reads="table"
    ),
    "sklearn.svm.LinearSVR": _REGRESSOR,
}
