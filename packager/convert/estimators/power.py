"""PowerTransformer: each column by its own power, as scipy computes Yeo-Johnson and Box-Cox."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.elementary import divide, expm1, is_below, log1p, times, where
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, ask_one, vector

# scipy takes the logarithm for powers this near to 0.
_YEO_JOHNSON_ZERO = float(np.finfo(np.float64).eps)
_BOX_COX_ZERO = 1e-19


def emit_power(graph: Graph, features: str, model: Any) -> str:
    """Return the columns after their powers, standardized where asked; shape [rows, columns]."""
    powers = np.asarray(model.lambdas_, dtype=np.float64)[None]
    if np.isnan(powers).any():
        raise UnsupportedModel("a column without values has no power")
    if model.method == "box-cox":
        found = _power_of(graph, graph.node("Log", features), powers, zero=_BOX_COX_ZERO)
    else:
        found = _yeo_johnson(graph, features, powers)
    return ask_one(graph, model._scaler, "transform", found, name="scaler") if model.standardize else found


def _yeo_johnson(graph: Graph, features: str, powers: npt.NDArray[np.float64]) -> str:
    """Return the power of 1 + x from 0 on, and minus the power 2 - lambda of 1 - x below."""
    logarithm = log1p(graph, graph.node("Abs", features))
    above = _power_of(graph, logarithm, powers, zero=_YEO_JOHNSON_ZERO)
    below = _power_of(graph, logarithm, 2 - powers, zero=_YEO_JOHNSON_ZERO)
    return where(graph, is_below(graph, features, 0), graph.node("Neg", below), above)


def _power_of(graph: Graph, logarithm: str, powers: npt.NDArray[np.float64], *, zero: float) -> str:
    """Return (exp(power * logarithm) - 1) / power, or the logarithm where the power is zero."""
    is_zero = np.abs(powers) <= zero
    factor = vector(graph, np.where(is_zero, 1.0, powers))
    found = divide(graph, expm1(graph, times(graph, logarithm, factor)), factor)
    return where(graph, graph.constant(is_zero), logarithm, found) if is_zero.any() else found


EMITTERS = {"sklearn.preprocessing.PowerTransformer": Emitter(transform=emit_power)}
