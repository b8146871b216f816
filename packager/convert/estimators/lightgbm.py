"""LightGBM's estimators and raw Boosters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from packager.convert import lightgbm_text
from packager.convert.arithmetic import links
from packager.convert.categories import encode_categories
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Rows, UnsupportedModel, ask_one, numbers, scalar
from packager.convert.limits import check_trees_fit
from packager.training.categories import pandas_categories

# Objectives that take pred_early_stop at their word: the others need every tree.
_STOPS_EARLY = frozenset({"binary", "multiclass", "multiclassova", "lambdarank", "rank_xendcg"})
# The objective, under all of its names, whose probabilities are one logistic per class.
_SHARES_APART = frozenset({"multiclassova", "multiclass_ova", "ova", "ovr"})


def _predict_value(graph: Graph, rows: Rows, model: Any) -> str:
    """Return what `Booster.predict` answers, of shape [rows, trees per iteration]."""
    parsed = _parsed(graph, model)
    return lightgbm_text.emit_prediction(graph, _raw(graph, rows, model, parsed), parsed)


def _decision(graph: Graph, rows: Rows, model: Any) -> str:
    """Return raw scores, of shape [rows, trees per iteration]; LightGBM does not average these."""
    return _raw(graph, rows, model, replace(_parsed(graph, model), average=False))


def _parsed(graph: Graph, model: Any) -> lightgbm_text.LightgbmModel:
    booster = getattr(model, "booster_", model)
    text = booster.model_to_string(importance_type="split")
    n_leaves, n_trees = lightgbm_text.count_leaves(text)
    check_trees_fit(model, graph.dtype, n_splits=n_leaves - n_trees, n_leaves=n_leaves)
    parsed = lightgbm_text.parse(text)
    if parsed.objective in _STOPS_EARLY and hasattr(model, "get_params") and model.get_params().get("pred_early_stop"):
        raise UnsupportedModel("pred_early_stop=True leaves trees out where it is sure; train without it")
    return parsed


def _raw(graph: Graph, rows: Rows, model: Any, parsed: lightgbm_text.LightgbmModel) -> str:
    features = numbers(graph, encode_categories(graph, rows, pandas_categories(model)))
    return lightgbm_text.emit_raw_score(graph, features, parsed)


def _predict_proba(graph: Graph, rows: Rows, model: Any) -> str:
    """Return probabilities, [rows, classes]; with an objective of one's own raw scores, as LightGBM does."""
    prediction = _predict_value(graph, rows, model)
    if callable(model.objective_):
        return prediction
    is_binary = model.booster_.num_model_per_iteration() == 1
    return links.with_complement(graph, prediction) if is_binary else prediction


def _predict_class(graph: Graph, rows: Rows, model: Any) -> str:
    answer = ask_one(graph, model, "predict_proba", rows)
    if callable(model.objective_):
        return answer if model.booster_.num_model_per_iteration() > 1 else links.flat(graph, answer)
    if str(model.objective_) in _SHARES_APART:
        # Of infinite cells linear leaves may make NaN for some classes, and numpy takes the first NaN for the largest.
        answer = graph.node("Where", graph.node("IsNaN", answer), scalar(graph, 2), answer)
    classes = np.asarray(model.classes_)
    return links.first_largest(graph, answer, np.repeat(classes, 2) if len(classes) == 1 else classes)


EMITTERS = {
    "lightgbm.LGBMClassifier": Emitter(_predict_class, _predict_proba, _decision, reads="table"),
    "lightgbm.LGBMRegressor": Emitter(_predict_value, reads="table"),
    "lightgbm.LGBMRanker": Emitter(_predict_value, reads="table"),
    "lightgbm.Booster": Emitter(_predict_value, reads="table"),
}
