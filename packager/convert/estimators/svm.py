"""Support vector machines as libsvm computes them: one kernel per support vector, added in the order of the vectors."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic import links
from packager.convert.arithmetic.coupling import coupled
from packager.convert.arithmetic.elementary import add, added, divide, is_above, is_below, subtract, times, where
from packager.convert.arithmetic.responses import repeated
from packager.convert.arithmetic.rowwise import for_each_row
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, ask_one, beside, cast, integers, scalar, vector

Doubles = npt.NDArray[np.float64]
# Up to so many pairs of classes each one's sum has nodes of its own, in libsvm's order.
_MOST_PAIRS = 66
# What libsvm lets a probability of a pair of classes be at least.
_LEAST_SHARE = 1e-7
# Kernels of at most 1 are right to some 1e-16: weights that add up to more leave decisions less than seven digits.
_MOST_WEIGHT = 1e9
# Up to so many columns each one has nodes of its own.
_FEW_COLUMNS = 16


def _raw_decisions(graph: Graph, features: str, model: Any) -> str:
    """Return libsvm's decision values, [rows, 1] or [rows, pairs of classes]: above 0 for the first of a pair."""
    weights, offsets = _dense(model._dual_coef_), np.ravel(model._intercept_)
    if not weights.shape[1]:
        return repeated(graph, features, offsets)
    if model.kernel in ("rbf", "sigmoid") and np.abs(weights).sum(axis=1).max() > _MOST_WEIGHT:
        raise UnsupportedModel("its weights are so large that rounding decides its answers: scale its columns")
    sums = _sums(graph, _kernels(graph, features, model), weights, model)
    return add(graph, graph.node("Transpose", sums, perm=[1, 0]), vector(graph, offsets[None, :]))


def _sums(graph: Graph, kernels: str, weights: Doubles, model: Any) -> str:
    """Return the sums of weighted kernels, of shape [1, rows] or [pairs of classes, rows]."""
    if not hasattr(model, "classes_"):
        return _sum(graph, kernels, weights[0])
    ends = np.cumsum(model._n_support)
    blocks = np.split(np.arange(ends[-1]), ends[:-1])
    pairs = list(combinations(range(len(blocks)), 2))
    if len(pairs) > _MOST_PAIRS:
        return _sums_by_class(graph, kernels, weights, blocks)
    sums = []
    for one, other in pairs:
        vectors = np.concatenate([blocks[one], blocks[other]])
        chosen = np.concatenate([weights[other - 1, blocks[one]], weights[one, blocks[other]]])
        mine = kernels if len(pairs) == 1 else graph.node("Gather", kernels, integers(graph, vectors), axis=0)
        sums.append(_sum(graph, mine, chosen))
    return sums[0] if len(sums) == 1 else graph.node("Concat", *sums, axis=0)


def _sum(graph: Graph, kernels: str, weights: Doubles) -> str:
    """Return the weighted sum over the vectors, one after the other, of shape [1, rows]."""
    weighted = times(graph, kernels, vector(graph, weights[:, None]))
    return graph.node("ReduceSum", weighted, integers(graph, [0]), keepdims=1)


def _sums_by_class(graph: Graph, kernels: str, weights: Doubles, blocks: list[npt.NDArray[np.int64]]) -> str:
    """Return the same for many classes: the sums of each class's vectors for all its pairs at once."""
    parts = []
    for block in blocks:
        mine = graph.node("Gather", kernels, integers(graph, block), axis=0)
        parts.append(graph.node("MatMul", vector(graph, weights[:, block]), mine))
    whole = graph.node("Concat", *parts, axis=0)
    one, other = np.array(list(combinations(range(len(blocks)), 2))).T
    width = len(weights)
    first = graph.node("Gather", whole, integers(graph, one * width + other - 1), axis=0)
    return add(graph, first, graph.node("Gather", whole, integers(graph, other * width + one), axis=0))


def _kernels(graph: Graph, features: str, model: Any) -> str:
    """Return the kernel between each support vector and each row, of shape [vectors, rows]."""
    if model.kernel not in ("linear", "poly", "rbf", "sigmoid"):
        kind = "precomputed" if model.kernel == "precomputed" else "a function of its author's"
        raise UnsupportedModel(f"its kernel is {kind}, which rows of numbers cannot be scored by")
    vectors = _dense(model.support_vectors_)
    if model.kernel == "rbf":
        return graph.node("Exp", times(graph, _squared_distances(graph, features, vectors), -model._gamma))
    # Of sparse rows libsvm adds product after product, of others as BLAS does.
    one_by_one = model._sparse and vectors.shape[1] <= _FEW_COLUMNS
    rows = graph.node("Transpose", features, perm=[1, 0])
    products = _products(graph, rows, vectors, one_by_one=one_by_one)
    if model.kernel == "linear":
        return products
    moved = add(graph, times(graph, products, model._gamma), model.coef0)
    return graph.node("Tanh", moved) if model.kernel == "sigmoid" else _power(graph, moved, model.degree)


