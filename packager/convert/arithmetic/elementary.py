"""Elementary functions that ONNX or ONNX Runtime does not have in double, near the last bit everywhere.

Each takes and returns the name of a tensor of the graph's dtype, of any shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce

import numpy as np

from packager.convert.graph import Graph, integers, scalar

# Beyond this, 1 + x * x is x * x and the arguments of the plain formulas would overflow.
_LARGE = 2.0**28
_LOG_2 = math.log(2)
# arctan of what three halvings leave, at most tan(pi / 32): its series ends below a bit after so many terms.
_HALVINGS, _TERMS = 3, 9


def where(graph: Graph, condition: str, yes: str | float, no: str | float) -> str:
    """Return `yes` where the condition holds, else `no`; numbers become constants."""
    chosen = [value if isinstance(value, str) else scalar(graph, value) for value in (yes, no)]
    return graph.node("Where", condition, *chosen)


def is_below(graph: Graph, value: str, limit: str | float) -> str:
    """Return value < limit."""
    return graph.node("Less", value, limit if isinstance(limit, str) else scalar(graph, limit))


def is_above(graph: Graph, value: str, limit: str | float) -> str:
    """Return value > limit."""
    return graph.node("Greater", value, limit if isinstance(limit, str) else scalar(graph, limit))


def is_equal(graph: Graph, value: str, other: str | float) -> str:
    """Return value == other."""
    return graph.node("Equal", value, other if isinstance(other, str) else scalar(graph, other))


def add(graph: Graph, value: str, other: str | float) -> str:
    """Return value + other."""
    return graph.node("Add", value, other if isinstance(other, str) else scalar(graph, other))


def added(graph: Graph, terms: Iterable[str]) -> str:
    """Return the sum of tensors, added one after the other."""
    return reduce(lambda total, term: graph.node("Add", total, term), terms)


def subtract(graph: Graph, value: str, other: str | float) -> str:
    """Return value - other."""
    return graph.node("Sub", value, other if isinstance(other, str) else scalar(graph, other))


def times(graph: Graph, value: str, other: str | float) -> str:
    """Return value * other."""
    return graph.node("Mul", value, other if isinstance(other, str) else scalar(graph, other))


def divide(graph: Graph, value: str | float, other: str | float) -> str:
    """Return value / other."""
    chosen = [part if isinstance(part, str) else scalar(graph, part) for part in (value, other)]
    return graph.node("Div", *chosen)


def clip(graph: Graph, value: str, low: float | None, high: float | None) -> str:
    """Return the value within [low, high] as `np.clip` does: NaN stays NaN."""
    if low is not None:
        value = where(graph, is_below(graph, value, low), low, value)
    return value if high is None else where(graph, is_above(graph, value, high), high, value)


def ones(graph: Graph, rows: str) -> str:
    """Return a column of ones, of shape [rows, 1], whatever the cells are."""
    count = graph.node("Shape", rows, start=0, end=1)
    shape = graph.node("Concat", count, integers(graph, [1]), axis=0)
    return graph.node("Expand", scalar(graph, 1), shape)


def log1p(graph: Graph, value: str) -> str:
    """Return log(1 + x): the logarithm of the rounded sum, corrected for what rounding took from it."""
    total = add(graph, value, 1)
    logarithm = graph.node("Log", total)
    lost = subtract(graph, value, subtract(graph, total, 1))
    corrected = add(graph, logarithm, divide(graph, lost, total))
    return where(graph, graph.node("IsInf", logarithm), logarithm, corrected)


def expm1(graph: Graph, value: str) -> str:
    """Return exp(x) - 1; near 0 by W. Kahan's (u - 1) * x / log(u) with u = exp(x)."""
    power = graph.node("Exp", value)
    less_one = subtract(graph, power, 1)
    is_one = is_equal(graph, power, 1)
    ratio = divide(graph, times(graph, less_one, value), where(graph, is_one, 1, graph.node("Log", power)))
    is_near = is_below(graph, graph.node("Abs", value), 1)
    return where(graph, is_near, where(graph, is_one, value, ratio), less_one)


def logarithm(graph: Graph, value: str, base: float) -> str:
    """Return the logarithm to a whole base: log(x) / log(base), and the exponent itself of a power of the base."""
    found = divide(graph, graph.node("Log", value), math.log(base))
    whole = graph.node("Round", found)
    is_power = is_equal(graph, graph.node("Pow", scalar(graph, base), whole), value)
    return where(graph, is_power, whole, found)


def tan(graph: Graph, value: str) -> str:
    """Return sin(x) / cos(x)."""
    return graph.node("Div", graph.node("Sin", value), graph.node("Cos", value))


