"""What is told of a model's structure is what the model does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor, StackingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from packager.convert.trace import structure_of
from packager.dataset.rows import Rows
from packager.structure import Structure
from packager.training.native import NativeModel, signature_of
from packager.verify.probes import make_probes

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


TABLE = pd.DataFrame(ROWS, columns=[f"x{index}" for index in range(ROWS.shape[1])])
TABLE["city"] = np.array(["a", "b", "c", "d"], dtype=object)[np.arange(len(TABLE)) % 4]
TABLE["code"] = np.arange(len(TABLE)) % 7
BY_COLUMNS = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), ["city"]),
    (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["code"]),
    (make_pipeline(SimpleImputer(), StandardScaler()), ["x0", "x1"]),
    remainder="passthrough",
)


@pytest.mark.parametrize(
    "before",
    [
        StandardScaler(),
        MinMaxScaler((-5, 5)),
        MinMaxScaler(clip=True),
        make_pipeline(SimpleImputer(), StandardScaler()),
        QuantileTransformer(n_quantiles=50),
        FunctionTransformer(np.negative),
        SimpleImputer(add_indicator=True),
        KBinsDiscretizer(4, encode="ordinal"),
        make_column_transformer((StandardScaler(), [0, 1]), remainder="passthrough"),
        BY_COLUMNS,
    ],
    ids=lambda step: type(step).__name__,
)
def test_splits_behind_steps_are_where_the_pipeline_changes_its_mind(before: Any) -> None:
    rows: Any = TABLE if before is BY_COLUMNS else ROWS
    model = make_pipeline(clone(before), DecisionTreeRegressor(max_depth=5, random_state=0)).fit(rows, TARGET)
    told = structure(model)
    assert told.gap is None
    assert told.trees is not None
    signature = signature_of(NativeModel(model))
    probes = make_probes(told, signature)
    made = probes.rows.take(~probes.of(("extreme",)))  # further out than thresholds are looked for
    native, taken = NativeModel(model).tolerant_answers(made)
    assert taken.mean() > 0.8, "only huge numbers may be refused"
    assert native is not None
    leaves = leaf_of(told, made.take(taken))
    values = [np.unique(native["variable"][leaves == leaf]) for leaf in np.unique(leaves)]
    assert len(values) >= 0.8 * told.trees.n_leaves, "some lie where the model refuses numbers"
    assert all(len(several) == 1 for several in values), "rows of one leaf have one answer"


def leaf_of(told: Structure, rows: Rows) -> np.ndarray:
    """Return the leaf of the only tree that each row ends in, by the rules of the structure."""
    trees = told.trees
    assert trees is not None
    leaves = []
    for index in range(len(rows)):
        child = 0
        while child >= 0:
            column = int(trees.feature[child])
            cell = rows.numbers[index, column]
            if column in rows.strings:
                text = rows.strings[column][index]
                known = told.texts[column]
                cell = np.nan if text is None else known.index(text) if text in known else len(known)
            if np.isnan(cell):
                left = trees.missing_left[child]
            elif trees.category_set[child] >= 0:
                left = cell in trees.categories[trees.category_set[child]]
            else:
                left = cell <= trees.threshold[child]
            child = int(trees.left[child] if left else trees.right[child])
        leaves.append(~child)
    return np.array(leaves)


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (Normalizer(), "depends on several"),
        (PCA(), "depends on several"),
        (SplineTransformer(), "rises and falls"),
        (PowerTransformer(), "last bit"),
        (FunctionTransformer(np.arctan), "last bit"),
        (
            make_column_transformer((QuantileTransformer(n_quantiles=9, output_distribution="normal"), [0, 1])),
            "last bit",
        ),
        (FunctionTransformer(np.square), "rises and falls"),
    ],
    ids=lambda item: type(item).__name__,
)
def test_splits_that_are_not_traced_back_are_owned_up_to(step: Any, why: str) -> None:
    told = structure(make_pipeline(step, RandomForestRegressor(3, max_depth=3)).fit(ROWS, TARGET))
    assert told.trees is None
    assert told.gap is not None
    assert type(step).__name__ in told.gap
    assert why in told.gap


def test_trees_behind_steps_of_their_own_are_traced_each() -> None:
    near, far = make_pipeline(StandardScaler(), DecisionTreeRegressor(max_depth=3)), DecisionTreeRegressor(max_depth=2)
    told = structure(VotingRegressor([("near", near), ("far", far)]).fit(ROWS, TARGET))
    assert told.trees is not None
    assert told.trees.n_trees == 2
    inside = (told.low[told.trees.feature] < told.trees.threshold) & (
        told.trees.threshold < told.high[told.trees.feature]
    )
    assert inside.all()


def test_trees_over_the_answers_of_others_are_a_gap_even_where_these_are_as_many_as_the_columns() -> None:
    rows = ROWS[:, :2]
    members = [("a", LinearRegression()), ("b", LinearRegression(fit_intercept=False))]
    stack = StackingRegressor(members, DecisionTreeRegressor(max_depth=2), cv=2).fit(rows, TARGET)
    told = structure(stack)
    assert told.trees is None
    assert told.gap is not None


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
