"""The table of estimators that we emit ourselves, because the stock converters answer differently for some row.

One row: the class by its full name, what it answers, and the function that adds it to a graph. Everything else goes
through skl2onnx's own converters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from packager.convert import imputer, lightgbm, linear, links, preprocessing, scikit_trees
from packager.convert.graph import Graph

Answer = Literal["label and probability", "value"]
Emit = Callable[[Graph, str, Any], tuple[str, ...]]


@dataclass(frozen=True)
class Emitter:
    """`add(graph, features, model)` returns the tensors in the order that `answer` names.

    `width(model)` is the number of values a row of a value answer.
    """

    answer: Answer
    add: Emit
    width: Callable[[Any], int] = lambda model: 1

    def emit(self, graph: Graph, features: str, model: Any) -> tuple[str, ...]:
        """Add the model to the graph; UnsupportedModel, which names the estimator, where it has no exact form."""
        try:
            return self.add(graph, features, model)
        except lightgbm.UnsupportedModel as error:
            raise lightgbm.UnsupportedModel(f"{type(model).__name__}: {error}") from error


def _forest_classifier(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
    probability = scikit_trees.emit_forest(graph, features, model)
    return links.first_largest(graph, probability, model.classes_), probability


def _forest_regressor(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
    return (scikit_trees.emit_forest(graph, features, model),)


def _gradient_boosting_classifier(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
    raw = scikit_trees.emit_gradient_boosting(graph, features, model)
    return scikit_trees.emit_boosted_classes(graph, raw, model, zero_is_positive=True)


def _gradient_boosting_regressor(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
    return (scikit_trees.emit_gradient_boosting(graph, features, model),)


def _hist_gradient_boosting_classifier(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
    raw = scikit_trees.emit_hist_gradient_boosting(graph, features, model)
    return scikit_trees.emit_boosted_classes(graph, raw, model, zero_is_positive=False)


def _hist_gradient_boosting_regressor(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
    raw = scikit_trees.emit_hist_gradient_boosting(graph, features, model)
    has_log_link = model.loss in ("poisson", "gamma")
    return (graph.node("Exp", raw) if has_log_link else raw,)


def _lightgbm_prediction(graph: Graph, features: str, model: Any) -> tuple[lightgbm.LightgbmModel, str]:
    booster = getattr(model, "booster_", model)
    parsed = lightgbm.parse(booster.model_to_string(importance_type="split"))
    raw = lightgbm.emit_raw_score(graph, features, parsed)
    return parsed, lightgbm.emit_prediction(graph, raw, parsed)


def _lightgbm_value(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
    return (_lightgbm_prediction(graph, features, model)[1],)


def _lightgbm_classifier(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
    parsed, prediction = _lightgbm_prediction(graph, features, model)
    if parsed.objective in ("custom", "none"):
        raise lightgbm.UnsupportedModel("a classifier with an objective of its own states raw scores, not classes")
    probability = links.with_complement(graph, prediction) if parsed.trees_per_iteration == 1 else prediction
    if len(model.classes_) == 1:
        raise lightgbm.UnsupportedModel("a classifier that has seen one class only has nothing to choose from")
    return links.first_largest(graph, probability, np.asarray(model.classes_)), probability


def _simple_imputer(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
    return (imputer.emit_simple_imputer(graph, features, model),)


def _one(emit: Callable[[Graph, str, Any], str]) -> Emit:
    """Return the emitter of a step with one output."""
    return lambda graph, features, model: (emit(graph, features, model),)


def _refused(reason: str) -> Emit:
    """Return the emitter of a model whose stock conversion answers otherwise without a warning."""

    def refuse(graph: Graph, features: str, model: Any) -> tuple[str, ...]:
        raise lightgbm.UnsupportedModel(reason)

    return refuse


def _outputs(model: Any) -> int:
    return int(model.n_outputs_)


_CLASSES: Answer
_VALUE: Answer
_CLASSES, _VALUE = "label and probability", "value"

EMITTERS: dict[str, Emitter] = {
    "sklearn.tree.DecisionTreeClassifier": Emitter(_CLASSES, _forest_classifier),
    "sklearn.tree.DecisionTreeRegressor": Emitter(_VALUE, _forest_regressor, _outputs),
    "sklearn.tree.ExtraTreeClassifier": Emitter(_CLASSES, _forest_classifier),
    "sklearn.tree.ExtraTreeRegressor": Emitter(_VALUE, _forest_regressor, _outputs),
    "sklearn.ensemble.RandomForestClassifier": Emitter(_CLASSES, _forest_classifier),
    "sklearn.ensemble.RandomForestRegressor": Emitter(_VALUE, _forest_regressor, _outputs),
    "sklearn.ensemble.ExtraTreesClassifier": Emitter(_CLASSES, _forest_classifier),
    "sklearn.ensemble.ExtraTreesRegressor": Emitter(_VALUE, _forest_regressor, _outputs),
    "sklearn.ensemble.GradientBoostingClassifier": Emitter(_CLASSES, _gradient_boosting_classifier),
    "sklearn.ensemble.GradientBoostingRegressor": Emitter(_VALUE, _gradient_boosting_regressor),
    "sklearn.ensemble.HistGradientBoostingClassifier": Emitter(_CLASSES, _hist_gradient_boosting_classifier),
    "sklearn.ensemble.HistGradientBoostingRegressor": Emitter(_VALUE, _hist_gradient_boosting_regressor),
    "lightgbm.LGBMClassifier": Emitter(_CLASSES, _lightgbm_classifier),
    "lightgbm.LGBMRegressor": Emitter(_VALUE, _lightgbm_value),
    "lightgbm.LGBMRanker": Emitter(_VALUE, _lightgbm_value),
    "lightgbm.Booster": Emitter(_VALUE, _lightgbm_value, lambda model: int(model.num_model_per_iteration())),
    "sklearn.svm.LinearSVC": Emitter(_CLASSES, linear.emit_linear_decision),
    "sklearn.linear_model.RidgeClassifier": Emitter(_CLASSES, linear.emit_linear_decision),
    "sklearn.linear_model.RidgeClassifierCV": Emitter(_CLASSES, linear.emit_linear_decision),
    "sklearn.linear_model.Perceptron": Emitter(_CLASSES, linear.emit_linear_decision),
    "sklearn.model_selection.TunedThresholdClassifierCV": Emitter(
        _CLASSES, _refused("its tuned threshold has no exact form yet")
    ),
    "sklearn.preprocessing.Binarizer": Emitter(
        _VALUE, _one(preprocessing.emit_binarizer), lambda model: int(model.n_features_in_)
    ),
    "sklearn.preprocessing.KBinsDiscretizer": Emitter(_VALUE, _one(preprocessing.emit_bins), preprocessing.bins_width),
    "sklearn.preprocessing.PolynomialFeatures": Emitter(
        _VALUE, _one(preprocessing.emit_polynomials), lambda model: int(model.n_output_features_)
    ),
    "sklearn.impute.SimpleImputer": Emitter(_VALUE, _simple_imputer, lambda model: len(model.statistics_)),
}
