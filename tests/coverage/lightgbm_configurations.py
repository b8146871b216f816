"""LightGBM: objective x way of boosting x categories x missing cells x form, and its rarer settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer, StandardScaler

from .case import LIGHTGBM, Case, Fitted
from .lightgbm_data import (
    booster,
    estimator,
    in_pipeline,
    near_zero,
    number_categories,
    own_objective,
    pandas_table,
    ranker,
    stopped_early,
    zero_split,
)

BAGGED: dict[str, Any] = {"bagging_freq": 1, "bagging_fraction": 0.7, "feature_fraction": 0.8}
WAYS: dict[str, dict[str, Any]] = {
    "dart": {"boosting_type": "dart", "drop_rate": 0.5},
    "forest": {"boosting_type": "rf", **BAGGED},
    "goss": {"data_sample_strategy": "goss"},
}
OBJECTIVES = (
    "regression",
    "regression_l1",
    "huber",
    "fair",
    "quantile",
    "mape",
    "poisson",
    "gamma",
    "tweedie",
    "cross_entropy",
    "cross_entropy_lambda",
    "binary",
    "multiclass",
    "multiclassova",
)
_SHORT = ("regression", "poisson", "binary", "multiclass", "multiclassova")
_CELLS = {"missing": {"missing": True}, "categories": {"category": True}, "both": {"missing": True, "category": True}}

_PLAIN: dict[str, Callable[[], Fitted]] = {
    **{objective: estimator(objective) for objective in OBJECTIVES},
    **{f"{objective}, missing": estimator(objective, missing=True) for objective in OBJECTIVES},
    **{
        f"{objective}, categories and missing": estimator(objective, category=True, missing=True)
        for objective in ("regression", "quantile", "gamma", "binary", "multiclass", "multiclassova")
    },
    **{
        f"{objective}, {way}": estimator(objective, missing=True, category=way != "goss", **settings)
        for objective in (*_SHORT, "regression_l1")
        for way, settings in WAYS.items()
    },
}

_CELL_RULES: dict[str, Callable[[], Fitted]] = {
    f"{objective}, {rule}, {cells}": estimator(objective, **settings, **given)
    for objective in ("regression", "binary", "multiclass")
    for rule, settings in (("zero is missing", {"zero_as_missing": True}), ("missing unused", {"use_missing": False}))
    for cells, given in _CELLS.items()
}

_LINEAR: dict[str, Callable[[], Fitted]] = {
    f"linear trees, {objective}{', missing' if missing else ''}": estimator(
        objective, missing=missing, linear_tree=True
    )
    for objective in ("regression", "binary", "multiclass", "poisson")
    for missing in (False, True)
} | {"linear trees, booster": booster("regression", linear_tree=True, linear_lambda=0.1)}

_FORMS: dict[str, Callable[[], Fitted]] = {
    **{
        f"booster, {objective}": booster(objective, missing=True, category=objective in ("binary", "multiclass"))
        for objective in (*_SHORT, "quantile", "cross_entropy")
    },
    **{
        f"model text, {objective}": booster(objective, missing=True, category=True, as_text=True)
        for objective in (*_SHORT, "tweedie")
    },
    "booster, forest": booster("regression", boosting="rf", **BAGGED),
    "booster, binary forest": booster("binary", boosting="rf", **BAGGED),
    "model text, dart": booster("binary", boosting="dart", as_text=True),
    "model text, zero is missing": booster("regression", missing=True, zero_as_missing=True, as_text=True),
    **{
        f"pandas categories, {objective}{', missing' if missing else ''}": pandas_table(objective, missing=missing)
        for objective in ("regression", "binary", "multiclass")
        for missing in (False, True)
    },
    "pandas categories, booster": pandas_table("binary", form="booster"),
    "pandas categories, model text": pandas_table("multiclass", missing=True, form="text"),
    "pandas categories of numbers": number_categories(missing=False),
    "pandas categories of numbers, missing": number_categories(missing=True),
    "pandas categories, one against rest": pandas_table("regression", max_cat_to_onehot=10),
    "behind scaling, binary": in_pipeline("binary", StandardScaler()),
    "behind scaling, missing, regression": in_pipeline("regression", StandardScaler(), missing=True),
    "behind min-max, multiclass": in_pipeline("multiclass", MinMaxScaler()),
    "behind filling and scaling, regression": in_pipeline(
        "regression", SimpleImputer(), StandardScaler(), missing=True
    ),
    "behind filling with indicator, binary": in_pipeline("binary", SimpleImputer(add_indicator=True), missing=True),
    "behind quantiles, binary": in_pipeline("binary", QuantileTransformer(n_quantiles=30)),
    "behind scaling, zero is missing": in_pipeline("regression", StandardScaler(), zero_as_missing=True),
}

_SETTINGS: dict[str, Callable[[], Fitted]] = {
    "ranker, lambdarank": ranker("lambdarank"),
    "ranker, xendcg, categories, missing": ranker("rank_xendcg", category=True, missing=True),
    "ranker, dart": ranker("lambdarank", boosting_type="dart"),
    "stopped early, two classes": stopped_early("classes"),
    "stopped early, three classes": stopped_early("three classes"),
    "stopped early, booster": stopped_early("booster"),
    "own objective, value": own_objective("value"),
    "own objective, booster": own_objective("booster"),
    "own objective, classes": own_objective("classes"),
    "own objective, three classes": own_objective("three classes"),
    "one class": estimator("binary", names=["only"]),
    "linear trees, categories": estimator("regression", category=True, missing=True, linear_tree=True),
    "linear trees, dart": estimator("binary", missing=True, linear_tree=True, **WAYS["dart"]),
    "linear trees, forest": estimator("binary", missing=True, linear_tree=True, **WAYS["forest"]),
    "stops within the trees": estimator("binary", pred_early_stop=True, pred_early_stop_freq=2),
    "sigmoid 2.5": estimator("binary", sigmoid=2.5),
    "sigmoid 0.5, one against rest": estimator("multiclassova", sigmoid=0.5),
    "square root": estimator("regression", reg_sqrt=True),
    "square root, booster": booster("regression", reg_sqrt=True),
    "unbalanced": estimator("binary", is_unbalance=True),
    "weighted positives": estimator("binary", scale_pos_weight=30.0),
    "text labels": estimator("binary", names=["no", "yes"]),
    "three text labels": estimator("multiclass", names=["b", "a", "ü"]),
    "boolean labels": estimator("binary", names=[False, True], category=True),
    "float labels": estimator("multiclass", names=[1.0, 2.0, 4.0]),
    "negative labels": estimator("binary", names=[-1, 1]),
    "large labels": estimator("multiclass", names=[1, 2**33, 2**53 + 1]),
    "one tree": estimator("regression", n_estimators=1),
    "one leaf": zero_split,
    "deep, many bins": estimator("regression", max_bin=1000, num_leaves=60, min_child_samples=1),
    "categories, one against rest": estimator("binary", category=True, max_cat_to_onehot=100),
    "extra trees": estimator("regression", extra_trees=True),
    "monotone": estimator("regression", monotone_constraints=[1, 0, -1, 0, 0]),
    "around zero": near_zero(),
    "around zero, zero is missing": near_zero(zero_as_missing=True),
    "no start value": estimator("binary", boost_from_average=False),
}

CASES = tuple(
    Case(f"LightGBM {name}", "lightgbm", LIGHTGBM, make)
    for table in (_PLAIN, _CELL_RULES, _LINEAR, _FORMS, _SETTINGS)
    for name, make in table.items()
)