def _products(graph: Graph, rows: str, vectors: Doubles, *, one_by_one: bool) -> str:
    """Return x . y of shape [vectors, rows] for rows of shape [columns, rows]."""
    if not one_by_one:
        return graph.node("MatMul", vector(graph, vectors), rows)
    cells = [graph.node("Gather", rows, integers(graph, [at]), axis=0) for at in range(vectors.shape[1])]
    known = [vector(graph, column[:, None]) for column in vectors.T]
    return added(graph, [times(graph, cell, value) for cell, value in zip(cells, known, strict=True)])


def _squared_distances(graph: Graph, features: str, vectors: Doubles) -> str:
    """Return |x - y|^2 of shape [vectors, rows], of differences as in libsvm: what is equal stays equal."""

    def of_row(inner: Graph, row: str) -> str:
        difference = subtract(inner, row, vector(inner, vectors))
        return inner.node("ReduceSumSquare", difference, integers(inner, [1]), keepdims=0)

    count, columns = vectors.shape
    distances = for_each_row(graph, features, of_row, columns=columns, width=count)
    return graph.node("Transpose", distances, perm=[1, 0])


def _power(graph: Graph, base: str, degree: int) -> str:
    """Return the power by repeated squaring, as libsvm multiplies."""
    found = ""
    while degree:
        if degree % 2:
            found = times(graph, found, base) if found else base
        degree //= 2
        base = times(graph, base, base) if degree else base
    return found or add(graph, times(graph, base, 0), 1)


def _decision_function(graph: Graph, features: str, model: Any) -> str:
    """Return scikit-learn's decision function: [rows, 1] of two classes, else one column a class, or a pair."""
    raw = _raw_decisions(graph, features, model)
    classes = len(model.classes_)
    if classes == 2:
        return graph.node("Neg", raw)
    if model.decision_function_shape == "ovo":
        return raw
    for_second = cast(graph, is_below(graph, raw, 0), graph.dtype)
    votes = _votes(graph, subtract(graph, scalar(graph, 1), for_second), for_second, classes)
    confidence = _votes(graph, raw, graph.node("Neg", raw), classes)
    size = times(graph, add(graph, graph.node("Abs", confidence), 1), 3)
    return add(graph, votes, divide(graph, confidence, size))


def _votes(graph: Graph, first: str, second: str, classes: int) -> str:
    """Return the sums, pair after pair, of what goes to its first and to its second class; shape [rows, classes]."""
    pairs = list(combinations(range(classes), 2))
    places = np.array(
        [
            [at + len(pairs) * (one == other[1]) for at, other in enumerate(pairs) if one in other]
            for one in range(classes)
        ]
    )
    each = graph.node("Gather", beside(graph, [first, second]), integers(graph, places.T), axis=1)
    return graph.node("ReduceSum", each, integers(graph, [1]), keepdims=0)


def _predict_class(graph: Graph, features: str, model: Any) -> str:
    """Return the class of most votes, the first of equals, or of the largest decision where ties are to be broken."""
    classes = len(model.classes_)
    if model.break_ties and model.decision_function_shape == "ovr" and classes > 2:
        return links.first_largest(graph, ask_one(graph, model, "decision_function", features), model.classes_)
    for_first = cast(graph, is_above(graph, _raw_decisions(graph, features, model), 0), graph.dtype)
    votes = _votes(graph, for_first, subtract(graph, scalar(graph, 1), for_first), classes)
    return links.first_largest(graph, votes, model.classes_)


def _predict_proba(graph: Graph, features: str, model: Any) -> str:
    """Return Platt's probability of each pair of classes, coupled to one of each class."""
    raw = _raw_decisions(graph, features, model)
    slope, offset = (vector(graph, np.ravel(values)[None, :]) for values in (model._probA, model._probB))
    exponent = add(graph, times(graph, raw, slope), offset)
    small = graph.node("Exp", graph.node("Neg", graph.node("Abs", exponent)))
    is_low = graph.node("GreaterOrEqual", exponent, scalar(graph, 0))
    shares = divide(graph, where(graph, is_low, small, 1.0), add(graph, small, 1))
    shares = where(graph, is_above(graph, shares, _LEAST_SHARE), shares, _LEAST_SHARE)
    shares = where(graph, is_below(graph, shares, 1 - _LEAST_SHARE), shares, 1 - _LEAST_SHARE)
    return coupled(graph, shares, len(model.classes_))


def _predict_outlier(graph: Graph, features: str, model: Any) -> str:
    raw = _raw_decisions(graph, features, model)
    return links.by_sign(graph, raw, np.array([-1, 1]), zero_is_positive=False)


def _score_samples(graph: Graph, features: str, model: Any) -> str:
    return add(graph, _raw_decisions(graph, features, model), float(np.ravel(model.offset_)[0]))


def _dense(matrix: Any) -> Doubles:
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, dtype=np.float64)


_CLASSIFIER = Emitter(_predict_class, _predict_proba, _decision_function)
_REGRESSOR = Emitter(predict=_raw_decisions)

EMITTERS = {
    "sklearn.svm.NuSVC": _CLASSIFIER,
    "sklearn.svm.NuSVR": _REGRESSOR,
    "sklearn.svm.OneClassSVM": Emitter(
        predict=_predict_outlier, decision_function=_raw_decisions, score_samples=_score_samples
    ),
    "sklearn.svm.SVC": _CLASSIFIER,
    "sklearn.svm.SVR": _REGRESSOR,
}
