"""LightGBM's estimators and raw Boosters."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert import lightgbm_text, links
from packager.convert.categories import encode_categories
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Rows, UnsupportedModel, ask_one, numbers
from packager.training.categories import pandas_categories


def _predict_value(graph: Graph, rows: Rows, model: Any) -> str:
    """Return what `Booster.predict` answers, of shape [rows, trees per iteration]."""
    booster = getattr(model, "booster_", model)
    parsed = lightgbm_text.parse(booster.model_to_string(importance_type="split"))
    features = numbers(graph, encode_categories(graph, rows, pandas_categories(model)))
    raw = lightgbm_text.emit_raw_score(graph, features, parsed)
    return lightgbm_text.emit_prediction(graph, raw, parsed)


def _predict_proba(graph: Graph, rows: Rows, model: Any) -> str:
    if str(model.booster_.params.get("objective", model.objective_)) in ("custom", "none") or callable(model.objective_):
        raise UnsupportedModel("a classifier with an objective of its own states raw scores, not classes")
    if len(model.classes_) == 1:
        raise UnsupportedModel("a classifier that has seen one class only has nothing to choose from")
    prediction = _predict_value(graph, rows, model)
    is_binary = model.booster_.num_model_per_iteration() == 1
    return links.with_complement(graph, prediction) if is_binary else prediction


def _predict_class(graph: Graph, rows: Rows, model: Any) -> str:
    probability = ask_one(graph, model, "predict_proba", rows)
    return links.first_largest(graph, probability, np.asarray(model.classes_))


EMITTERS = {
    "lightgbm.LGBMClassifier": Emitter(_predict_class, _predict_proba, reads="table"),
    "lightgbm.LGBMRegressor": Emitter(_predict_value, reads="table"),
    "lightgbm.LGBMRanker": Emitter(_predict_value, reads="table"),
    "lightgbm.Booster": Emitter(_predict_value, reads="table"),
}
