"""scikit-learn's gradient boosting, of both kinds."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.categories import encode_categories
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Method, Rows, UnsupportedModel, ask_one, integers, numbers, scalar
from packager.convert.scikit_trees import categories_of, read_members, read_predictors
from packager.convert.trees import add_stages, as_float32, emit_leaf_sum, emit_leaf_values
from packager.structure import Doubles, Trees, concatenate, constant_trees

# Rows on which a start model is tried: whether it computes in float32 shows in its last bits.
_TRIED_ROWS = 64


def _raw_gradient(graph: Graph, features: str, model: Any) -> str:
    """Return raw scores, [rows, 1 or classes]: start + learning_rate * leaf, stage after stage, as `predict_stages`."""
    per_stage = model.estimators_.shape[1]
    trees, values = read_members(model, graph.dtype)
    leaves = model.learning_rate * np.concatenate([leaf[:, 0, 0] for leaf in values])
    narrowed = as_float32(graph, features)
    start = _constant_start(model)
    if start is not None:
        return _sum_by_stage(graph, narrowed, trees, leaves, start)
    reached = emit_leaf_values(graph, narrowed, trees, leaves)
    return add_stages(graph, reached, per_stage, first=_start(graph, narrowed, model))


def _sum_by_stage(graph: Graph, features: str, trees: Trees, leaves: Doubles, start: Doubles) -> str:
    """Return start + every tree's leaf, [rows, len(start)]: tree t adds to score t % len(start)."""
    trees = concatenate([constant_trees(len(start), trees.n_features), trees])
    targets = np.arange(trees.n_trees) % len(start)
    weights = np.concatenate([start, leaves])
    return emit_leaf_sum(graph, features, trees, weights=weights, targets=targets[trees.leaf_tree])


def _constant_start(model: Any) -> Doubles | None:
    """Return the raw scores that boosting starts from, [trees per stage], where they are the same for every row."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if not isinstance(model.init_, DummyClassifier | DummyRegressor | str):
        return None
    if getattr(model.init_, "strategy", None) in ("stratified", "uniform"):
        raise UnsupportedModel("its start model answers by chance")
    row = np.zeros((1, model.n_features_in_), dtype=np.float32)
    start: Doubles = np.asarray(model._raw_predict_init(row), dtype=np.float64)[0]
    return start


def _start(graph: Graph, narrowed: str, model: Any) -> str:
    """Return what the start model makes of each row as raw scores, [rows, trees per stage]: `_init_raw_predictions`."""
    method: Method = "predict_proba" if hasattr(model, "classes_") else "predict"
    if not _is_double(model.init_, method, model.n_features_in_):
        # Boosting hands it float32 rows. What it rounds away shows where large terms cancel, and in the logarithm of
        # odds where probabilities come near 1.
        kind = type(model.init_).__name__
        raise UnsupportedModel(f"its start, {kind}, computes in float32 behind it; leave init out")
    if method == "predict":
        return links.upright(graph, ask_one(graph, model.init_, "predict", narrowed, name="init"))
    shares = ask_one(graph, model.init_, "predict_proba", narrowed, name="init")
    if len(model.classes_) == 2:
        shares = graph.node("Gather", shares, integers(graph, [1]), axis=1)
    tiny = np.finfo(np.float64).eps
    shares = graph.node("Clip", shares, scalar(graph, tiny), scalar(graph, 1 - tiny))
    if len(model.classes_) > 2:
        logarithms = graph.node("Log", shares)
        return graph.node("Sub", logarithms, graph.node("ReduceMean", logarithms, integers(graph, [1])))
    odds = graph.node("Log", graph.node("Div", shares, graph.node("Sub", scalar(graph, 1), shares)))
    return graph.node("Mul", odds, scalar(graph, 0.5)) if model.loss == "exponential" else odds


def _is_double(model: Any, method: str, width: int) -> bool:
    """Tell whether a model answers float32 rows as it answers the same numbers in double."""
    rows = np.random.default_rng(0).normal(scale=3, size=(_TRIED_ROWS, width)).astype(np.float32)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return np.array_equal(*(getattr(model, method)(given) for given in (rows, rows.astype(np.float64))))


def _raw_hist(graph: Graph, rows: Rows, model: Any) -> str:
    """Return raw scores of a HistGradientBoosting model, [rows, 1 or classes]; it reads doubles."""
    features = numbers(graph, encode_categories(graph, rows, categories_of(model), width=model.n_features_in_))
    trees, leaves = read_predictors(model, graph.dtype)
    return _sum_by_stage(graph, features, trees, leaves, np.ravel(model._baseline_prediction))


def _predict_class(graph: Graph, rows: Rows, model: Any) -> str:
    raw = ask_one(graph, model, "decision_function", rows)
    if len(model.classes_) > 2:
        return links.first_largest(graph, raw, model.classes_)
    # GradientBoosting takes zero for the second class, HistGradientBoosting for the first.
    return links.by_sign(graph, raw, model.classes_, zero_is_positive=not hasattr(model, "_predictors"))


def _predict_proba(graph: Graph, rows: Rows, model: Any) -> str:
    raw = ask_one(graph, model, "decision_function", rows)
    if len(model.classes_) > 2:
        return graph.node("Softmax", raw, axis=1)
    scale = 2.0 if getattr(model, "loss", None) == "exponential" else 1.0
    return links.with_complement(graph, links.logistic(graph, raw, scale=scale))


def _predict_hist(graph: Graph, rows: Rows, model: Any) -> str:
    raw = _raw_hist(graph, rows, model)
    has_log_link = model.loss in ("poisson", "gamma")
    return graph.node("Exp", raw) if has_log_link else raw


EMITTERS = {
    "sklearn.ensemble.GradientBoostingClassifier": Emitter(_predict_class, _predict_proba, _raw_gradient),
    "sklearn.ensemble.GradientBoostingRegressor": Emitter(predict=_raw_gradient),
    "sklearn.ensemble.HistGradientBoostingClassifier": Emitter(
        _predict_class, _predict_proba, _raw_hist, reads="table"
    ),
    "sklearn.ensemble.HistGradientBoostingRegressor": Emitter(predict=_predict_hist, reads="table"),
}
