"""QuantileTransformer: interpolated among the quantiles in both directions, then perhaps onto the normal curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic.elementary import (
    add,
    clip,
    divide,
    is_above,
    is_below,
    is_equal,
    subtract,
    times,
    where,
)
from packager.convert.arithmetic.interpolation import interpolate
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, scalar, vector

# Cells this near to the outer quantiles take the outer value: scikit-learn's BOUNDS_THRESHOLD.
_BOUNDS = 1e-7
# The normal quantile by M. J. Wichura, "Algorithm AS 241", Applied Statistics 37 (1988), PPND16: numerators and
# denominators of the middle, |p - 1/2| <= 0.425, and of the tails, as far as scikit-learn's bounds reach into them.
# fmt: off
_MIDDLE, _MIDDLE_SQUARE = 0.425, 0.180625
_TAIL_START = 1.6
_MIDDLE_RATIO = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)
_TAIL_RATIO = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)
# fmt: on


def emit_quantiles(graph: Graph, features: str, model: Any) -> str:
    """Return the share of the fitted cells below each cell, or its normal quantile; shape [rows, columns]."""
    quantiles = np.asarray(model.quantiles_, dtype=np.float64).T
    references = np.broadcast_to(np.asarray(model.references_, dtype=np.float64), quantiles.shape)
    if np.isnan(quantiles).any():
        raise UnsupportedModel("a column without values has no quantiles")
    up = interpolate(graph, features, quantiles, references)
    down = interpolate(graph, graph.node("Neg", features), -quantiles[:, ::-1], -references[:, ::-1])
    share = times(graph, subtract(graph, up, down), 0.5)
    low, high = vector(graph, quantiles[None, :, 0]), vector(graph, quantiles[None, :, -1])
    if model.output_distribution == "uniform":
        share = where(graph, is_equal(graph, features, high), 1, share)
        return where(graph, is_equal(graph, features, low), 0, share)
    share = where(graph, is_above(graph, add(graph, features, _BOUNDS), high), 1, share)
    share = where(graph, is_below(graph, subtract(graph, features, _BOUNDS), low), 0, share)
    return _normal_within_bounds(graph, share)


def normal_quantile(graph: Graph, share: str) -> str:
    """Return the normal quantile of shares between 1e-9 and 1 - 1e-9."""
    centered = subtract(graph, share, 0.5)
    is_middle = is_below(graph, graph.node("Abs", centered), _MIDDLE)
    square = subtract(graph, scalar(graph, _MIDDLE_SQUARE), times(graph, centered, centered))
    middle = times(graph, centered, _ratio(graph, square, _MIDDLE_RATIO))
    is_left = is_below(graph, centered, 0)
    tail = where(graph, is_left, share, subtract(graph, scalar(graph, 1), share))
    root = graph.node("Sqrt", graph.node("Neg", graph.node("Log", tail)))
    outer = _ratio(graph, subtract(graph, root, _TAIL_START), _TAIL_RATIO)
    outer = where(graph, is_left, graph.node("Neg", outer), outer)
    return where(graph, is_middle, middle, outer)


def _normal_within_bounds(graph: Graph, share: str) -> str:
    """Return the normal quantile, no further out than scikit-learn's own bounds."""
    from scipy.stats import norm

    edge = _BOUNDS - np.spacing(1)
    found = normal_quantile(graph, clip(graph, share, _BOUNDS / 2, 1 - _BOUNDS / 2))
    return clip(graph, found, float(norm.ppf(edge)), float(norm.ppf(1 - edge)))


def _ratio(graph: Graph, value: str, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> str:
    above, below = (_polynomial(graph, value, row) for row in coefficients)
    return divide(graph, above, below)


def _polynomial(graph: Graph, value: str, coefficients: tuple[float, ...]) -> str:
    """Return the sum of coefficient[n] * x ** n, by Horner's rule."""
    found = scalar(graph, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        found = add(graph, times(graph, value, found), coefficient)
    return found


EMITTERS = {"sklearn.preprocessing.QuantileTransformer": Emitter(transform=emit_quantiles)}
