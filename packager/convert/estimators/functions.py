"""FunctionTransformer: nothing at all, or one of numpy's and scipy's elementwise functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from packager.convert.arithmetic import elementary
from packager.convert.arithmetic.elementary import add, clip, divide, is_below, is_equal, subtract, times, where
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Rows, UnsupportedModel, cast, numbers, scalar

_Elementwise = Callable[[Graph, str], str]
_LIBRARIES = ("numpy", "scipy")


def emit_function(graph: Graph, rows: Rows, model: Any) -> Rows:
    """Return the rows after the function; shape [rows, columns]."""
    if model.func is None:
        return rows
    return apply_function(graph, numbers(graph, rows), model.func, model.kw_args)


def apply_function(graph: Graph, value: str, function: Any, arguments: Mapping[str, Any] | None = None) -> str:
    """Return what a function of numpy or scipy, known by its name, makes of each cell."""
    name = str(getattr(function, "__name__", type(function).__name__))
    given = {key: value for key, value in (arguments or {}).items() if key not in ("copy", "out")}
    if not _is_of_a_library(function) or (name not in _PLAIN and name not in _WITH_ARGUMENTS):
        raise _unknown(name)
    if name in _WITH_ARGUMENTS:
        return _WITH_ARGUMENTS[name](graph, value, given)
    if given:
        raise UnsupportedModel(f"the function {name} with {', '.join(given)} has no exact form")
    return _PLAIN[name](graph, value)


def _unknown(name: str) -> UnsupportedModel:
    called = "a lambda" if name == "<lambda>" else f"the function {name}"
    return UnsupportedModel(f"{called} has no exact form")


def _is_of_a_library(function: Any) -> bool:
    """Tell whether a function is numpy's or scipy's own: only then does its name say what it does."""
    if isinstance(function, np.ufunc):
        return function.nin == 1 and function.nout == 1
    return str(getattr(function, "__module__", "")).split(".")[0] in _LIBRARIES


def _operator(op_type: str) -> _Elementwise:
    return lambda graph, value: graph.node(op_type, value)


def _flag(op_type: str) -> _Elementwise:
    return lambda graph, value: cast(graph, graph.node(op_type, value), graph.dtype)


def _product(factor: float) -> _Elementwise:
    return lambda graph, value: times(graph, value, factor)


def _logarithm(base: float) -> _Elementwise:
    return lambda graph, value: elementary.logarithm(graph, value, base)


def _power_of(base: float) -> _Elementwise:
    return lambda graph, value: graph.node("Pow", scalar(graph, base), value)


def _same(_: Graph, value: str) -> str:
    return value


def _square(graph: Graph, value: str) -> str:
    return times(graph, value, value)


def _sign(graph: Graph, value: str) -> str:
    return where(graph, graph.node("IsNaN", value), value, graph.node("Sign", value))


def _truncated(graph: Graph, value: str) -> str:
    return where(graph, is_below(graph, value, 0), graph.node("Ceil", value), graph.node("Floor", value))


def _is_finite(graph: Graph, value: str) -> str:
    return cast(graph, is_equal(graph, times(graph, value, 0), 0), graph.dtype)


def _is_zero(graph: Graph, value: str) -> str:
    return cast(graph, is_equal(graph, value, 0), graph.dtype)


def _expit(graph: Graph, value: str) -> str:
    power = graph.node("Exp", graph.node("Neg", value))
    return divide(graph, 1.0, add(graph, power, 1))


def _logit(graph: Graph, value: str) -> str:
    """Return log(p / (1 - p)); near one half by log1p, as scipy does."""
    ratio = graph.node("Log", divide(graph, value, subtract(graph, scalar(graph, 1), value)))
    off = times(graph, subtract(graph, value, 0.5), 2)
    near = subtract(graph, elementary.log1p(graph, off), elementary.log1p(graph, graph.node("Neg", off)))
    return where(graph, is_below(graph, graph.node("Abs", off), 0.4), near, ratio)


def _clip(graph: Graph, value: str, given: Mapping[str, Any]) -> str:
    limits = {"low": None, "high": None}
    for key, limit in given.items():
        side = {"a_min": "low", "min": "low", "a_max": "high", "max": "high"}.get(key)
        if side is None or np.ndim(limit):
            told = key if side is None else f"an array as {key}"
            raise UnsupportedModel(f"the function clip with {told} has no exact form")
        limits[side] = limit
    return clip(graph, value, limits["low"], limits["high"])


def _nan_to_num(graph: Graph, value: str, given: Mapping[str, Any]) -> str:
    largest = float(np.finfo(graph.dtype).max)
    fills = {"nan": 0.0, "posinf": None, "neginf": None, **given}
    if set(fills) != {"nan", "posinf", "neginf"} or any(np.ndim(fill) for fill in fills.values()):
        raise UnsupportedModel(f"the function nan_to_num with {', '.join(given)} has no exact form")
    above = largest if fills["posinf"] is None else fills["posinf"]
    below = -largest if fills["neginf"] is None else fills["neginf"]
    found = where(graph, graph.node("IsNaN", value), fills["nan"], value)
    found = where(graph, is_equal(graph, value, np.inf), above, found)
    return where(graph, is_equal(graph, value, -np.inf), below, found)


def _rounded(graph: Graph, value: str, given: Mapping[str, Any]) -> str:
    """Return x rounded half to even; of other decimals as numpy does: times their power of ten, and back."""
    if not set(given) <= {"decimals"}:
        raise UnsupportedModel(f"the function round with {', '.join(given)} has no exact form")
    decimals = int(given.get("decimals", 0))
    power = 10.0 ** abs(decimals)
    if not decimals:
        return graph.node("Round", value)
    scaled = times(graph, value, power) if decimals > 0 else divide(graph, value, power)
    whole = graph.node("Round", scaled)
    return divide(graph, whole, power) if decimals > 0 else times(graph, whole, power)


_WITH_ARGUMENTS: dict[str, Callable[[Graph, str, Mapping[str, Any]], str]] = {
    "clip": _clip,
    "nan_to_num": _nan_to_num,
    "round": _rounded,
    "around": _rounded,
    "round_": _rounded,
}
_PLAIN: dict[str, _Elementwise] = {
    "positive": _same,
    "negative": _operator("Neg"),
    "absolute": _operator("Abs"),
    "fabs": _operator("Abs"),
    "sign": _sign,
    "sqrt": _operator("Sqrt"),
    "square": _square,
    "cbrt": elementary.cbrt,
    "reciprocal": lambda graph, value: divide(graph, 1.0, value),
    "log": _operator("Log"),
    "log1p": elementary.log1p,
    "log2": _logarithm(2),
    "log10": _logarithm(10),
    "exp": _operator("Exp"),
    "expm1": elementary.expm1,
    "exp2": _power_of(2.0),
    "exp10": _power_of(10.0),
    "expit": _expit,
    "logit": _logit,
    "sin": _operator("Sin"),
    "cos": _operator("Cos"),
    "tan": elementary.tan,
    "sinh": elementary.sinh,
    "cosh": elementary.cosh,
    "tanh": _operator("Tanh"),
    "arcsin": elementary.arcsin,
    "arccos": elementary.arccos,
    "arctan": elementary.arctan,
    "arcsinh": elementary.arcsinh,
    "arccosh": elementary.arccosh,
    "arctanh": elementary.arctanh,
    "deg2rad": _product(math.pi / 180),
    "radians": _product(math.pi / 180),
    "rad2deg": _product(180 / math.pi),
    "degrees": _product(180 / math.pi),
    "floor": _operator("Floor"),
    "ceil": _operator("Ceil"),
    "rint": _operator("Round"),
    "trunc": _truncated,
    "fix": _truncated,
    "isnan": _flag("IsNaN"),
    "isinf": _flag("IsInf"),
    "isfinite": _is_finite,
    "logical_not": _is_zero,
}

EMITTERS = {"sklearn.preprocessing.FunctionTransformer": Emitter(transform=emit_function, reads="table")}
