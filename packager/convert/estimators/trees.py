"""scikit-learn's tree ensembles: single trees, forests, gradient boosting, hist gradient boosting."""

from __future__ import annotations

from typing import Any

from packager.convert import links, scikit_trees
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, ask_one


def _class_of_largest(graph: Graph, features: str, model: Any) -> str:
    return links.first_largest(graph, ask_one(graph, model, "predict_proba", features), model.classes_)


def _predict_boosted(graph: Graph, features: str, model: Any) -> str:
    raw = ask_one(graph, model, "decision_function", features)
    if len(model.classes_) > 2:
        return links.first_largest(graph, raw, model.classes_)
    # GradientBoosting takes zero for the second class, HistGradientBoosting for the first.
    return links.by_sign(graph, raw, model.classes_, zero_is_positive=not hasattr(model, "_predictors"))


def _predict_proba_boosted(graph: Graph, features: str, model: Any) -> str:
    raw = ask_one(graph, model, "decision_function", features)
    if len(model.classes_) > 2:
        return graph.node("Softmax", raw, axis=1)
    scale = 2.0 if getattr(model, "loss", None) == "exponential" else 1.0
    return links.with_complement(graph, links.logistic(graph, raw, scale=scale))


def _predict_hist(graph: Graph, features: str, model: Any) -> str:
    raw = scikit_trees.emit_hist_gradient_boosting(graph, features, model)
    has_log_link = model.loss in ("poisson", "gamma")
    return graph.node("Exp", raw) if has_log_link else raw


_CLASSIFIER = Emitter(predict=_class_of_largest, predict_proba=scikit_trees.emit_forest)
_REGRESSOR = Emitter(predict=scikit_trees.emit_forest)

EMITTERS = {
    "sklearn.tree.DecisionTreeClassifier": _CLASSIFIER,
    "sklearn.tree.DecisionTreeRegressor": _REGRESSOR,
    "sklearn.tree.ExtraTreeClassifier": _CLASSIFIER,
    "sklearn.tree.ExtraTreeRegressor": _REGRESSOR,
    "sklearn.ensemble.RandomForestClassifier": _CLASSIFIER,
    "sklearn.ensemble.RandomForestRegressor": _REGRESSOR,
    "sklearn.ensemble.ExtraTreesClassifier": _CLASSIFIER,
    "sklearn.ensemble.ExtraTreesRegressor": _REGRESSOR,
    "sklearn.ensemble.GradientBoostingClassifier": Emitter(
        _predict_boosted, _predict_proba_boosted, scikit_trees.emit_gradient_boosting
    ),
    "sklearn.ensemble.GradientBoostingRegressor": Emitter(predict=scikit_trees.emit_gradient_boosting),
    "sklearn.ensemble.HistGradientBoostingClassifier": Emitter(
        _predict_boosted, _predict_proba_boosted, scikit_trees.emit_hist_gradient_boosting
    ),
    "sklearn.ensemble.HistGradientBoostingRegressor": Emitter(predict=_predict_hist),
}
