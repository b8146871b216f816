"""Estimators that pass every question on to the one that they hold: searches, frozen and self-trained models."""

from __future__ import annotations

from packager.convert.arithmetic.responses import wrapping

_SEARCHES = ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")

EMITTERS = {
    **{f"sklearn.model_selection.{name}": wrapping(lambda model: model.best_estimator_) for name in _SEARCHES},
    "sklearn.frozen.FrozenEstimator": wrapping(lambda model: model.estimator),
    "sklearn.semi_supervised.SelfTrainingClassifier": wrapping(lambda model: model.estimator_),
}
