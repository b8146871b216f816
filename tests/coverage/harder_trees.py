"""Trees and boosting where conversions go wrong: missing cells, ties, losses, categories, labels, steps before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from .case import CLUSTERS, TREES, Case, Fitted
from .data import (
    Doubles,
    as_sparse,
    classes,
    counts,
    far,
    fit,
    frame,
    many_labels,
    plain,
    unlike,
    value,
    with_codes,
    with_missing,
)

SEED: dict[str, Any] = {"random_state": 5}
HOLES = unlike(missing=0.15)
CODES = with_codes()
CODES_AND_HOLES = with_codes(missing=0.1)


def forest(**settings: Any) -> RandomForestClassifier:
    return RandomForestClassifier(**{"n_estimators": 15, "max_depth": 6, **SEED, **settings})


def trees(**settings: Any) -> RandomForestRegressor:
    return RandomForestRegressor(**{"n_estimators": 15, "max_depth": 6, **SEED, **settings})


def boosted(**settings: Any) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(**{"n_estimators": 12, **SEED, **settings})


def boosting(**settings: Any) -> GradientBoostingRegressor:
    return GradientBoostingRegressor(**{"n_estimators": 12, **SEED, **settings})


def hist(**settings: Any) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(**{"max_iter": 12, "min_samples_leaf": 5, **SEED, **settings})


def hist_value(**settings: Any) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(**{"max_iter": 12, "min_samples_leaf": 5, **SEED, **settings})


def _weights(rows: Any) -> Doubles:
    return np.random.default_rng(3).uniform(0.1, 4.0, len(rows))


def _by_name(*, text: Any, numbers: Any) -> ColumnTransformer:
    return ColumnTransformer(
        [("text", text, ["city", "kind"]), ("numbers", numbers, ["share", "amount"])], remainder="passthrough"
    )


def _unlike_labels(rows: Any) -> Any:
    """Return three labels a row, of two, four and one class."""
    return np.stack([classes(2)(rows), classes(4)(rows), classes(1)(rows)], axis=1)


def _fractions(seed: int) -> Any:
    rows = unlike()(seed)
    rows[:, 1] = np.random.default_rng(seed).choice([0.5, 1.5, -2.0, 7.0, 1e6], len(rows))
    return rows


def _float32_rows(seed: int) -> Any:
    return unlike()(seed).astype(np.float32)


_FORESTS: dict[str, Callable[[], Fitted]] = {
    "tree, missing": fit(DecisionTreeClassifier(max_depth=6, **SEED), HOLES, classes(3)),
    "tree, missing, value": fit(DecisionTreeRegressor(max_depth=6, **SEED), HOLES, value()),
    "tree, absolute error": fit(DecisionTreeRegressor(criterion="absolute_error", max_depth=5), unlike(), value()),
    "tree, pruned": fit(DecisionTreeClassifier(ccp_alpha=0.01, **SEED), unlike(), classes(4)),
    "tree, two outputs": fit(DecisionTreeRegressor(max_depth=5, **SEED), unlike(), value(outputs=2)),
    "tree, two labels": fit(DecisionTreeClassifier(max_depth=5, **SEED), unlike(), many_labels(2)),
    "tree, one leaf": fit(DecisionTreeRegressor(min_samples_leaf=100), unlike(), value()),
    "tree, one class": fit(DecisionTreeClassifier(), unlike(), classes(1)),
    "tree, monotonic": fit(
        DecisionTreeRegressor(max_depth=5, monotonic_cst=[1, 0, -1, 0, 0], **SEED), unlike(), value()
    ),
    "tree, float32 rows": fit(DecisionTreeClassifier(max_depth=6, **SEED), _float32_rows, classes(3)),
    "extra tree, weighted": fit(ExtraTreeClassifier(max_depth=6, **SEED), unlike(), classes(2), sample_weight=_weights),
    "forest, missing": fit(forest(), HOLES, classes(2)),
    "forest, missing, value": fit(trees(), HOLES, value()),
    "extra trees, missing": fit(ExtraTreesClassifier(12, max_depth=6, **SEED), HOLES, classes(3)),
    "forest, ties of 20": fit(forest(n_estimators=20, max_depth=None), counts(4, 3), classes(2)),
    "forest, ties of 50": fit(forest(n_estimators=50, max_depth=None), counts(5, 3), classes(2)),
    "forest, ties of three classes": fit(forest(n_estimators=6, max_depth=None), counts(4, 3), classes(3)),
    "forest, text labels": fit(forest(), unlike(), classes(names=["no", "yes"])),
    "forest, three text labels": fit(forest(), unlike(), classes(names=["b", "a", "ü"])),
    "forest, boolean labels": fit(forest(), unlike(), classes(names=[False, True])),
    "forest, float labels": fit(forest(), unlike(), classes(names=[1.0, 2.0, 4.0])),
    "forest, negative labels": fit(forest(), unlike(), classes(names=[-1, 1])),
    "forest, large labels": fit(forest(), unlike(), classes(names=[1, 2**40, 2**53 + 1])),
    "forest, one class": fit(forest(), unlike(), classes(1)),
    "forest, balanced": fit(forest(class_weight="balanced_subsample"), unlike(), classes(2, share=0.1)),
    "forest, weighted": fit(forest(), unlike(), classes(3), sample_weight=_weights),
    "forest, two labels": fit(forest(), unlike(), many_labels(2)),
    "forest, three outputs": fit(trees(), unlike(), value(outputs=3)),
    "forest, poisson": fit(trees(criterion="poisson"), unlike(), value(above_zero=True)),
    "forest, columns far from 0": fit(forest(), far(1e7), classes(2)),
    "forest, sparse rows": fit(forest(), as_sparse(counts()), classes(2)),
    "extra trees, bootstrap": fit(ExtraTreesRegressor(12, bootstrap=True, **SEED), unlike(), value()),
    "forest, outputs of unlike classes": fit(forest(), HOLES, _unlike_labels),
    "forest, many trees and classes": fit(forest(n_estimators=400, max_depth=3), counts(3, 3), classes(10)),
    "embedding, dense": fit(RandomTreesEmbedding(6, max_depth=3, sparse_output=False, **SEED), unlike()),
}

_BOOSTING: dict[str, Callable[[], Fitted]] = {
    "boosting, two classes": fit(boosted(), unlike(), classes(2)),
    "boosting, exponential": fit(boosted(loss="exponential"), unlike(), classes(2)),
    "boosting, subsample": fit(boosted(subsample=0.6, max_features=2), unlike(), classes(4)),
    "boosting, from zero": fit(boosted(init="zero"), unlike(), classes(2)),
    "boosting, from a logistic model": fit(boosted(init=LogisticRegression()), plain(), classes(2)),
    "boosting, from a prior": fit(boosted(init=DummyClassifier(strategy="prior")), unlike(), classes(3)),
    "boosting, from a linear model": fit(boosting(init=LinearRegression()), plain(), value()),
    "boosting, from a constant": fit(
        boosting(init=DummyRegressor(strategy="constant", constant=3.0)), unlike(), value()
    ),
    "boosting, from a forest": fit(boosted(init=forest(n_estimators=4)), unlike(), classes(3)),
    "boosting, exponential, from a forest": fit(
        boosted(init=forest(n_estimators=4), loss="exponential"), unlike(), classes(2)
    ),
    "boosting, absolute": fit(boosting(loss="absolute_error"), unlike(), value()),
    "boosting, huber": fit(boosting(loss="huber", alpha=0.8), unlike(), value()),
    "boosting, quantile": fit(boosting(loss="quantile", alpha=0.7), unlike(), value()),
    "boosting, stopped early": fit(boosting(n_estimators=80, n_iter_no_change=2), unlike(), value()),
    "boosting, deep": fit(boosted(max_depth=None, max_leaf_nodes=20), unlike(), classes(2)),
    "hist, two classes": fit(hist(), unlike(), classes(2)),
    "hist, missing": fit(hist(), HOLES, classes(2)),
    "hist, missing, three classes": fit(hist(), HOLES, classes(3)),
    "hist, categories": fit(hist(categorical_features=[1, 4]), CODES, classes(2)),
    "hist, categories, missing": fit(hist_value(categorical_features=[1, 4]), CODES_AND_HOLES, value()),
    "hist, categories, three classes": fit(hist(categorical_features=[1, 4]), CODES_AND_HOLES, classes(3)),
    "hist, pandas categories": fit(hist(categorical_features="from_dtype"), frame(categories=True), classes(2)),
    "hist, categories by name": fit(hist_value(categorical_features=["city", "kind"]), frame(categories=True), value()),
    "hist, fractional categories": fit(hist_value(categorical_features=[1]), _fractions, value()),
    "hist, pandas categories, missing": fit(hist_value(), frame(categories=True, missing=True), value()),
    "hist, poisson": fit(hist_value(loss="poisson"), unlike(), value(above_zero=True)),
    "hist, gamma, missing": fit(hist_value(loss="gamma"), HOLES, value(above_zero=True)),
    "hist, absolute": fit(hist_value(loss="absolute_error"), unlike(), value()),
    "hist, quantile": fit(hist_value(loss="quantile", quantile=0.2), unlike(), value()),
    "hist, monotonic": fit(hist_value(monotonic_cst=[1, 0, 0, 0, -1]), unlike(), value()),
    "hist, interactions": fit(hist(interaction_cst="no_interactions"), unlike(), classes(2)),
    "hist, stopped early": fit(hist(max_iter=80, early_stopping=True, n_iter_no_change=2), unlike(), classes(2)),
    "hist, text labels": fit(hist(), unlike(), classes(names=["n", "y"])),
    "hist, boolean labels": fit(hist(), unlike(), classes(names=[False, True])),
    "hist, weighted": fit(hist(), unlike(), classes(3), sample_weight=_weights),
    "ada, stumps": fit(AdaBoostClassifier(n_estimators=15, **SEED), unlike(), classes(2)),
    "ada, deeper, text labels": fit(
        AdaBoostClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=8, **SEED),
        unlike(),
        classes(names=["a", "b", "c"]),
    ),
    "ada, perfect first tree": fit(
        AdaBoostClassifier(DecisionTreeClassifier(), n_estimators=5, **SEED), unlike(), classes(2)
    ),
    "ada over logistic": fit(AdaBoostClassifier(LogisticRegression(), n_estimators=6, **SEED), plain(), classes(3)),
    "ada, one class": fit(AdaBoostClassifier(n_estimators=3, **SEED), unlike(), classes(1)),
    "ada, many trees": fit(AdaBoostRegressor(n_estimators=40, **SEED), counts(3, 3), value()),
    "ada, square loss": fit(AdaBoostRegressor(n_estimators=10, loss="square", **SEED), unlike(), value()),
    "ada over ridge": fit(AdaBoostRegressor(Ridge(), n_estimators=6, **SEED), plain(), value()),
    "bagging over ada": fit(BaggingClassifier(AdaBoostClassifier(n_estimators=1), 5, **SEED), plain(6), classes(4)),
    "bagging, missing": fit(BaggingClassifier(n_estimators=8, **SEED), HOLES, classes(2)),
    "bagging, some columns": fit(BaggingClassifier(n_estimators=8, max_features=0.6, **SEED), unlike(), classes(3)),
    "bagging, some columns, value": fit(
        BaggingRegressor(n_estimators=8, max_features=3, bootstrap_features=True, **SEED), unlike(), value()
    ),
    "bagging, few rows": fit(BaggingClassifier(n_estimators=7, max_samples=5, **SEED), unlike(), classes(4)),
    "bagging, three outputs": fit(BaggingRegressor(n_estimators=5, **SEED), unlike(), value(outputs=3)),
    "bagging over SVC": fit(BaggingClassifier(SVC(), n_estimators=4, **SEED), plain(), classes(2)),
    "bagging over logistic": fit(BaggingClassifier(LogisticRegression(), n_estimators=5, **SEED), plain(), classes(3)),
    "bagging over ridge": fit(BaggingRegressor(Ridge(), n_estimators=5, **SEED), plain(), value()),
    "bagging over pipelines": fit(
        BaggingClassifier(make_pipeline(StandardScaler(), forest(n_estimators=4)), n_estimators=3, **SEED),
        unlike(),
        classes(2),
    ),
}

_AFTER_STEPS: dict[str, Callable[[], Fitted]] = {
    f"{name} before {kind}": fit(make_pipeline(step, model), sample, target)
    for name, step, sample in (
        ("scaling", StandardScaler(), unlike()),
        ("min-max", MinMaxScaler((-1, 1)), unlike()),
        ("clipping", MinMaxScaler(clip=True), unlike()),
        ("robust scaling", RobustScaler(), unlike()),
        ("largest", MaxAbsScaler(), unlike()),
        ("quantiles", QuantileTransformer(n_quantiles=30, **SEED), unlike()),
        ("power", PowerTransformer(), plain()),
        ("polynomials", PolynomialFeatures(2), plain()),
        ("normalizing", Normalizer(), plain()),
        ("bins", KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"), plain()),
        ("filling", SimpleImputer(strategy="median"), HOLES),
        ("filling with indicator", SimpleImputer(add_indicator=True), HOLES),
        ("logarithm", FunctionTransformer(np.log1p), counts()),
    )
    for kind, model, target in (
        ("forest", forest(n_estimators=10), classes(2)),
        ("hist", hist_value(max_iter=8), value()),
    )
}

_MIXED: dict[str, Callable[[], Fitted]] = {
    "one-hot and scaling before forest": fit(
        make_pipeline(_by_name(text=OneHotEncoder(handle_unknown="ignore"), numbers=StandardScaler()), forest()),
        frame(),
        classes(2),
    ),
    "ordinal with unknown before boosting": fit(
        make_pipeline(
            _by_name(text=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), numbers="passthrough"),
            boosting(),
        ),
        frame(),
        value(),
    ),
    "ordinal, missing, before hist": fit(
        make_pipeline(_by_name(text=OrdinalEncoder(), numbers=SimpleImputer()), hist()), frame(missing=True), classes(3)
    ),
    "infrequent one-hot before hist": fit(
        make_pipeline(
            _by_name(
                text=OneHotEncoder(min_frequency=30, handle_unknown="infrequent_if_exist", sparse_output=False),
                numbers="passthrough",
            ),
            hist_value(),
        ),
        frame(),
        value(),
    ),
    "numbers of a table, forest": fit(forest(), frame(text=False), classes(2)),
}

_OUTLIERS: dict[str, Callable[[], Fitted]] = {
    "isolation, missing": fit(IsolationForest(n_estimators=15, **SEED), with_missing()),
    "isolation, contamination": fit(IsolationForest(n_estimators=15, contamination=0.2, **SEED), unlike()),
    "isolation, one row a tree": fit(IsolationForest(n_estimators=5, max_samples=1, **SEED), unlike()),
    "isolation, half": fit(IsolationForest(n_estimators=30, contamination=0.5, **SEED), counts()),
    "isolation, some columns": fit(IsolationForest(n_estimators=15, max_features=0.5, **SEED), unlike()),
}

CASES = (
    *(
        Case(name, "configuration", TREES, make)
        for table in (_FORESTS, _BOOSTING, _AFTER_STEPS, _MIXED)
        for name, make in table.items()
    ),
    *(Case(name, "configuration", CLUSTERS, make) for name, make in _OUTLIERS.items()),
)
