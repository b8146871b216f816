"""The error function, which ONNX Runtime has in float32 only: from its complement, which has no steep part.

erfc(x) = exp(-x²) f(t) for x >= 0, with t = a - b / (x + 2) in [-1, 1], and f a smooth function: a short Chebyshev
series, made from scipy's own values.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from packager.convert.elementary import add, divide, subtract, times
from packager.convert.graph import Graph, scalar

# The terms past this one are below 1e-15.
_DEGREE = 18
_SHIFT = 3.0
# erf is 1 beyond, to the last bit.
_FARTHEST = 6.0
_SPREAD = 2 / (1 / _SHIFT - 1 / (_FARTHEST + _SHIFT))
_TOP = _SPREAD / _SHIFT - 1


def erf(graph: Graph, value: str) -> str:
    """Return erf(x), off by 3e-15 at most, of any shape."""
    size = graph.node("Min", graph.node("Abs", value), scalar(graph, _FARTHEST))
    place = subtract(graph, scalar(graph, _TOP), divide(graph, _SPREAD, add(graph, size, _SHIFT)))
    scaled = graph.node("Exp", graph.node("Neg", times(graph, size, size)))
    complement = times(graph, scaled, _series(graph, place))
    return times(graph, graph.node("Sign", value), subtract(graph, scalar(graph, 1.0), complement))


def _series(graph: Graph, place: str) -> str:
    """Return the Chebyshev series at `place` by C. W. Clenshaw's recurrence."""
    doubled = times(graph, place, 2.0)
    first, *others = _coefficients()
    ahead, beyond = scalar(graph, others[-1]), scalar(graph, 0.0)
    for coefficient in others[-2::-1]:
        stepped = subtract(graph, graph.node("Mul", doubled, ahead), beyond)
        ahead, beyond = add(graph, stepped, coefficient), ahead
    return add(graph, subtract(graph, graph.node("Mul", place, ahead), beyond), first)


@functools.cache
def _coefficients() -> tuple[float, ...]:
    from scipy.special import erfcx

    def smooth(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(erfcx(_SPREAD / (_TOP - places) - _SHIFT))

    return tuple(float(value) for value in np.polynomial.chebyshev.chebinterpolate(smooth, _DEGREE))
