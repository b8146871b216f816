"""The error function, which ONNX Runtime has in float32 only, from two short Chebyshev series.

Near 0 it is x times a smooth function of x². Farther out erfc(x) is exp(-x²) times one of a - b / (x + 3).
The series are made from scipy's own values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.elementary import add, divide, is_below, subtract, times
from packager.convert.graph import Graph, scalar

Doubles = npt.NDArray[np.float64]
# The terms past these are below 1e-16.
_NEAR_DEGREE, _FAR_DEGREE = 14, 18
_NEAR = 1.0
# erf is 1 beyond, to the last bit.
_FARTHEST = 6.0
_SHIFT = 3.0
_SPREAD = 2 / (1 / _SHIFT - 1 / (_FARTHEST + _SHIFT))
_TOP = _SPREAD / _SHIFT - 1


def erf(graph: Graph, value: str) -> str:
    """Return erf(x), near its last bits everywhere, of any shape."""
    size = graph.node("Min", graph.node("Abs", value), scalar(graph, _FARTHEST))
    square = times(graph, size, size)
    inside = graph.node("Min", square, scalar(graph, _NEAR**2))
    near = graph.node("Mul", size, _series(graph, subtract(graph, times(graph, inside, 2 / _NEAR**2), 1.0), _near()))
    place = subtract(graph, scalar(graph, _TOP), divide(graph, _SPREAD, add(graph, size, _SHIFT)))
    complement = times(graph, graph.node("Exp", graph.node("Neg", square)), _series(graph, place, _far()))
    far = subtract(graph, scalar(graph, 1.0), complement)
    found = graph.node("Where", is_below(graph, size, _NEAR), near, far)
    return times(graph, graph.node("Sign", value), found)


def _series(graph: Graph, place: str, coefficients: tuple[float, ...]) -> str:
    """Return the Chebyshev series at `place`, within [-1, 1], by C. W. Clenshaw's recurrence."""
    doubled = times(graph, place, 2.0)
    first, *others = coefficients
    ahead, beyond = scalar(graph, others[-1]), scalar(graph, 0.0)
    for coefficient in others[-2::-1]:
        stepped = subtract(graph, graph.node("Mul", doubled, ahead), beyond)
        ahead, beyond = add(graph, stepped, coefficient), ahead
    return add(graph, subtract(graph, graph.node("Mul", place, ahead), beyond), first)


@functools.cache
def _near() -> tuple[float, ...]:
    from scipy.special import erf as known

    def smooth(places: Doubles) -> Doubles:
        numbers = _NEAR * np.sqrt((places + 1) / 2)
        return np.asarray(known(numbers) / numbers)

    return _fitted(smooth, _NEAR_DEGREE)


@functools.cache
def _far() -> tuple[float, ...]:
    from scipy.special import erfcx

    def smooth(places: Doubles) -> Doubles:
        return np.asarray(erfcx(_SPREAD / (_TOP - places) - _SHIFT))

    return _fitted(smooth, _FAR_DEGREE)


def _fitted(function: Callable[[Doubles], Doubles], degree: int) -> tuple[float, ...]:
    series = np.polynomial.Chebyshev.interpolate(function, degree)
    return tuple(float(value) for value in series.coef)
