"""Kernels of Gaussian processes: between rows and known ones, and of each row with itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.distances import by_columns, squared
from packager.convert.arithmetic.elementary import add, divide, ones, times
from packager.convert.arithmetic.pairwise import emit_kernel, products
from packager.convert.graph import Graph, UnsupportedModel, integers, scalar, vector

Doubles = npt.NDArray[np.float64]
# The kernels of pairs that are 1 for a row with itself.
_ONE_FOR_ITSELF = ("rbf", "laplacian", "chi2")


def between(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    """Return kernel(rows, points), of shape [rows, points]."""
    emit: Callable[[Graph, str, Doubles, Any], str] = _found(_BETWEEN, kernel)
    return emit(graph, rows, points, kernel)


def with_itself(graph: Graph, rows: str, kernel: Any) -> str:
    """Return the diagonal of kernel(rows), of shape [rows, 1]."""
    emit: Callable[[Graph, str, Any], str] = _found(_ITSELF, kernel)
    return emit(graph, rows, kernel)


def _found(table: dict[str, Any], kernel: Any) -> Any:
    kind = type(kernel)
    if kind.__module__ != "sklearn.gaussian_process.kernels" or kind.__name__ not in table:
        raise UnsupportedModel(f"its kernel {kind.__name__} has no exact form yet")
    return table[kind.__name__]


def _squared(graph: Graph, rows: str, points: Doubles) -> str:
    return by_columns(graph, rows, points, squared)


def _scaled_squared(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    """Return |x / l - y / l|², with one length scale or one per column."""
    scales = np.broadcast_to(np.asarray(kernel.length_scale, dtype=np.float64), points.shape[1])
    scaled = graph.node("Div", rows, vector(graph, scales[None, :]))
    return _squared(graph, scaled, points / scales)


def _rbf(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    return graph.node("Exp", times(graph, _scaled_squared(graph, rows, points, kernel), -0.5))


def _matern(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    """Return the Matérn kernel where it has a closed form: nu = 1/2, 3/2, 5/2, … or infinite."""
    distance = graph.node("Sqrt", _scaled_squared(graph, rows, points, kernel))
    if kernel.nu == np.inf:
        return graph.node("Exp", divide(graph, times(graph, times(graph, distance, distance), -1.0), 2.0))
    order = kernel.nu - 0.5
    if order < 0 or order != int(order) or order > 20:
        raise UnsupportedModel(f"a Matern kernel with nu={kernel.nu:g} has no closed form: set nu to 0.5, 1.5 or 2.5")
    order = int(order)
    scaled = times(graph, distance, math.sqrt(2 * kernel.nu))
    factor = math.factorial(order) / math.factorial(2 * order)
    # Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), equation 4.16; highest power first.
    weights = [
        factor * math.factorial(order + at) / (math.factorial(at) * math.factorial(order - at)) * 2 ** (order - at)
        for at in range(order + 1)
    ]
    total = scalar(graph, weights[0])
    for weight in weights[1:]:
        total = add(graph, graph.node("Mul", total, scaled), weight)
    return graph.node("Mul", total, graph.node("Exp", graph.node("Neg", scaled)))


def _rational(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    if np.size(kernel.length_scale) > 1:
        raise UnsupportedModel("a rational quadratic kernel takes one length scale")
    ratio = divide(graph, _squared(graph, rows, points), float(2 * kernel.alpha * kernel.length_scale**2))
    return graph.node("Pow", add(graph, ratio, 1.0), scalar(graph, -kernel.alpha))


def _periodic(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    distance = graph.node("Sqrt", _squared(graph, rows, points))
    wave = graph.node("Sin", times(graph, distance, np.pi / kernel.periodicity))
    share = divide(graph, wave, float(kernel.length_scale))
    return graph.node("Exp", times(graph, times(graph, share, share), -2.0))


def _dot_product(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    return add(graph, products(graph, rows, points), float(kernel.sigma_0**2))


def _constant(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    return vector(graph, np.full((1, len(points)), kernel.constant_value))


def _noise(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    """Return zeros: noise correlates with nothing but itself."""
    return vector(graph, np.zeros((1, len(points))))


def _pairwise(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    return emit_kernel(graph, rows, points, kernel.metric, _pairwise_parameters(kernel))


def _pairwise_parameters(kernel: Any) -> dict[str, Any]:
    return {"gamma": kernel.gamma, **(kernel.pairwise_kernels_kwargs or {})}


def _joined(operator: str) -> Callable[[Graph, str, Doubles, Any], str]:
    def emit(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
        sides = [between(graph, rows, points, side) for side in (kernel.k1, kernel.k2)]
        return graph.node(operator, *sides)

    return emit


def _raised(graph: Graph, rows: str, points: Doubles, kernel: Any) -> str:
    return graph.node("Pow", between(graph, rows, points, kernel.kernel), scalar(graph, kernel.exponent))


def _one(graph: Graph, rows: str, _kernel: Any) -> str:
    return ones(graph, rows)


def _own_constant(name: str) -> Callable[[Graph, str, Any], str]:
    return lambda graph, rows, kernel: times(graph, ones(graph, rows), float(getattr(kernel, name)))


def _own_product(graph: Graph, rows: str, kernel: Any) -> str:
    square = graph.node("ReduceSumSquare", rows, integers(graph, [1]), keepdims=1)
    return add(graph, square, float(kernel.sigma_0**2))


def _own_joined(operator: str) -> Callable[[Graph, str, Any], str]:
    return lambda graph, rows, kernel: graph.node(
        operator, *(with_itself(graph, rows, side) for side in (kernel.k1, kernel.k2))
    )


def _own_raised(graph: Graph, rows: str, kernel: Any) -> str:
    return graph.node("Pow", with_itself(graph, rows, kernel.kernel), scalar(graph, kernel.exponent))


def _own_pair(graph: Graph, rows: str, kernel: Any) -> str:
    """Return what a kernel of pairs is for a row with itself."""
    if kernel.metric in _ONE_FOR_ITSELF:
        return ones(graph, rows)
    if kernel.metric not in ("linear", "poly", "polynomial", "sigmoid"):
        raise UnsupportedModel(f"the variance of a pairwise kernel {kernel.metric} has no exact form yet")
    product = graph.node("ReduceSumSquare", rows, integers(graph, [1]), keepdims=1)
    # A kernel of the products themselves: between the row [x·x] and the single known row [1].
    given = _pairwise_parameters(kernel)
    given = {**given, "gamma": 1.0 if given["gamma"] is None else given["gamma"]}
    return emit_kernel(graph, product, np.ones((1, 1)), kernel.metric, given)


_BETWEEN = {
    "RBF": _rbf,
    "Matern": _matern,
    "RationalQuadratic": _rational,
    "ExpSineSquared": _periodic,
    "DotProduct": _dot_product,
    "ConstantKernel": _constant,
    "WhiteKernel": _noise,
    "PairwiseKernel": _pairwise,
    "Sum": _joined("Add"),
    "Product": _joined("Mul"),
    "Exponentiation": _raised,
}
_ITSELF = {
    "RBF": _one,
    "Matern": _one,
    "RationalQuadratic": _one,
    "ExpSineSquared": _one,
    "DotProduct": _own_product,
    "ConstantKernel": _own_constant("constant_value"),
    "WhiteKernel": _own_constant("noise_level"),
    "PairwiseKernel": _own_pair,
    "Sum": _own_joined("Add"),
    "Product": _own_joined("Mul"),
    "Exponentiation": _own_raised,
}
