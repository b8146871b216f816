"""scikit-learn's metrics from rows to known points, [rows, points], summed column by column: exact to the bit.

A reduced distance has the order of the true one; it is what searches compare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic import elementary
from packager.convert.arithmetic.elementary import add, clip, divide, subtract, times, where
from packager.convert.arithmetic.pairwise import emit_kernel
from packager.convert.graph import Graph, UnsupportedModel, integers, scalar, vector

Doubles = npt.NDArray[np.float64]
# (graph, one column of the rows [rows, 1], the points' same column [1, points], its index) -> [rows, points]
Term = Callable[[Graph, str, str, int], str]
Change = Callable[[Graph, str], str]


def by_columns(graph: Graph, rows: str, points: Doubles, term: Term, *, joined: str = "Add") -> str:
    """Return the terms of all columns joined from the first to the last, [rows, points]."""
    width = points.shape[1]
    split = graph.several("Split", rows, integers(graph, np.ones(width)), outputs=width, axis=1)
    total = ""
    for index, column in enumerate(split):
        found = term(graph, column, vector(graph, points[None, :, index]), index)
        total = graph.node(joined, total, found) if total else found
    return total


def squared(graph: Graph, column: str, known: str, _index: int = 0) -> str:
    """Return (x - y)²."""
    away = subtract(graph, column, known)
    return times(graph, away, away)


def absolute(graph: Graph, column: str, known: str, _index: int = 0) -> str:
    """Return |x - y|."""
    return graph.node("Abs", subtract(graph, column, known))


def root(graph: Graph, value: str) -> str:
    """Return the square root."""
    return graph.node("Sqrt", value)


def power(graph: Graph, value: str, exponent: float, width: int) -> str:
    """Return value ** exponent for values of shape [rows, width], as the C library has it.

    ONNX Runtime multiplies out a single exponent of 2 or 3; it does not where each value has one of its own.
    """
    return graph.node("Pow", value, vector(graph, np.full((1, width), exponent)))


@dataclass(frozen=True)
class Metric:
    """`reduced` gives the distances in the form that searches compare; `distance` and `back` change the form.

    `back` takes numbers of shape [rows, width], and the width; `joined` tells how columns make up a reduced distance.
    """

    reduced: Callable[[Graph, str, Doubles], str]
    distance: Change
    back: Callable[[Graph, str, int], str]
    reduce: Callable[[float], float]
    joined: str = "Add"

    @property
    def squares(self) -> bool:
        """Tell whether reduced distances are squares."""
        return self.back is _square


def metric_of(name: str, parameters: Mapping[str, Any], columns: int) -> Metric:
    """Return scikit-learn's metric of that name; UnsupportedModel where there is no exact form."""
    if callable(name) or not isinstance(name, str):
        raise UnsupportedModel("a metric of its own is code that no graph holds")
    if name in ("minkowski", "p"):
        return _minkowski(float(parameters.get("p", 2)), parameters.get("w"), columns)
    if name in ("seuclidean", "mahalanobis"):
        return _scaled(name, parameters)
    found = _PLAIN.get(name)
    if found is None:
        raise UnsupportedModel(f"the metric {name} has no exact form yet")
    return found


def _same(_graph: Graph, value: str) -> str:
    return value


def _summed(term: Term, joined: str = "Add") -> Callable[[Graph, str, Doubles], str]:
    return lambda graph, rows, points: by_columns(graph, rows, points, term, joined=joined)


def _minkowski(p: float, weights: npt.ArrayLike | None, columns: int) -> Metric:
    if weights is None and p in (1, 2, np.inf):
        return {1.0: _MANHATTAN, 2.0: _EUCLIDEAN}.get(p, _CHEBYSHEV)
    scales = np.ones(columns) if weights is None else np.asarray(weights, dtype=np.float64)

    def reduced(graph: Graph, rows: str, points: Doubles) -> str:
        def term(graph: Graph, column: str, known: str, index: int) -> str:
            found = power(graph, absolute(graph, column, known), p, len(points))
            return found if weights is None else times(graph, found, float(scales[index]))

        return by_columns(graph, rows, points, term)

    return Metric(
        reduced,
        lambda graph, value: graph.node("Pow", value, scalar(graph, 1 / p)),
        lambda graph, value, width: power(graph, value, p, width),
        lambda value: value**p,
    )


