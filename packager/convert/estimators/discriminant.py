"""Discriminant analysis: linear with one shared covariance, quadratic with one per class."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.discriminants import from_scores
from packager.convert.arithmetic.elementary import add, subtract, times
from packager.convert.arithmetic.votes import row_sum
from packager.convert.emitter import Emitter
from packager.convert.estimators.linear import decision_function, predict_class
from packager.convert.graph import Graph, UnsupportedModel, ask_one, beside, vector


def _linear_proba(graph: Graph, features: str, model: Any) -> str:
    decision = ask_one(graph, model, "decision_function", features)
    if len(model.classes_) == 2:
        return links.with_complement(graph, links.logistic(graph, decision))
    return graph.node("Softmax", decision, axis=1)


def _linear_transform(graph: Graph, features: str, model: Any) -> str:
    """Return the first components of the rows, [rows, components]; the SVD solver centers them first."""
    if model.solver == "lsqr":
        raise UnsupportedModel("transform does not exist with the lsqr solver")
    if model.solver == "svd":
        features = subtract(graph, features, vector(graph, np.asarray(model.xbar_)[None, :]))
    scalings = np.asarray(model.scalings_)[:, : model._max_components]
    return graph.node("MatMul", features, vector(graph, scalings))


def _log_posterior(graph: Graph, features: str, model: Any) -> str:
    """Return -(|x - mean|² + log det) / 2 + log prior per class, distances under each class's covariance."""
    norms = []
    for mean, rotation, scaling in zip(model.means_, model.rotations_, model.scalings_, strict=True):
        away = subtract(graph, features, vector(graph, mean[None, :]))
        turned = graph.node("MatMul", away, vector(graph, rotation * scaling ** (-0.5)))
        norms.append(row_sum(graph, times(graph, turned, turned), rotation.shape[1]))
    spreads = np.asarray([np.sum(np.log(scaling)) for scaling in model.scalings_])
    halves = times(graph, add(graph, beside(graph, norms), vector(graph, spreads[None, :])), -0.5)
    with np.errstate(divide="ignore"):
        return add(graph, halves, vector(graph, np.log(model.priors_)[None, :]))


EMITTERS = {
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": Emitter(
        predict_class, _linear_proba, decision_function, _linear_transform
    ),
    "sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis": from_scores(_log_posterior),
}
