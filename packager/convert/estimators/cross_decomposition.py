"""Partial least squares and canonical correlation: scores of the rows, and the targets that they predict."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic.sparse import product
from packager.convert.emitter import Emitter
from packager.convert.estimators.scaling import shifted
from packager.convert.graph import Graph, vector


def predict(graph: Graph, features: str, model: Any) -> str:
    """Return (x - mean) @ coef.T + intercept, of shape [rows, targets]: the coefficients hold the scale."""
    scores = product(graph, shifted(graph, features, model._x_mean), model.coef_.T)
    return graph.node("Add", scores, vector(graph, np.atleast_2d(model.intercept_)))


def transform(graph: Graph, features: str, model: Any) -> str:
    """Return the scores of the standardized rows; shape [rows, components]."""
    rotations = model.x_rotations_ if hasattr(model, "x_rotations_") else model.x_weights_
    return product(graph, shifted(graph, features, model._x_mean, over=model._x_std), rotations)


_PREDICTS = Emitter(predict=predict, transform=transform)

EMITTERS = {
    "sklearn.cross_decomposition.PLSRegression": _PREDICTS,
    "sklearn.cross_decomposition.PLSCanonical": _PREDICTS,
    "sklearn.cross_decomposition.CCA": _PREDICTS,
    "sklearn.cross_decomposition.PLSSVD": Emitter(transform=transform),
}
