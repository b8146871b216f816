"""Mixtures of normal distributions: the component of the largest weighted likelihood, and the shares of all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic import likelihoods
from packager.convert.arithmetic.elementary import add, subtract, times
from packager.convert.arithmetic.norms import by_einsum
from packager.convert.arithmetic.votes import row_sum
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, beside, vector

Doubles = npt.NDArray[np.float64]


def _weighted_log_prob(graph: Graph, rows: str, model: Any) -> str:
    """Return log P(component) + log P(row | component), of shape [rows, components]."""
    distances = _squared_distances(graph, rows, model)
    columns = model.means_.shape[1]
    halves = times(graph, add(graph, distances, columns * math.log(2 * math.pi)), -0.5)
    for constant in _constants(model, columns):
        halves = add(graph, halves, vector(graph, np.broadcast_to(constant, len(model.means_))[None, :]))
    return halves


def _squared_distances(graph: Graph, rows: str, model: Any) -> str:
    """Return |(x - mean) @ root of the precision|² per component, in the model's own terms for each form."""
    means, roots = np.asarray(model.means_), np.asarray(model.precisions_cholesky_)
    if model.covariance_type in ("full", "tied"):
        turned = []
        for index, mean in enumerate(means):
            root = roots if model.covariance_type == "tied" else roots[index]
            away = subtract(
                graph, graph.node("MatMul", rows, vector(graph, root)), vector(graph, (mean @ root)[None, :])
            )
            turned.append(row_sum(graph, times(graph, away, away), root.shape[1]))
        return beside(graph, turned)
    precisions = roots**2
    if model.covariance_type == "diag":
        middle = graph.node("MatMul", rows, vector(graph, (means * precisions).T))
        squares = graph.node("MatMul", times(graph, rows, rows), vector(graph, precisions.T))
        constant = np.sum(means**2 * precisions, axis=1)
    else:
        middle = graph.node("Mul", graph.node("MatMul", rows, vector(graph, means.T)), vector(graph, precisions[None]))
        squares = graph.node("Mul", by_einsum(graph, rows, means.shape[1]), vector(graph, precisions[None, :]))
        constant = np.sum(means**2, axis=1) * precisions
    return add(graph, subtract(graph, vector(graph, constant[None, :]), times(graph, middle, 2.0)), squares)


def _constants(model: Any, columns: int) -> list[Doubles]:
    """Return what each component adds to its log likelihood, in the order in which the model adds it."""
    from scipy.special import digamma
    from sklearn.mixture._gaussian_mixture import _compute_log_det_cholesky

    determinants = _compute_log_det_cholesky(model.precisions_cholesky_, model.covariance_type, columns)
    found = [np.asarray(determinants)]
    if hasattr(model, "degrees_of_freedom_"):  # Bayesian: the expectation over what is not known for sure
        freedom = model.degrees_of_freedom_
        found.append(-0.5 * columns * np.log(freedom))
        halves = 0.5 * (freedom - np.arange(columns)[:, np.newaxis])
        spread = columns * np.log(2.0) + np.sum(digamma(halves), 0)
        found.append(0.5 * (spread - columns / model.mean_precision_))
    return [*found, np.asarray(model._estimate_log_weights())]


def _predict(graph: Graph, rows: str, model: Any) -> str:
    return graph.node("ArgMax", _weighted_log_prob(graph, rows, model), axis=1, keepdims=1)


def _predict_proba(graph: Graph, rows: str, model: Any) -> str:
    return likelihoods.probabilities(graph, _weighted_log_prob(graph, rows, model))


def _score_samples(graph: Graph, rows: str, model: Any) -> str:
    return likelihoods.log_sum_exp(graph, _weighted_log_prob(graph, rows, model))


_MIXTURE = Emitter(predict=_predict, predict_proba=_predict_proba, score_samples=_score_samples)

EMITTERS = {
    "sklearn.mixture.GaussianMixture": _MIXTURE,
    "sklearn.mixture.BayesianGaussianMixture": _MIXTURE,
}
