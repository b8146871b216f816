"""LightGBM models in every form in which they are registered: estimators, raw Boosters, model text, pipelines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
from lightgbm import Booster, LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.pipeline import make_pipeline

from .case import Fitted
from .data import Sample, Target, classes, frame, unlike, value, with_codes

QUIET: dict[str, Any] = {"verbose": -1, "n_jobs": 1, "random_state": 3, "deterministic": True, "force_row_wise": True}
SMALL: dict[str, Any] = {"n_estimators": 10, "num_leaves": 12, "min_child_samples": 5, "learning_rate": 0.2, **QUIET}
# So few rows need encouragement to split on categories.
CATEGORIES: dict[str, Any] = {"min_data_per_group": 4, "cat_smooth": 1.0, "cat_l2": 1.0}
CODES = [1, 4]
_POSITIVE = ("poisson", "gamma", "tweedie")
_CLASSES = {"binary": 2, "multiclass": 3, "multiclassova": 3}


def rows_for(*, category: bool, missing: bool) -> Sample:
    share = 0.12 if missing else 0.0
    return with_codes(missing=share) if category else unlike(missing=share)


def target_for(objective: str) -> Target:
    """Return a target that the objective takes."""
    if objective in _CLASSES:
        return classes(_CLASSES[objective])
    if objective.startswith("cross_entropy"):
        return lambda rows: 1 / (1 + np.exp(-value()(rows)))
    return value(above_zero=objective in _POSITIVE)


def estimator(
    objective: str, *, category: bool = False, missing: bool = False, names: Any = None, **settings: Any
) -> Callable[[], Fitted]:
    """Return a function that fits an estimator of scikit-learn's kind."""
    sample = rows_for(category=category, missing=missing)
    target = target_for(objective) if names is None else classes(names=names)

    def make() -> Fitted:
        kind = LGBMClassifier if objective in _CLASSES else LGBMRegressor
        model = kind(objective=objective, **{**SMALL, **(CATEGORIES if category else {}), **settings})
        rows = sample(0)
        model.fit(rows, target(rows), categorical_feature=CODES if category else "auto")
        return Fitted(model, sample(1))

    return make


def booster(
    objective: str, *, category: bool = False, missing: bool = False, as_text: bool = False, **settings: Any
) -> Callable[[], Fitted]:
    """Return a function that trains a raw Booster, or one that is read from its model text."""
    sample = rows_for(category=category, missing=missing)

    def make() -> Fitted:
        rows = sample(0)
        parameters = {**SMALL, **(CATEGORIES if category else {}), "objective": objective, **settings}
        if _CLASSES.get(objective, 2) > 2:
            parameters["num_class"] = _CLASSES[objective]
        rounds = parameters.pop("n_estimators")
        table = lightgbm.Dataset(
            rows, target_for(objective)(rows), categorical_feature=CODES if category else "auto", params=QUIET
        )
        trained = lightgbm.train(parameters, table, num_boost_round=rounds)
        return Fitted(Booster(model_str=trained.model_to_string()) if as_text else trained, sample(1))

    return make


def in_pipeline(objective: str, *steps: Any, missing: bool = False, **settings: Any) -> Callable[[], Fitted]:
    """Return a function that fits an estimator behind steps."""
    sample = unlike(missing=0.12 if missing else 0.0)

    def make() -> Fitted:
        kind = LGBMClassifier if objective in _CLASSES else LGBMRegressor
        rows = sample(0)
        model = make_pipeline(*steps, kind(objective=objective, **{**SMALL, **settings}))
        return Fitted(model.fit(rows, target_for(objective)(rows)), sample(1))

    return make


def pandas_table(
    objective: str, *, missing: bool = False, form: str = "estimator", **settings: Any
) -> Callable[[], Fitted]:
    """Return a function that fits on a table with pandas category columns of text."""
    sample = frame(categories=True, missing=missing)

    def make() -> Fitted:
        rows = sample(0)
        if form == "estimator":
            kind = LGBMClassifier if objective in _CLASSES else LGBMRegressor
            model = kind(objective=objective, **{**SMALL, **CATEGORIES, **settings})
            return Fitted(model.fit(rows, target_for(objective)(rows)), sample(1))
        parameters = {**SMALL, **CATEGORIES, "objective": objective, **settings}
        rounds = parameters.pop("n_estimators")
        if _CLASSES.get(objective, 2) > 2:
            parameters["num_class"] = _CLASSES[objective]
        table = lightgbm.Dataset(rows, target_for(objective)(rows), params=QUIET)
        trained = lightgbm.train(parameters, table, num_boost_round=rounds)
        return Fitted(Booster(model_str=trained.model_to_string()) if form == "text" else trained, sample(1))

    return make


