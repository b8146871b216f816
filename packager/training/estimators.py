"""Look into a fitted estimator: what it holds, what it is for, what it was fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.artifact import Task


def nested_estimators(model: Any) -> list[Any]:
    """Return the estimator and every estimator that it holds, depth first, each once."""
    found: dict[int, Any] = {}

    def visit(estimator: Any) -> None:
        if id(estimator) not in found:
            found[id(estimator)] = estimator
            for inner in held_estimators(estimator).values():
                visit(inner)

    visit(model)
    return list(found.values())


def held_estimators(model: Any) -> dict[int, Any]:
    """Return the estimators that a model holds itself, in its attributes and lists of them, by their identity."""
    from sklearn.base import BaseEstimator
    from sklearn.calibration import _CalibratedClassifier

    found: dict[int, Any] = {}

    def visit(value: Any) -> None:
        if isinstance(value, BaseEstimator):
            found[id(value)] = value
        elif isinstance(value, _CalibratedClassifier):  # it holds estimators without being one
            visit(value.estimator)
            visit(value.calibrators)
        elif isinstance(value, dict):
            for inner in value.values():
                visit(inner)
        elif isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype == object):
            for inner in np.ravel(value) if isinstance(value, np.ndarray) else value:
                visit(inner)

    if isinstance(model, BaseEstimator):
        visit(list(vars(model).values()))
    return found


def step_tree(model: Any) -> tuple[str, ...]:
    """Return the estimator tree, one class name a line, indented by depth; the members of an ensemble are counted."""
    lines: list[str] = []

    def visit(value: Any, depth: int, label: str) -> None:
        members = getattr(value, "estimators_", None)
        count = f" ({np.size(members)} trees)" if members is not None and hasattr(value, "max_depth") else ""
        lines.append(f"{'  ' * depth}{label}{type(value).__name__}{count}")
        for name, inner in () if count else _steps(value):
            visit(inner, depth + 1, f"{name}: ")

    visit(model, 0, "")
    return tuple(lines)


def _steps(model: Any) -> list[tuple[str, Any]]:
    for attribute in ("steps", "transformers_", "transformer_list"):
        steps = getattr(model, attribute, None)
        if steps is not None:
            return [(str(step[0]), step[1]) for step in steps if hasattr(step[1], "get_params")]
    for attribute in ("best_estimator_", "estimator_", "regressor_", "calibrated_classifiers_"):
        inner = getattr(model, attribute, None)
        if inner is not None and hasattr(inner, "get_params"):
            return [(attribute.rstrip("_"), inner)]
    named = getattr(model, "named_estimators_", None)
    return [(str(name), inner) for name, inner in named.items()] if named else []


def task_of(model: Any) -> Task:
    """Tell what the model answers: labels, numbers, or transformed columns."""
    from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

    if not hasattr(model, "get_params"):  # a raw Booster
        return "regressor"
    if is_classifier(model) or ((is_clusterer(model) or is_outlier_detector(model)) and hasattr(model, "predict")):
        return "classifier"
    if is_regressor(model) or hasattr(model, "predict"):
        return "regressor"
    return "transformer"


def is_fitted(model: Any) -> bool:
    """Tell whether the model was fitted, by scikit-learn's own rule."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not hasattr(model, "get_params"):
        return True
    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True


def unfitted_steps(model: Any) -> list[str]:
    """Return the steps within a model that were never fitted, as `name (class)`; only of classes that surely tell."""
    return [f"{name} ({type(step).__name__})" for name, step in _named_steps(model) if not _is_sound(step)]


def _is_sound(step: Any) -> bool:
    return is_foreign(step) or (is_fitted(step) and not unfitted_steps(step))


def _named_steps(model: Any) -> list[tuple[str, Any]]:
    named = getattr(model, "steps", None) or getattr(model, "transformer_list", None) or []
    return [(str(name), step) for name, step in named if hasattr(step, "get_params")]


def own_feature_names(model: Any) -> tuple[str, ...] | None:
    """Return the column names that the model was fitted on, or None when it was fitted on bare arrays."""
    names = names_in(model)
    if names is None and hasattr(model, "feature_name"):  # a raw Booster
        names = model.feature_name()
    if names is None:
        return None
    generated = all(str(name) == f"Column_{index}" for index, name in enumerate(names))  # LightGBM's for bare arrays
    return None if generated else tuple(str(name) for name in names)


def names_in(model: Any) -> Any:
    """Return the names as scikit-learn keeps them, None where there are none; behind idle steps those of the next."""
    names = getattr(model, "feature_names_in_", None)
    if names is None and hasattr(model, "steps") and not hasattr(model.steps[0][1], "get_params"):
        return next((names_in(step) for _, step in model.steps if hasattr(step, "get_params")), None)
    return names


def feature_count(model: Any) -> int | None:
    """Return how many columns the model takes, or None when it does not say."""
    if hasattr(model, "num_feature"):
        return int(model.num_feature())
    count = getattr(model, "n_features_in_", None)
    if count is None and hasattr(model, "steps") and not hasattr(model.steps[0][1], "get_params"):
        # A pipeline asks its first step, which may be idle.
        return next((feature_count(step) for _, step in model.steps if hasattr(step, "get_params")), None)
    if count is None and hasattr(model, "steps") and is_foreign(model.steps[0][1]):
        # A step of one's own often counts nothing. What the next step counted is tried, and the model has to take it.
        return next((found for _, step in model.steps[1:] if (found := feature_count(step)) is not None), None)
    return None if count is None else int(count)


def is_foreign(step: Any) -> bool:
    """Tell whether a step's class is neither scikit-learn's nor LightGBM's."""
    return type(step).__module__.partition(".")[0] not in ("sklearn", "lightgbm", "builtins")


def run_single_threaded(model: Any) -> None:
    """Make every part predict in one thread: sums then run in the model's own order, the same in every run.

    So does linear algebra, in this whole process: on small batches its threads mostly wait for each other.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
    for estimator in nested_estimators(model):
        if getattr(estimator, "n_jobs", None) is not None:
            estimator.n_jobs = 1
