"""Kernel ridge regression: kernels to the training rows times their weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic.pairwise import emit_kernel
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, vector


def _predict(graph: Graph, rows: str, model: Any) -> str:
    """Return the prediction, of shape [rows, outputs]."""
    given = {"gamma": model.gamma, "degree": model.degree, "coef0": model.coef0}
    kernel = emit_kernel(graph, rows, model.X_fit_, model.kernel, given)
    weights = np.asarray(model.dual_coef_)
    return graph.node("MatMul", kernel, vector(graph, weights.reshape(len(weights), -1)))


EMITTERS = {"sklearn.kernel_ridge.KernelRidge": Emitter(predict=_predict)}
