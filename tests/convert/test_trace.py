"""What is told of a model's structure is what the model does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor, StackingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PowerTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from packager.convert.trace import structure_of
from packager.structure import Structure
from packager.training.native import NativeModel, signature_of

from .cases import numbers, values
from .lightgbm_cases import CASES as LIGHTGBM
from .sklearn_cases import CASES as SKLEARN

ROWS = numbers()
TARGET = values(ROWS)


def structure(model: Any) -> Structure:
    return structure_of(model, signature_of(NativeModel(model)))


def test_thresholds_of_a_bare_tree_are_where_it_changes_its_mind() -> None:
    model = DecisionTreeRegressor(max_leaf_nodes=2).fit(ROWS, TARGET)
    trees = structure(model).trees
    assert trees is not None
    (column,), (boundary,) = trees.feature, trees.threshold
    rows = np.zeros((2, ROWS.shape[1]))
    rows[:, column] = boundary, np.nextafter(boundary, np.inf)
    left, right = model.predict(rows)
    assert left != right


@pytest.mark.parametrize(
    "before",
    [
        StandardScaler(),
        MinMaxScaler((-5, 5)),
        MinMaxScaler(clip=True),
        make_pipeline(SimpleImputer(), StandardScaler()),
    ],
)
def test_thresholds_behind_a_scaler_are_where_the_pipeline_changes_its_mind(before: Any) -> None:
    steps = [step for _, step in before.steps] if hasattr(before, "steps") else [before]
    model = make_pipeline(*steps, DecisionTreeRegressor(max_depth=4, random_state=0)).fit(ROWS, TARGET)
    trees = structure(model).trees
    assert trees is not None
    roots = [0]  # the one split that every row meets
    for node in roots:
        rows = np.tile(ROWS.mean(axis=0), (2, 1))
        boundary = trees.threshold[node]
        rows[:, trees.feature[node]] = boundary, np.nextafter(boundary, np.inf)
        left, right = model[-1].decision_path(model[:-1].transform(rows).astype(np.float32)).toarray()
        assert (left != right).any()


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([Normalizer()], "Normalizer"),
        ([PowerTransformer()], "PowerTransformer"),
        ([FunctionTransformer(np.negative)], "FunctionTransformer"),
        ([SimpleImputer(add_indicator=True)], "SimpleImputer"),
        ([make_column_transformer((StandardScaler(), [0, 1]), remainder="passthrough")], "ColumnTransformer"),
    ],
    ids=lambda item: type(item[0]).__name__ if isinstance(item, list) else "",
)
def test_thresholds_that_are_not_traced_back_are_owned_up_to(steps: list[Any], reason: str) -> None:
    model = make_pipeline(*steps, RandomForestRegressor(3, max_depth=3)).fit(
        numbers(missing=reason == "SimpleImputer"), TARGET
    )
    told = structure(model)
    assert told.trees is None
    assert told.gap is not None
    assert reason in told.gap


def test_a_model_without_trees_has_no_gap() -> None:
    told = structure(make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET > 0))
    assert (told.trees, told.gap) == (None, None)


def test_members_of_an_ensemble_of_ensembles_are_found() -> None:
    model = StackingRegressor([("a", DecisionTreeRegressor(max_depth=2)), ("b", LinearRegression())], cv=2)
    trees = structure(model.fit(ROWS, TARGET)).trees
    assert trees is not None
    assert trees.n_trees == 1


def test_ranges_hold_the_training_rows_of_a_scaled_model() -> None:
    told = structure(make_pipeline(MinMaxScaler(), LinearRegression()).fit(ROWS, TARGET))
    np.testing.assert_array_equal(told.low, ROWS.min(axis=0))
    np.testing.assert_array_equal(told.high, ROWS.max(axis=0))
    told = structure(make_pipeline(StandardScaler(), LinearRegression()).fit(ROWS, TARGET))
    inside = (told.low <= ROWS) & (told.high >= ROWS)
    assert inside.mean() > 0.95


def test_ranges_hold_every_threshold() -> None:
    for case in (*SKLEARN, *LIGHTGBM):
        if case.name in ("forest, value", "lightgbm regression", "lightgbm regression, category, missing"):
            told = structure(case.fit())
            assert told.trees is not None
            numeric = told.trees.category_set < 0
            feature, threshold = told.trees.feature[numeric], told.trees.threshold[numeric]
            ordinary = np.abs(threshold) < 1e30
            assert ((told.low[feature] < threshold) & (threshold < told.high[feature]))[ordinary].all()


def test_codes_and_texts_of_encoders_are_known() -> None:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {"code": random.integers(3, 7, 100), "city": random.choice(["a", "b"], 100), "x": random.normal(size=100)}
    )
    encoder = make_column_transformer((OneHotEncoder(), ["city", "code"]), (StandardScaler(), ["x"]))
    told = structure(make_pipeline(encoder, LinearRegression()).fit(table, table["x"]))
    assert told.texts == {1: ("a", "b")}
    assert {column: codes.tolist() for column, codes in told.codes.items()} == {0: [3, 4, 5, 6]}
