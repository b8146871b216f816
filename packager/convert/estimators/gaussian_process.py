"""Gaussian processes: regression by its mean, two classes by the Laplace approximation, more by several of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import add, divide, subtract, times
from packager.convert.arithmetic.error_function import erf
from packager.convert.arithmetic.process_kernels import between, with_itself
from packager.convert.arithmetic.votes import added_in_turn
from packager.convert.emitter import Emit, Emitter
from packager.convert.graph import Answer, Graph, Method, UnsupportedModel, integers, vector


def _mean(graph: Graph, rows: str, model: Any) -> str:
    """Return the mean of the process, of shape [rows, outputs]."""
    if not hasattr(model, "alpha_"):
        raise UnsupportedModel("it is not fitted: there is nothing to convert")
    kernel = _with_rows(graph, rows, between(graph, rows, model.X_train_, model.kernel_))
    weights = np.asarray(model.alpha_)
    mean = graph.node("MatMul", kernel, vector(graph, weights.reshape(len(weights), -1)))
    scaled = graph.node("Mul", mean, vector(graph, np.reshape(model._y_train_std, (1, -1))))
    return graph.node("Add", scaled, vector(graph, np.reshape(model._y_train_mean, (1, -1))))


def _with_rows(graph: Graph, rows: str, kernel: str) -> str:
    """Return a kernel of shape [rows, known] where a constant one has a single row."""
    count = graph.node("Shape", rows, start=0, end=1)
    return graph.node("Expand", kernel, graph.node("Concat", count, integers(graph, [1]), axis=0))


def _latent(graph: Graph, rows: str, model: Any) -> tuple[str, str]:
    """Return the kernel to the training rows and the latent mean, [rows, 1]."""
    kernel = _with_rows(graph, rows, between(graph, rows, model.X_train_, model.kernel_))
    residuals = np.asarray(model.y_train_ - model.pi_, dtype=np.float64)
    return kernel, graph.node("MatMul", kernel, vector(graph, residuals[:, None]))


def _binary_label(graph: Graph, rows: str, model: Any) -> str:
    return links.by_sign(graph, _latent(graph, rows, model)[1], model.classes_, zero_is_positive=False)


def _binary_proba(graph: Graph, rows: str, model: Any) -> str:
    """Return both probabilities: the logistic of a normal variable, averaged by way of five error functions.

    C. K. I. Williams and D. Barber, Bayesian classification with Gaussian processes (1998), appendix A.
    """
    from scipy.linalg import solve
    from sklearn.gaussian_process._gpc import COEFS, LAMBDAS

    kernel, mean = _latent(graph, rows, model)
    inverse = solve(model.L_, np.diag(model.W_sr_))
    spread = graph.node("MatMul", kernel, vector(graph, inverse.T))
    explained = graph.node("ReduceSumSquare", spread, integers(graph, [1]), keepdims=1)
    variance = subtract(graph, with_itself(graph, rows, model.kernel_), explained)
    alpha = divide(graph, 1.0, times(graph, variance, 2.0))
    shares = graph.node("Sqrt", graph.node("Div", alpha, _plus(graph, alpha, np.ravel(LAMBDAS) ** 2)))
    gamma = graph.node("Mul", mean, vector(graph, np.reshape(LAMBDAS, (1, -1))))
    width = graph.node("Sqrt", divide(graph, np.pi, alpha))
    areas = graph.node("Mul", width, erf(graph, graph.node("Mul", gamma, shares)))
    scale = times(graph, graph.node("Sqrt", times(graph, times(graph, variance, 2.0), np.pi)), 2.0)
    integrals = graph.node("Div", areas, scale)
    weighted = graph.node("Mul", integrals, vector(graph, np.reshape(COEFS, (1, -1))))
    total = links.upright(graph, added_in_turn(graph, weighted))
    return links.with_complement(graph, add(graph, total, float(0.5 * np.sum(COEFS))))


def _plus(graph: Graph, column: str, values: Any) -> str:
    """Return column + values of shapes [rows, 1] and [n]: [rows, n]."""
    return graph.node("Add", column, vector(graph, np.reshape(values, (1, -1))))


def _by_base(method: Method) -> Emit:
    def emit(graph: Graph, rows: str, model: Any) -> Answer:
        if method == "predict_proba" and model.n_classes_ > 2 and model.multi_class == "one_vs_one":
            raise UnsupportedModel("one against one has no probabilities")
        return graph.ask(model.base_estimator_, method, rows, name="base_estimator")

    return emit


EMITTERS = {
    "sklearn.gaussian_process.GaussianProcessRegressor": Emitter(predict=_mean),
    "sklearn.gaussian_process.GaussianProcessClassifier": Emitter(_by_base("predict"), _by_base("predict_proba")),
    "sklearn.gaussian_process._BinaryGaussianProcessClassifierLaplace": Emitter(_binary_label, _binary_proba),
}
