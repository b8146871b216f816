"""scikit-learn: trees and boosting, pipelines around them, linear models and networks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from .cases import CLOSE, EXACT, ROWS, Case, Doubles, codes, numbers, values

SEED = 3
Fit = Callable[[], Any]


def classes(model: Any, count: int = 2, *, labels: object = None, missing: bool = False) -> Fit:
    """Return a function that fits a classifier of `count` classes, called `labels` in their order."""

    def fit() -> Any:
        rows = numbers(missing=missing)
        named = np.arange(count) if labels is None else np.array(labels)
        return _fitted(model, rows, named[codes(rows, count)])

    return fit


def value(model: Any, *, positive: bool = False, outputs: int = 1, missing: bool = False) -> Fit:
    """Return a function that fits a regressor of one or several `outputs`."""

    def fit() -> Any:
        rows = numbers(missing=missing)
        target = values(rows, positive=positive)
        several = np.stack([target * (i + 1) - i for i in range(outputs)], 1)
        return _fitted(model, rows, target if outputs == 1 else several)

    return fit


def _fitted(model: Any, rows: Doubles, target: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few steps make a network as good for this as many
        return model.fit(rows, target)


def forest(**settings: Any) -> RandomForestClassifier:
    return RandomForestClassifier(**{"n_estimators": 20, "max_depth": 6, "random_state": SEED, **settings})


def boosted(**settings: Any) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(n_estimators=15, random_state=SEED, **settings)


def boosted_value(**settings: Any) -> GradientBoostingRegressor:
    return GradientBoostingRegressor(n_estimators=15, random_state=SEED, **settings)


def hist(**settings: Any) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=12, min_samples_leaf=5, random_state=SEED, **settings)


def hist_value(**settings: Any) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(max_iter=12, min_samples_leaf=5, random_state=SEED, **settings)


def frame() -> pd.DataFrame:
    """Return rows by name, two of the columns text."""
    random = np.random.default_rng(9)
    table = pd.DataFrame(numbers(), columns=["amount", "count", "balance", "share", "age"])
    table["city"] = random.choice(["Bern", "Zürich", "東京"], ROWS)
    table["kind"] = random.choice(["a", "b", "c d"], ROWS)
    return table


def by_name(transformer: ColumnTransformer, model: Any, *, text: bool) -> Fit:
    """Return a function that fits a pipeline that picks its columns by name."""

    def fit() -> Any:
        table = frame() if text else frame().drop(columns=["city", "kind"])
        return make_pipeline(transformer, model).fit(table, codes(numbers(), 2))

    return fit


def numeric_columns() -> ColumnTransformer:
    return ColumnTransformer(
        [("scaled", StandardScaler(), ["share", "amount"]), ("filled", SimpleImputer(), ["balance", "age"])],
        remainder="passthrough",
    )


def text_columns(encoder: Any) -> ColumnTransformer:
    return ColumnTransformer(
        [("text", encoder, ["city", "kind"]), ("scaled", StandardScaler(), ["amount", "balance"])],
        remainder="passthrough",
    )


TREES = (
    Case("tree, three classes", classes(DecisionTreeClassifier(random_state=SEED), 3)),
    Case("tree, missing", classes(DecisionTreeClassifier(max_depth=5, random_state=SEED), missing=True)),
    Case("tree, one leaf", value(DecisionTreeRegressor(min_samples_leaf=ROWS))),
    Case("tree, two outputs", value(DecisionTreeRegressor(max_depth=5), outputs=2)),
    Case("extra tree, classes", classes(ExtraTreeClassifier(max_depth=5, random_state=SEED), 3)),
    Case("extra tree, value", value(ExtraTreeRegressor(max_depth=5, random_state=SEED))),
    Case("forest, text labels", classes(forest(), labels=["no", "yes"])),
    Case("forest, bool labels", classes(forest(), labels=[False, True])),
    Case("forest, float labels", classes(forest(), 3, labels=[1.0, 2.0, 4.0])),
    Case("forest, int labels", classes(forest(), 3, labels=[-7, 3, 2**40])),
    Case("forest, int32 labels", classes(forest(), labels=np.array([1, 2], dtype=np.int32))),
    Case("forest, uint8 labels", classes(forest(), labels=np.array([1, 2], dtype=np.uint8))),
    Case("forest, float32 labels", classes(forest(), labels=np.array([1, 2], dtype=np.float32))),
    Case("forest, ten classes", classes(forest(), 10)),
    Case("forest, one class", classes(forest(n_estimators=5), 1)),
    Case("forest, ties", classes(forest(n_estimators=4, max_depth=None, bootstrap=False, max_features=1))),
    Case("forest, missing", classes(forest(), missing=True)),
    Case("forest, weighted", classes(forest(class_weight="balanced", min_samples_leaf=4), 3)),
    Case("forest, value", value(RandomForestRegressor(20, random_state=SEED))),
    Case("forest, value, missing", value(RandomForestRegressor(20, max_depth=6, random_state=SEED), missing=True)),
    Case("forest, three outputs", value(RandomForestRegressor(15, max_depth=5, random_state=SEED), outputs=3)),
    Case("extra trees, classes", classes(ExtraTreesClassifier(15, max_depth=6, random_state=SEED), 3)),
    Case("extra trees, value", value(ExtraTreesRegressor(15, max_depth=6, random_state=SEED))),
    Case("extra trees, missing", classes(ExtraTreesClassifier(15, max_depth=5, random_state=SEED), missing=True)),
)

BOOSTING = (
    Case("boosting, two classes", classes(boosted(), labels=["no", "yes"]), EXACT),
    Case("boosting, exponential", classes(boosted(loss="exponential")), EXACT),
    Case("boosting, four classes", classes(boosted(), 4), EXACT),
    Case("boosting from zero", classes(boosted(init="zero")), EXACT),
    Case("boosting from zero, three classes", classes(boosted(init="zero", subsample=0.7), 3), EXACT),
    Case("boosting, value", value(boosted_value())),
    Case("boosting, absolute", value(boosted_value(loss="absolute_error"))),
    Case("boosting, huber", value(boosted_value(loss="huber"))),
    Case("boosting, quantile", value(boosted_value(loss="quantile", alpha=0.8))),
    Case("boosting, value from zero", value(boosted_value(init="zero", learning_rate=0.3))),
    Case("hist, two classes", classes(hist(), labels=[True, False][::-1]), EXACT),
    Case("hist, missing", classes(hist(), missing=True), EXACT),
    Case("hist, four classes, missing", classes(hist(), 4, missing=True), EXACT),
    Case("hist, value", value(hist_value())),
    Case("hist, value, missing", value(hist_value(), missing=True)),
    Case("hist, absolute", value(hist_value(loss="absolute_error"))),
    Case("hist, quantile", value(hist_value(loss="quantile", quantile=0.3))),
    Case("hist, poisson", value(hist_value(loss="poisson"), positive=True), EXACT),
    Case("hist, gamma, missing", value(hist_value(loss="gamma"), positive=True, missing=True), EXACT),
)

PIPELINES = (
    Case("scaled forest", classes(make_pipeline(StandardScaler(), forest())), in_float=None),
    Case("min-max, forest", classes(make_pipeline(MinMaxScaler((-1, 1)), forest()), 3), in_float=None),
    Case("clipped, forest", classes(make_pipeline(MinMaxScaler(clip=True), forest())), in_float=None),
    Case("robust, boosting", value(make_pipeline(RobustScaler(), boosted_value())), in_float=None),
    Case("max-abs, hist", value(make_pipeline(MaxAbsScaler(), hist_value())), in_float=None),
    Case(
        "filled forest", classes(make_pipeline(SimpleImputer(strategy="median"), forest()), missing=True), in_float=None
    ),
    Case(
        "filled, scaled, hist",
        value(make_pipeline(SimpleImputer(), StandardScaler(), hist_value()), missing=True),
        in_float=None,
    ),
    Case(
        "zeros filled, forest",
        classes(make_pipeline(SimpleImputer(missing_values=0, strategy="mean"), forest())),
        in_float=None,
    ),
    Case(
        "constant filled, forest",
        classes(make_pipeline(SimpleImputer(strategy="constant", fill_value=-1), forest())),
        in_float=None,
    ),
    Case("numbers by name, forest", by_name(numeric_columns(), forest(), text=False), in_float=None),
    Case(
        "one-hot, forest",
        by_name(text_columns(OneHotEncoder(handle_unknown="ignore")), forest(), text=True),
        in_float=None,
    ),
    Case(
        "one-hot, strict, hist",
        by_name(text_columns(OneHotEncoder(sparse_output=False)), hist(), text=True),
        EXACT,
        in_float=None,
    ),
    Case("ordinal, boosting", by_name(text_columns(OrdinalEncoder()), boosted(), text=True), EXACT, in_float=None),
    Case(
        "one-hot, logistic",
        by_name(text_columns(OneHotEncoder(handle_unknown="ignore")), LogisticRegression(max_iter=2000), text=True),
        CLOSE,
        None,
    ),
)

LINEAR = (
    Case("logistic", classes(make_pipeline(StandardScaler(), LogisticRegression())), CLOSE, None),
    Case(
        "logistic, text labels",
        classes(make_pipeline(StandardScaler(), LogisticRegression()), 3, labels=list("abc")),
        CLOSE,
        None,
    ),
    Case(
        "logistic, bool labels",
        classes(make_pipeline(StandardScaler(), LogisticRegression()), labels=[False, True]),
        CLOSE,
        None,
    ),
    Case(
        "sgd", classes(make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=SEED))), CLOSE, None
    ),
    Case("svm", classes(make_pipeline(StandardScaler(), LinearSVC()), 3), CLOSE, None),
    Case("svm, no intercept", classes(LinearSVC(fit_intercept=False)), CLOSE, None),
    Case("ridge classes, three", classes(make_pipeline(StandardScaler(), RidgeClassifier()), 3), CLOSE, None),
    Case("perceptron", classes(make_pipeline(StandardScaler(), Perceptron()), labels=["n", "y"]), CLOSE, None),
    Case("hinge", classes(make_pipeline(StandardScaler(), SGDClassifier(random_state=SEED))), CLOSE, None),
    Case(
        "hinge, three classes",
        classes(make_pipeline(StandardScaler(), SGDClassifier(random_state=SEED)), 3),
        CLOSE,
        None,
    ),
    Case("ridge classes", classes(make_pipeline(StandardScaler(), RidgeClassifier())), CLOSE, None),
    Case("linear", value(LinearRegression()), CLOSE, None),
    Case("linear, two outputs", value(LinearRegression(), outputs=2), CLOSE, None),
    Case("ridge", value(make_pipeline(StandardScaler(), Ridge())), CLOSE, None),
    Case("elastic net, filled", value(make_pipeline(SimpleImputer(), ElasticNet()), missing=True), CLOSE, None),
    Case(
        "network, classes",
        classes(make_pipeline(StandardScaler(), MLPClassifier((8, 8), max_iter=30, random_state=SEED)), 3),
        CLOSE,
        None,
    ),
    Case(
        "network, tanh, text labels",
        classes(
            make_pipeline(StandardScaler(), MLPClassifier((8,), activation="tanh", max_iter=30, random_state=SEED)),
            labels=["n", "y"],
        ),
        CLOSE,
        None,
    ),
    Case(
        "network, value",
        value(make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=30, random_state=SEED))),
        CLOSE,
        None,
    ),
)

CASES = (*TREES, *BOOSTING, *PIPELINES, *LINEAR)
