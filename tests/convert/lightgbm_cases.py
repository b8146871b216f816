"""LightGBM: objectives, ways of boosting, categories, missing values, and the forms in which a model is registered."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
from lightgbm import Booster, LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .cases import BITS, EXACT, ROWS, Case, Doubles, codes, numbers, values, with_category

QUIET = {"verbose": -1, "n_jobs": 1, "random_state": 3, "deterministic": True}
SMALL = {"n_estimators": 15, "num_leaves": 15, "min_child_samples": 5, "learning_rate": 0.2, **QUIET}
_IDENTITIES = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
BAGGED = {"bagging_freq": 1, "bagging_fraction": 0.7, "feature_fraction": 0.8}
# So few rows need encouragement to split on categories.
CATEGORIES = {"min_data_per_group": 5, "cat_smooth": 1.0, "cat_l2": 1.0}
SPARSE = {"zero_as_missing": True}
BLIND = {"use_missing": False}


def rows_for(*, category: bool, missing: bool) -> Doubles:
    return with_category(missing=missing) if category else numbers(missing=missing)


def regressor(objective: str = "regression", *, category: bool = False, missing: bool = False, **settings: Any) -> Case:
    """Return a case of a bare LGBMRegressor."""

    def fit() -> Any:
        rows = rows_for(category=category, missing=missing)
        positive = objective in ("poisson", "gamma", "tweedie")
        target = values(rows, positive=positive)
        if objective.startswith("cross_entropy"):
            target = 1 / (1 + np.exp(-target))
        model = LGBMRegressor(objective=objective, **{**SMALL, **(CATEGORIES if category else {}), **settings})
        return model.fit(rows, target, categorical_feature=[1] if category else "auto")

    return Case(_name(objective, category, missing, settings), fit, _tolerance(objective))


def classifier(
    count: int = 2, *, labels: object = None, category: bool = False, missing: bool = False, **settings: Any
) -> Case:
    """Return a case of a bare LGBMClassifier."""

    def fit() -> Any:
        rows = rows_for(category=category, missing=missing)
        named = np.arange(count) if labels is None else np.array(labels)
        model = LGBMClassifier(**{**SMALL, **(CATEGORIES if category else {}), **settings})
        return model.fit(rows, named[codes(rows, count)], categorical_feature=[1] if category else "auto")

    kind = f"{count} classes" if labels is None else f"classes {np.array(labels).dtype.kind}"
    return Case(_name(kind, category, missing, settings), fit, EXACT)


def booster(objective: str, *, category: bool = False, as_text: bool = False, **settings: Any) -> Case:
    """Return a case of a raw Booster, or of the Booster that its model text gives."""

    def fit() -> Any:
        rows = rows_for(category=category, missing=True)
        count = {"binary": 2, "multiclass": 3, "multiclassova": 3}.get(objective)
        target = values(rows) if count is None else codes(rows, count)
        parameters = {**SMALL, **(CATEGORIES if category else {}), "objective": objective, **settings}
        if count == 3:
            parameters["num_class"] = 3
        rounds = parameters.pop("n_estimators")
        table = lightgbm.Dataset(rows, target, categorical_feature=[1] if category else "auto", params=QUIET)
        trained = lightgbm.train(parameters, table, num_boost_round=rounds)
        return Booster(model_str=trained.model_to_string()) if as_text else trained

    return Case(
        _name(f"{'text' if as_text else 'booster'} {objective}", category, True, settings), fit, _tolerance(objective)
    )


def _tolerance(objective: str) -> float:
    return BITS if objective in _IDENTITIES else EXACT


def _name(kind: str, category: bool, missing: bool, settings: dict[str, Any]) -> str:
    flags = ["category"] * category + ["missing"] * missing
    return ", ".join([f"lightgbm {kind}", *flags, *(f"{key}={value}" for key, value in settings.items())])


def _ranker(objective: str) -> Case:
    def fit() -> Any:
        rows = numbers()
        model = LGBMRanker(objective=objective, **SMALL)
        return model.fit(rows, codes(rows, 4), group=[30] * (ROWS // 30))

    return Case(f"lightgbm ranker {objective}", fit)


def _stopped_early() -> Any:
    rows, target = numbers(), codes(numbers(), 2)
    model = LGBMClassifier(**{**SMALL, "n_estimators": 60, "learning_rate": 0.5})
    stop = lightgbm.early_stopping(3, verbose=False)
    model.fit(rows[:200], target[:200], eval_X=rows[200:], eval_y=target[200:], callbacks=[stop])
    if not 0 < model.best_iteration_ < 60:
        raise ValueError("the example does not stop early any more")
    return model


def _custom() -> Any:
    rows = numbers()
    return LGBMRegressor(objective=lambda truth, found: (found - truth, np.ones_like(truth)), **SMALL).fit(
        rows, values(rows)
    )


def _in_pipeline(model: Any, *steps: Any, count: int = 0) -> Any:
    rows = numbers(missing=True)
    return make_pipeline(*steps, model).fit(rows, codes(rows, count) if count else values(rows))


def _nothing_to_split() -> Any:
    return LGBMRegressor(**SMALL).fit(np.zeros((ROWS, 2)), values(numbers()))


CASES = (
    # Every objective, with and without what LightGBM treats in a way of its own.
    regressor(),
    regressor(missing=True, category=True),
    regressor("regression_l1", missing=True),
    regressor("huber"),
    regressor("fair", boosting_type="dart"),
    regressor("quantile", alpha=0.8, category=True),
    regressor("mape", missing=True),
    regressor("poisson"),
    regressor("gamma", boosting_type="dart", missing=True),
    regressor("tweedie", category=True),
    regressor("cross_entropy"),
    regressor("cross_entropy_lambda", missing=True),
    regressor(reg_sqrt=True),
    classifier(missing=True, category=True),
    classifier(4, missing=True),
    classifier(3, objective="multiclassova", category=True),
    classifier(sigmoid=2.5),
    classifier(3, objective="multiclassova", sigmoid=0.5),
    # Every way of boosting.
    *(
        case
        for way in (
            {"boosting_type": "dart", "drop_rate": 0.5},
            {"boosting_type": "rf", **BAGGED},
            {"data_sample_strategy": "goss"},
        )
        for case in (
            regressor(missing=True, **way),
            regressor("poisson", **way),
            classifier(category=True, **way),
            classifier(3, missing=True, **way),
        )
    ),
    # What is missing, and what zero means.
    *(
        case
        for rule in (SPARSE, BLIND)
        for case in (
            regressor(missing=True, **rule),
            regressor(missing=True, category=True, **rule),
            classifier(missing=True, **rule),
            classifier(3, category=True, **rule),
            regressor(missing=True, boosting_type="rf", **BAGGED, **rule),
        )
    ),
    # Labels of every kind.
    classifier(labels=["no", "yes"]),
    classifier(labels=[False, True], category=True),
    classifier(3, labels=[1.0, 2.0, 4.0]),
    classifier(labels=np.array([3, 9], dtype=np.int32)),
    classifier(3, labels=["b", "c", "ä"], missing=True),
    # As they are registered: raw, as text, within a pipeline.
    booster("regression"),
    booster("binary", category=True),
    booster("multiclass"),
    booster("regression", boosting="rf", **BAGGED),
    booster("binary", as_text=True, category=True),
    booster("multiclassova", as_text=True),
    booster("quantile", as_text=True, zero_as_missing=True),
    Case(
        "lightgbm scaled, 2 classes",
        lambda: _in_pipeline(LGBMClassifier(**SMALL), StandardScaler(), count=2),
        EXACT,
        None,
    ),
    Case(
        "lightgbm filled and scaled",
        lambda: _in_pipeline(LGBMRegressor(**SMALL), SimpleImputer(), StandardScaler()),
        in_float=None,
    ),
    _ranker("lambdarank"),
    _ranker("rank_xendcg"),
    Case("lightgbm stopped early", _stopped_early, EXACT),
    Case("lightgbm custom objective", _custom),
    Case("lightgbm nothing to split", _nothing_to_split),
    regressor(n_estimators=1),
    regressor(max_bin=1000, max_depth=12, num_leaves=100, min_child_samples=1),
    regressor(category=True, max_cat_to_onehot=100),
    regressor(extra_trees=True, monotone_constraints=[1, 0, 0, 0, 0]),
)
