"""scikit-learn's single trees and forests, IsolationForest and RandomTreesEmbedding among them."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import where
from packager.convert.emitter import Emitter
from packager.convert.graph import Answer, Graph, UnsupportedModel, ask_one, cast, integers, scalar
from packager.convert.scikit_trees import path_lengths, read_members
from packager.convert.trees import as_float32, emit_leaf_sum, emit_leaf_vectors
from packager.structure import Doubles, Trees

_ORDERED_BITS = 64


def emit_mean(graph: Graph, features: str, model: Any, trees: Trees, vectors: Doubles) -> str:
    """Return the mean over the trees of the vectors [leaves, width] of the leaves reached; [rows, width]."""
    narrowed = as_float32(graph, features)
    if vectors.shape[1] == 1:
        zeros = np.zeros(len(vectors), dtype=np.int64)
        total = emit_leaf_sum(graph, narrowed, trees, weights=vectors[:, 0], targets=zeros)
    else:
        total = emit_leaf_vectors(graph, narrowed, trees, vectors)
    return graph.node("Div", total, scalar(graph, trees.n_trees)) if hasattr(model, "estimators_") else total


def fractions(values: Doubles) -> Doubles:
    """Return the share of each class in each leaf, [leaves, outputs, classes]; trees from before 1.3 hold counts."""
    totals = values.sum(axis=2, keepdims=True)
    is_counts = np.abs(totals - 1).max() > 1e-6  # a leaf's shares sum to 1 but for rounding
    return np.asarray(values / np.where(totals == 0, 1, totals)) if is_counts else values


def _classes(model: Any) -> list[Any]:
    """Return the classes of each output, in the first output's dtype, as `predict` answers them."""
    if model.n_outputs_ == 1:
        return [model.classes_]
    return [np.asarray(classes).astype(model.classes_[0].dtype) for classes in model.classes_]


def _predict_proba(graph: Graph, features: str, model: Any) -> Answer:
    """Return the mean shares, [rows, classes]; a tuple of them where a row has several labels."""
    counts = [len(classes) for classes in _classes(model)]
    trees, values = read_members(model, graph.dtype)
    vectors = [
        np.concatenate([leaf[:, output, :count] for output, count in enumerate(counts)], axis=1)
        for leaf in map(fractions, values)
    ]
    mean = emit_mean(graph, features, model, trees, np.concatenate(vectors))
    if len(counts) == 1:
        return mean
    return graph.several("Split", mean, integers(graph, counts), outputs=len(counts), axis=1)


def _predict_class(graph: Graph, features: str, model: Any) -> str:
    """Return the class of the largest share, the first of equals; [rows] or [rows, outputs]."""
    shares = graph.ask(model, "predict_proba", features)
    if not isinstance(shares, tuple):
        return links.first_largest(graph, ask_one(graph, model, "predict_proba", features), model.classes_)
    chosen = [
        links.upright(graph, links.first_largest(graph, share, classes))
        for share, classes in zip(shares, _classes(model), strict=True)
    ]
    return graph.node("Concat", *chosen, axis=1)


def _predict_value(graph: Graph, features: str, model: Any) -> str:
    trees, values = read_members(model, graph.dtype)
    return emit_mean(graph, features, model, trees, np.concatenate([leaf[:, :, 0] for leaf in values]))


def where_sparse(graph: Graph, features: str) -> str:
    """Return rows as trees read them where they are sparse: a missing cell is above every threshold."""
    return where(graph, graph.node("IsNaN", features), np.inf, features)


def _embed(graph: Graph, features: str, model: Any) -> str:
    """Return 1 for each leaf that is reached, else 0; [rows, leaves of all trees]."""
    trees, _ = read_members(model, graph.dtype)
    every = np.arange(trees.n_leaves)
    return emit_leaf_sum(graph, as_float32(graph, features), trees, weights=np.ones(len(every)), targets=every)


def _depth(graph: Graph, features: str, model: Any) -> str:
    """Return the path lengths through all trees, added tree after tree as `_compute_score_samples` does; [rows, 1]."""
    trees, _ = read_members(model, graph.dtype)
    lengths = path_lengths(model)
    if lengths is None:
        raise UnsupportedModel("it was fitted by a version of scikit-learn that keeps no path lengths")
    zeros = np.zeros(trees.n_leaves, dtype=np.int64)
    narrowed = as_float32(graph, features)
    return emit_leaf_sum(graph, narrowed, trees, weights=np.concatenate(lengths), targets=zeros)


def _longest_depth(model: Any) -> float:
    """Return the path lengths at which the score is the lowest: 2 ** -(depth / longest)."""
    from sklearn.ensemble._iforest import _average_path_length

    return float(len(model.estimators_) * _average_path_length([model._max_samples])[0])


def _score_samples(graph: Graph, features: str, model: Any) -> str:
    """Return minus the anomaly score, [rows, 1]."""
    depth, longest = _depth(graph, features, model), _longest_depth(model)
    one = graph.node("Add", graph.node("Mul", depth, scalar(graph, 0)), scalar(graph, 1))
    share = graph.node("Div", depth, scalar(graph, longest)) if longest else one
    return graph.node("Neg", graph.node("Pow", scalar(graph, 2), graph.node("Neg", share)))


def _decision(graph: Graph, features: str, model: Any) -> str:
    score = ask_one(graph, model, "score_samples", features)
    return graph.node("Sub", score, scalar(graph, model.offset_))


def _predict_outlier(graph: Graph, features: str, model: Any) -> str:
    """Return -1 for outliers and 1 for the others, [rows].

    The threshold is the score of some training row, so that the last bit of a power would decide: compare the path
    lengths, which are exact, with the shortest that the original lets pass.
    """
    passes = graph.node("GreaterOrEqual", _depth(graph, features, model), scalar(graph, _shortest_inlier(model)))
    return links.pick_label(graph, links.flat(graph, cast(graph, passes, np.int64)), np.array([-1, 1]))


def _shortest_inlier(model: Any) -> float:
    """Return the smallest number of all path lengths together with a decision of 0 or more, by bisection."""
    longest = _longest_depth(model)

    def passes(depth: float) -> bool:
        share = np.full(8, depth) / longest if longest else np.ones(8)
        return bool((-(2**-share) - model.offset_ >= 0).all())

    low, high = 0.0, 2.0**40
    if passes(low) or not passes(high):
        return -np.inf if passes(low) else np.inf
    for _ in range(2 * _ORDERED_BITS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high


_CLASSIFIER = Emitter(predict=_predict_class, predict_proba=_predict_proba)
_REGRESSOR = Emitter(predict=_predict_value)

EMITTERS = {
    "sklearn.tree.DecisionTreeClassifier": _CLASSIFIER,
    "sklearn.tree.DecisionTreeRegressor": _REGRESSOR,
    "sklearn.tree.ExtraTreeClassifier": _CLASSIFIER,
    "sklearn.tree.ExtraTreeRegressor": _REGRESSOR,
    "sklearn.ensemble.RandomForestClassifier": _CLASSIFIER,
    "sklearn.ensemble.RandomForestRegressor": _REGRESSOR,
    "sklearn.ensemble.ExtraTreesClassifier": _CLASSIFIER,
    "sklearn.ensemble.ExtraTreesRegressor": _REGRESSOR,
    "sklearn.ensemble.IsolationForest": Emitter(
        predict=_predict_outlier, decision_function=_decision, score_samples=_score_samples
    ),
    "sklearn.ensemble.RandomTreesEmbedding": Emitter(transform=_embed),
}
