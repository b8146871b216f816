"""Support vector machines as libsvm computes them: one kernel per support vector, added in the order of the vectors."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert import links
from packager.convert.coupling import coupled
from packager.convert.elementary import add, clip, divide, is_above, is_below, subtract, times, where
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, ask_one, cast, integers, scalar, vector
from packager.convert.responses import repeated

Doubles = npt.NDArray[np.float64]
# Up to so many pairs of classes each one's sum has nodes of its own, in libsvm's order.
_MOST_PAIRS = 66
# What libsvm lets a probability of a pair of classes be at least.
_LEAST_SHARE = 1e-7
# Of gamma |y|^2. An exponent of this size that is right to 1e-16 of itself gives a kernel that is right to 1e-13.
_LARGE_EXPONENT = 1e3


def _raw_decisions(graph: Graph, features: str, model: Any) -> str:
    """Return libsvm's decision values, [rows, 1] or [rows, pairs of classes]: above 0 for the first of a pair."""
    weights, offsets = _dense(model._dual_coef_), np.ravel(model._intercept_)
    if not weights.shape[1]:
        return repeated(graph, features, offsets)
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
    vectors, rows = _dense(model.support_vectors_), graph.node("Transpose", features, perm=[1, 0])
    if model.kernel == "rbf":
        distances = _squared_distances(graph, rows, vectors, model._gamma)
        return graph.node("Exp", times(graph, distances, -model._gamma))
    products = graph.node("MatMul", vector(graph, vectors), rows)
    if model.kernel == "linear":
        return products
    moved = add(graph, times(graph, products, model._gamma), model.coef0)
    return graph.node("Tanh", moved) if model.kernel == "sigmoid" else _power(graph, moved, model.degree)


def _squared_distances(graph: Graph, rows: str, vectors: Doubles, gamma: float) -> str:
    """Return |x - y|^2, of shape [vectors, rows], for rows of shape [columns, rows].

    Around the middle of the vectors, x . x - 2 x . y + y . y is right to some 1e-16 of its terms. Where gamma times
    those is too large for an exponent, the differences are squared column by column, as libsvm does.
    """
    middle = vectors.mean(axis=0)
    known = vectors - middle
    theirs = np.einsum("ij,ij->i", known, known)
    if gamma * theirs.max() > _LARGE_EXPONENT:
        return _by_column(graph, rows, vectors)
    # Beyond this every kernel is 0, and squares would overflow.
    centred = clip(graph, subtract(graph, rows, vector(graph, middle[:, None])), -_far(graph), _far(graph))
    own = graph.node("ReduceSum", times(graph, centred, centred), integers(graph, [0]), keepdims=1)
    products = graph.node("MatMul", vector(graph, -2 * known), centred)
    return add(graph, add(graph, products, own), vector(graph, theirs[:, None]))


def _by_column(graph: Graph, rows: str, vectors: Doubles) -> str:
    total = ""
    for at in range(vectors.shape[1]):
        cells = graph.node("Gather", rows, integers(graph, [at]), axis=0)
        difference = subtract(graph, cells, vector(graph, vectors[:, at : at + 1]))
        square = times(graph, difference, difference)
        total = add(graph, total, square) if at else square
    return total


def _far(graph: Graph) -> float:
    return float(np.finfo(graph.dtype).max ** 0.4)


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
    """Return the sums over all pairs of what goes to their first and second class; shape [rows, classes]."""
    pairs = list(combinations(range(classes), 2))
    one, other = (np.eye(classes)[[pair[at] for pair in pairs]] for at in (0, 1))
    to_first = graph.node("MatMul", first, vector(graph, one))
    return add(graph, to_first, graph.node("MatMul", second, vector(graph, other)))


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