def number_categories(*, missing: bool) -> Callable[[], Fitted]:
    """Return a function that fits on a table whose category columns hold whole numbers and truth."""

    def draw(seed: int) -> Any:
        import pandas

        table = frame(text=False, missing=missing)(seed)
        table["count"] = pandas.Categorical(table["count"].astype(int) * 10, categories=[60, 0, 10, 20, 30, 40, 50])
        table["member"] = pandas.Categorical(table["member"], categories=[True, False])
        return table

    def make() -> Fitted:
        rows = draw(0)
        model = LGBMClassifier(**{**SMALL, **CATEGORIES})
        return Fitted(model.fit(rows, classes(2)(rows)), draw(1))

    return make


def stopped_early(kind: str) -> Callable[[], Fitted]:
    """Return a function that trains with a validation set and stops before the last round."""
    settings = {**SMALL, "n_estimators": 80, "learning_rate": 0.5}
    stop = lightgbm.early_stopping(3, verbose=False)

    def make() -> Fitted:
        rows, other = unlike()(0), unlike()(4)
        if kind == "booster":
            rounds = settings["n_estimators"]
            parameters = {key: given for key, given in settings.items() if key != "n_estimators"}
            table = lightgbm.Dataset(rows, value()(rows), params=QUIET)
            valid = lightgbm.Dataset(other, value()(other), reference=table)
            model: Any = lightgbm.train(
                {**parameters, "objective": "regression"}, table, rounds, valid_sets=[valid], callbacks=[stop]
            )
            best = model.best_iteration
        else:
            target = classes({"classes": 2, "three classes": 3}[kind])
            model = LGBMClassifier(**settings)
            model.fit(rows, target(rows), eval_set=[(other, target(other))], callbacks=[stop])
            best = model.best_iteration_
        if not 0 < best < 80:
            raise ValueError("the example does not stop early any more")
        return Fitted(model, unlike()(1))

    return make


def ranker(objective: str, *, category: bool = False, missing: bool = False, **settings: Any) -> Callable[[], Fitted]:
    """Return a function that fits a ranker."""
    sample = rows_for(category=category, missing=missing)

    def make() -> Fitted:
        rows = sample(0)
        model = LGBMRanker(objective=objective, **{**SMALL, **(CATEGORIES if category else {}), **settings})
        model.fit(rows, classes(4)(rows), group=[20] * 8, categorical_feature=CODES if category else "auto")
        return Fitted(model, sample(1))

    return make


def _squares(truth: Any, found: Any) -> Any:
    return found - truth, np.ones_like(truth)


def _logistic(truth: Any, found: Any) -> Any:
    share = 1 / (1 + np.exp(-found))
    return share - truth, share * (1 - share)


def _softmax(truth: Any, found: Any) -> Any:
    share = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)
    return share - np.eye(found.shape[1])[truth.astype(int)], 2 * share * (1 - share)


def own_objective(kind: str) -> Callable[[], Fitted]:
    """Return a function that trains on an objective of one's own, whose answers are raw scores."""

    def make() -> Fitted:
        rows = unlike()(0)
        if kind == "booster":
            parameters = {key: given for key, given in SMALL.items() if key != "n_estimators"}
            table = lightgbm.Dataset(rows, value()(rows), params=QUIET)
            model: Any = lightgbm.train(
                {**parameters, "objective": lambda found, data: _squares(data.get_label(), found)}, table, 8
            )
        elif kind == "classes":
            model = LGBMClassifier(**{**SMALL, "objective": _logistic}).fit(rows, classes(2)(rows))
        elif kind == "three classes":
            model = LGBMClassifier(**{**SMALL, "objective": _softmax}).fit(rows, classes(3)(rows))
        else:
            model = LGBMRegressor(**{**SMALL, "objective": _squares}).fit(rows, value()(rows))
        return Fitted(model, unlike()(1))

    return make


def zero_split() -> Fitted:
    """Fit where nothing can be split."""
    rows = np.zeros((160, 3))
    return Fitted(LGBMRegressor(**SMALL).fit(rows, value()(unlike()(0))), np.zeros((20, 3)))


def near_zero(**settings: Any) -> Callable[[], Fitted]:
    """Return a function that fits on numbers around 0, some as small as LightGBM reads as 0."""

    def draw(seed: int) -> Any:
        rows = unlike()(seed)
        random = np.random.default_rng(seed)
        rows[:, 0] = random.choice([-1.0, -1e-20, -1e-36, 0.0, 1e-36, 1e-20, 1.0], len(rows))
        rows[:, 3] = random.normal(size=len(rows)) * 1e-34
        return rows

    def make() -> Fitted:
        rows = draw(0)
        return Fitted(LGBMRegressor(**{**SMALL, **settings}).fit(rows, value()(rows)), draw(1))

    return make