def sinh(graph: Graph, value: str) -> str:
    """Return the hyperbolic sine; by half the exponent, which overflows only where the sine does."""
    size = graph.node("Abs", value)
    less_one = expm1(graph, size)
    near = times(graph, add(graph, less_one, divide(graph, less_one, add(graph, less_one, 1))), 0.5)
    half, inverse = _half_powers(graph, size)
    found = where(graph, is_below(graph, size, 1), near, subtract(graph, half, inverse))
    return times(graph, graph.node("Sign", value), found)


def cosh(graph: Graph, value: str) -> str:
    """Return the hyperbolic cosine."""
    return add(graph, *_half_powers(graph, graph.node("Abs", value)))


def arcsinh(graph: Graph, value: str) -> str:
    """Return the inverse of sinh."""
    size = graph.node("Abs", value)
    square = times(graph, size, size)
    root = graph.node("Sqrt", add(graph, square, 1))
    near = log1p(graph, add(graph, size, divide(graph, square, add(graph, root, 1))))
    return times(graph, graph.node("Sign", value), _or_log_of_twice(graph, size, near))


def arccosh(graph: Graph, value: str) -> str:
    """Return the inverse of cosh; NaN below 1."""
    above = subtract(graph, value, 1)
    root = graph.node("Sqrt", add(graph, times(graph, above, 2), times(graph, above, above)))
    found = _or_log_of_twice(graph, value, log1p(graph, add(graph, above, root)))
    return where(graph, is_below(graph, value, 1), np.nan, found)


def arctanh(graph: Graph, value: str) -> str:
    """Return the inverse of tanh."""
    size = graph.node("Abs", value)
    ratio = divide(graph, times(graph, size, 2), subtract(graph, scalar(graph, 1), size))
    return times(graph, graph.node("Sign", value), times(graph, log1p(graph, ratio), 0.5))


def arctan(graph: Graph, value: str) -> str:
    """Return the inverse of tan: arctan(x) = 2 arctan(x / (1 + sqrt(1 + x * x))), then its series."""
    size = graph.node("Abs", value)
    is_large = is_above(graph, size, 1)
    small = where(graph, is_large, divide(graph, 1.0, size), size)
    for _ in range(_HALVINGS):
        root = graph.node("Sqrt", add(graph, times(graph, small, small), 1))
        small = divide(graph, small, add(graph, root, 1))
    square = times(graph, small, small)
    series = scalar(graph, (-1) ** (_TERMS - 1) / (2 * _TERMS - 1))
    for term in reversed(range(_TERMS - 1)):
        series = add(graph, times(graph, square, series), (-1) ** term / (2 * term + 1))
    found = times(graph, times(graph, small, series), 2.0**_HALVINGS)
    found = where(graph, is_large, subtract(graph, scalar(graph, math.pi / 2), found), found)
    return times(graph, graph.node("Sign", value), found)


def arcsin(graph: Graph, value: str) -> str:
    """Return the inverse of sin; NaN beyond 1."""
    return arctan(graph, divide(graph, value, _cathetus(graph, value)))


def arccos(graph: Graph, value: str) -> str:
    """Return the inverse of cos; NaN beyond 1."""
    left, right = subtract(graph, scalar(graph, 1), value), add(graph, value, 1)
    return times(graph, arctan(graph, graph.node("Sqrt", divide(graph, left, right))), 2)


def cbrt(graph: Graph, value: str) -> str:
    """Return the cubic root: a power, and one step of Newton's method towards the last bit."""
    size = graph.node("Abs", value)
    root = graph.node("Pow", size, scalar(graph, 1 / 3))
    is_usable = graph.node("And", is_above(graph, root, 0), is_below(graph, root, np.inf))
    safe = where(graph, is_usable, root, 1)
    step = divide(graph, subtract(graph, root, divide(graph, divide(graph, size, safe), safe)), 3)
    return times(graph, graph.node("Sign", value), where(graph, is_usable, subtract(graph, root, step), root))


def _half_powers(graph: Graph, size: str) -> tuple[str, str]:
    """Return exp(x) / 2 and exp(-x) / 2."""
    half = graph.node("Exp", times(graph, size, 0.5))
    inverse = divide(graph, 1.0, half)
    return times(graph, times(graph, half, 0.5), half), times(graph, times(graph, inverse, 0.5), inverse)


def _or_log_of_twice(graph: Graph, size: str, near: str) -> str:
    """Return log(2 x) where x is large."""
    return where(graph, is_above(graph, size, _LARGE), add(graph, graph.node("Log", size), _LOG_2), near)


def _cathetus(graph: Graph, value: str) -> str:
    """Return sqrt((1 - x) * (1 + x))."""
    return graph.node("Sqrt", times(graph, subtract(graph, scalar(graph, 1), value), add(graph, value, 1)))