def _scaled(name: str, parameters: Mapping[str, Any]) -> Metric:
    if name == "seuclidean":
        variances = np.asarray(parameters["V"], dtype=np.float64)

        def term(graph: Graph, column: str, known: str, index: int) -> str:
            return divide(graph, squared(graph, column, known), float(variances[index]))

        return Metric(_summed(term), root, _square, np.square)
    inverse = parameters.get("VI")
    matrix = np.asarray(np.linalg.inv(parameters["V"]) if inverse is None else inverse, dtype=np.float64)

    def reduced(graph: Graph, rows: str, points: Doubles) -> str:
        away: list[str] = []

        def keep(graph: Graph, column: str, known: str, _index: int) -> str:
            away.append(subtract(graph, column, known))
            return away[-1]

        by_columns(graph, rows, points, keep)
        total = ""
        for index, weights in enumerate(matrix):
            inner = ""
            for weight, difference in zip(weights, away, strict=True):
                scaled = times(graph, difference, float(weight))
                inner = add(graph, inner, scaled) if inner else scaled
            found = times(graph, inner, away[index])
            total = add(graph, total, found) if total else found
        return total

    return Metric(reduced, root, _square, np.square)


def _canberra(graph: Graph, column: str, known: str, _index: int) -> str:
    sizes = add(graph, graph.node("Abs", column), graph.node("Abs", known))
    above = elementary.is_above(graph, sizes, 0.0)
    return where(graph, above, divide(graph, absolute(graph, column, known), where(graph, above, sizes, 1.0)), 0.0)


def _braycurtis(graph: Graph, rows: str, points: Doubles) -> str:
    def sizes(graph: Graph, column: str, known: str, _index: int) -> str:
        return add(graph, graph.node("Abs", column), graph.node("Abs", known))

    over, under = by_columns(graph, rows, points, absolute), by_columns(graph, rows, points, sizes)
    above = elementary.is_above(graph, under, 0.0)
    return where(graph, above, divide(graph, over, where(graph, above, under, 1.0)), 0.0)


def _haversine(graph: Graph, rows: str, points: Doubles) -> str:
    latitude, longitude = (graph.node("Gather", rows, integers(graph, [index]), axis=1) for index in (0, 1))
    sines = []
    for column, known in ((latitude, points[:, 0]), (longitude, points[:, 1])):
        half = times(graph, subtract(graph, column, vector(graph, known[None, :])), 0.5)
        sines.append(graph.node("Sin", half))
    cosines = times(graph, graph.node("Cos", latitude), vector(graph, np.cos(points[None, :, 0])))
    second = times(graph, times(graph, cosines, sines[1]), sines[1])
    return add(graph, times(graph, sines[0], sines[0]), second)


def _arc(graph: Graph, value: str) -> str:
    return times(graph, elementary.arcsin(graph, root(graph, value)), 2.0)


def _cosine(graph: Graph, rows: str, points: Doubles) -> str:
    """Return 1 - cosine within [0, 2]."""
    similarity = emit_kernel(graph, rows, points, "cosine", {})
    return clip(graph, add(graph, times(graph, similarity, -1.0), 1.0), 0.0, 2.0)


def _unequal(graph: Graph, column: str, known: str, _index: int) -> str:
    return where(graph, elementary.is_equal(graph, column, known), 0.0, 1.0)


def _hamming(graph: Graph, rows: str, points: Doubles) -> str:
    return divide(graph, by_columns(graph, rows, points, _unequal), float(points.shape[1]))


def _unchanged(value: float) -> float:
    return value


def _alike(_graph: Graph, value: str, _width: int) -> str:
    return value


def _square(graph: Graph, value: str, _width: int) -> str:
    return times(graph, value, value)


def _half_sine(graph: Graph, value: str, _width: int) -> str:
    sine = graph.node("Sin", times(graph, value, 0.5))
    return times(graph, sine, sine)


_EUCLIDEAN = Metric(_summed(squared), root, _square, np.square)
_MANHATTAN = Metric(_summed(absolute), _same, _alike, _unchanged)
_CHEBYSHEV = Metric(_summed(absolute, "Max"), _same, _alike, _unchanged, "Max")
_PLAIN = {
    "euclidean": _EUCLIDEAN,
    "l2": _EUCLIDEAN,
    "sqeuclidean": Metric(_summed(squared), _same, _alike, _unchanged),
    "manhattan": _MANHATTAN,
    "cityblock": _MANHATTAN,
    "l1": _MANHATTAN,
    "chebyshev": _CHEBYSHEV,
    "infinity": _CHEBYSHEV,
    "canberra": Metric(_summed(_canberra), _same, _alike, _unchanged),
    "braycurtis": Metric(_braycurtis, _same, _alike, _unchanged),
    "haversine": Metric(_haversine, _arc, _half_sine, lambda value: float(np.sin(0.5 * value) ** 2)),
    "cosine": Metric(_cosine, _same, _alike, _unchanged),
    "hamming": Metric(_hamming, _same, _alike, _unchanged),
}
