"""Norms of rows, distances and kernels between rows and known ones, as scikit-learn computes them for arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic import norms
from packager.convert.arithmetic.elementary import add, added, is_below, is_equal, subtract, times, where
from packager.convert.graph import Graph, UnsupportedModel, integers, scalar, vector

Doubles = npt.NDArray[np.float64]
_Kernel = Callable[[Graph, str, Doubles, Mapping[str, Any]], str]


def emit_kernel(graph: Graph, features: str, known: Any, kernel: Any, parameters: Mapping[str, Any]) -> str:
    """Return the kernel between the rows and the known ones, [known, columns]; shape [rows, known].

    `parameters` are scikit-learn's; those that the kernel does not take are left out, None is the default.
    """
    if kernel == "precomputed":
        return features
    if not isinstance(kernel, str):
        raise UnsupportedModel("its kernel is a function of its author's")
    if kernel not in _KERNELS:
        raise UnsupportedModel(f"the kernel {kernel} has no exact form yet")
    if hasattr(known, "toarray"):
        known = known.toarray()
    known = np.asarray(known, dtype=np.float64)
    defaults = {"gamma": 1.0 if kernel == "chi2" else 1.0 / known.shape[1], "degree": 3, "coef0": 1}
    given = {name: value for name, value in parameters.items() if value is not None}
    return _KERNELS[kernel](graph, features, known, {**defaults, **given})


def row_norm(graph: Graph, features: str, norm: str) -> str:
    """Return each row's norm `l1`, `l2` or `max`; shape [rows, 1]."""
    axis = integers(graph, [1])
    if norm == "l2":
        square = graph.node("Mul", features, features)
        return graph.node("Sqrt", graph.node("ReduceSum", square, axis, keepdims=1))
    size = graph.node("Abs", features)
    return graph.node("ReduceSum" if norm == "l1" else "ReduceMax", size, axis, keepdims=1)


def normalized(graph: Graph, features: str, norm: str) -> str:
    """Return rows over their norms, as scikit-learn's `normalize` of an array: rows near zero stay as they are."""
    found = row_norm(graph, features, norm)
    is_zero = is_below(graph, found, 10 * float(np.finfo(graph.dtype).eps))
    return graph.node("Div", features, where(graph, is_zero, 1, found))


def products(graph: Graph, features: str, known: Doubles) -> str:
    """Return x . y of shape [rows, known]."""
    return graph.node("MatMul", features, vector(graph, known.T))


def squared_distances(graph: Graph, features: str, known: Doubles) -> str:
    """Return |x - y|^2 as -2 x . y + x . x + y . y, not below 0: scikit-learn's `euclidean_distances`."""
    own = norms.by_einsum(graph, features, known.shape[1])
    theirs = vector(graph, np.einsum("ij,ij->i", known, known)[None])
    found = add(graph, add(graph, times(graph, products(graph, features, known), -2), own), theirs)
    return graph.node("Max", found, scalar(graph, 0))


def manhattan_distances(graph: Graph, features: str, known: Doubles) -> str:
    """Return the sum of |x - y|, column after column."""
    sizes = (graph.node("Abs", subtract(graph, one, other)) for one, other in _by_column(graph, features, known))
    return added(graph, sizes)


def _linear(graph: Graph, features: str, known: Doubles, _: Mapping[str, Any]) -> str:
    return products(graph, features, known)


def _affine(graph: Graph, features: str, known: Doubles, given: Mapping[str, Any]) -> str:
    scaled = times(graph, products(graph, features, known), given["gamma"])
    return add(graph, scaled, given["coef0"])


def _polynomial(graph: Graph, features: str, known: Doubles, given: Mapping[str, Any]) -> str:
    # One exponent a column: of one alone ONNX Runtime makes x * x * x, numpy's power is nearer than that.
    exponents = np.full((1, len(known) if given["degree"] == 3 else 1), given["degree"])
    return graph.node("Pow", _affine(graph, features, known, given), vector(graph, exponents))


def _sigmoid(graph: Graph, features: str, known: Doubles, given: Mapping[str, Any]) -> str:
    return graph.node("Tanh", _affine(graph, features, known, given))


def _rbf(graph: Graph, features: str, known: Doubles, given: Mapping[str, Any]) -> str:
    return graph.node("Exp", times(graph, squared_distances(graph, features, known), -given["gamma"]))


def _laplacian(graph: Graph, features: str, known: Doubles, given: Mapping[str, Any]) -> str:
    return graph.node("Exp", times(graph, manhattan_distances(graph, features, known), -given["gamma"]))


def _cosine(graph: Graph, features: str, known: Doubles, _: Mapping[str, Any]) -> str:
    from sklearn.preprocessing import normalize

    return products(graph, normalized(graph, features, "l2"), normalize(known))


def _additive_chi2(graph: Graph, features: str, known: Doubles, _: Mapping[str, Any]) -> str:
    """Return minus the sum of (x - y)^2 / (x + y) over the columns where that is not 0 / 0."""

    def parts() -> Iterator[str]:
        for one, other in _by_column(graph, features, known):
            difference, total = subtract(graph, one, other), add(graph, one, other)
            is_empty = is_equal(graph, total, 0)
            ratio = graph.node("Div", times(graph, difference, difference), where(graph, is_empty, 1, total))
            yield where(graph, is_empty, 0, ratio)

    return graph.node("Neg", added(graph, parts()))


def _chi2(graph: Graph, features: str, known: Doubles, given: Mapping[str, Any]) -> str:
    return graph.node("Exp", times(graph, _additive_chi2(graph, features, known, given), given["gamma"]))


def _by_column(graph: Graph, features: str, known: Doubles) -> Iterator[tuple[str, str]]:
    """Yield per column the cells, [rows, 1], and the known ones, [1, known]: no array of three dimensions is made."""
    for column in range(known.shape[1]):
        cell = graph.node("Gather", features, integers(graph, [column]), axis=1)
        yield cell, vector(graph, known[None, :, column])


_KERNELS: dict[str, _Kernel] = {
    "linear": _linear,
    "poly": _polynomial,
    "polynomial": _polynomial,
    "sigmoid": _sigmoid,
    "rbf": _rbf,
    "laplacian": _laplacian,
    "cosine": _cosine,
    "additive_chi2": _additive_chi2,
    "chi2": _chi2,
}
