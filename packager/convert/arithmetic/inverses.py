"""The inverse transformations of preprocessing steps, column by column, in scikit-learn's own order of operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from packager.convert.arithmetic.elementary import (
    add,
    divide,
    is_above,
    is_below,
    is_equal,
    log1p,
    subtract,
    times,
    where,
)
from packager.convert.arithmetic.error_function import erf
from packager.convert.arithmetic.interpolation import interpolate
from packager.convert.emitter import full_name
from packager.convert.estimators.functions import apply_function
from packager.convert.graph import Graph, UnsupportedModel, scalar, vector

Inverse = Callable[[Graph, str, Any], str]
# scikit-learn's and scipy's zero of a power.
_EPSILON = float(np.finfo(np.float64).eps)
# Shares this near to the ends take the outer value: scikit-learn's BOUNDS_THRESHOLD.
_BOUNDS = 1e-7


def inverse(graph: Graph, numbers: str, step: Any) -> str:
    """Return step.inverse_transform of numbers of shape [rows, columns]; UnsupportedModel where there is no form."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return numbers
    formula = _INVERSES.get(full_name(type(step)))
    if formula is None:
        raise UnsupportedModel(f"the inverse of {type(step).__name__} has no exact form yet")
    return formula(graph, numbers, step)


def normal_share(graph: Graph, value: str) -> str:
    """Return the share of the normal distribution up to each value."""
    return times(graph, add(graph, erf(graph, times(graph, value, math.sqrt(0.5))), 1), 0.5)


def _scaled_back(center: str | None, scale: str, *, center_flag: str = "", scale_flag: str = "") -> Inverse:
    """Return x * scale + center by the names of the fitted attributes; a flag of the step may leave a part out."""

    def emit(graph: Graph, numbers: str, step: Any) -> str:
        if getattr(step, scale_flag, True):
            numbers = graph.node("Mul", numbers, vector(graph, getattr(step, scale)[None]))
        if center is None or not getattr(step, center_flag, True):
            return numbers
        return graph.node("Add", numbers, vector(graph, getattr(step, center)[None]))

    return emit


def _of_min_max(graph: Graph, numbers: str, step: Any) -> str:
    moved = graph.node("Sub", numbers, vector(graph, step.min_[None]))
    return graph.node("Div", moved, vector(graph, step.scale_[None]))


def _of_power(graph: Graph, numbers: str, step: Any) -> str:
    if step.standardize:
        numbers = inverse(graph, numbers, step._scaler)
    from_one = _box_cox if step.method == "box-cox" else _yeo_johnson
    powers = np.asarray(step.lambdas_, dtype=np.float64)
    columns = [graph.node("Gather", numbers, graph.constant(np.array([at])), axis=1) for at in range(len(powers))]
    found = [from_one(graph, column, float(power)) for column, power in zip(columns, powers, strict=True)]
    return found[0] if len(found) == 1 else graph.node("Concat", *found, axis=1)


def _box_cox(graph: Graph, column: str, power: float) -> str:
    if power == 0:
        return graph.node("Exp", column)
    return graph.node("Exp", divide(graph, log1p(graph, times(graph, column, power)), power))


def _yeo_johnson(graph: Graph, column: str, power: float) -> str:
    if abs(power) < _EPSILON:
        above = subtract(graph, graph.node("Exp", column), 1)
    else:
        root = graph.node("Pow", add(graph, times(graph, column, power), 1), scalar(graph, 1 / power))
        above = subtract(graph, root, 1)
    if abs(power - 2) > _EPSILON:
        base = add(graph, times(graph, column, -(2 - power)), 1)
        below = graph.node("Pow", base, scalar(graph, 1 / (2 - power)))
    else:
        below = graph.node("Exp", graph.node("Neg", column))
    below = subtract(graph, scalar(graph, 1), below)
    return where(graph, graph.node("GreaterOrEqual", column, scalar(graph, 0)), above, below)


def _of_quantiles(graph: Graph, numbers: str, step: Any) -> str:
    quantiles = np.asarray(step.quantiles_, dtype=np.float64).T
    shares = np.broadcast_to(np.asarray(step.references_, dtype=np.float64), quantiles.shape)
    is_normal = step.output_distribution == "normal"
    share = normal_share(graph, numbers) if is_normal else numbers
    found = interpolate(graph, share, shares, quantiles)
    if is_normal:
        is_high = is_above(graph, add(graph, share, _BOUNDS), 1)
        is_low = is_below(graph, subtract(graph, share, _BOUNDS), 0)
    else:
        is_high, is_low = is_equal(graph, share, 1), is_equal(graph, share, 0)
    found = where(graph, is_high, vector(graph, quantiles[None, :, -1]), found)
    return where(graph, is_low, vector(graph, quantiles[None, :, 0]), found)


def _of_steps(graph: Graph, numbers: str, step: Any) -> str:
    for _, part in reversed(step.steps):
        numbers = inverse(graph, numbers, part)
    return numbers


def _of_function(graph: Graph, numbers: str, step: Any) -> str:
    if step.inverse_func is None:
        return numbers
    return apply_function(graph, numbers, step.inverse_func, step.inv_kw_args)


_INVERSES: dict[str, Inverse] = {
    "sklearn.pipeline.Pipeline": _of_steps,
    "sklearn.preprocessing.FunctionTransformer": _of_function,
    "sklearn.preprocessing.MaxAbsScaler": _scaled_back(None, "scale_"),
    "sklearn.preprocessing.MinMaxScaler": _of_min_max,
    "sklearn.preprocessing.PowerTransformer": _of_power,
    "sklearn.preprocessing.QuantileTransformer": _of_quantiles,
    "sklearn.preprocessing.RobustScaler": _scaled_back(
        "center_", "scale_", center_flag="with_centering", scale_flag="with_scaling"
    ),
    "sklearn.preprocessing.StandardScaler": _scaled_back(
        "mean_", "scale_", center_flag="with_mean", scale_flag="with_std"
    ),
}
