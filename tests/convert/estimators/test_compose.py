"""Which columns go into which step: slices, masks, names, weights, leftovers, nothing at all, and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike
from tests.convert.pairs import pair, random_rows

from .rows import ASKED, NUMBERS, labels

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
SCALER = StandardScaler()
COLUMNS: dict[str, Any] = {
    "slices": ColumnTransformer([("a", SCALER, slice(0, 2)), ("b", MinMaxScaler(), [3, 2])]),
    "a mask": ColumnTransformer([("a", SCALER, [True, False, True, False])], remainder=RobustScaler()),
    "passed through": ColumnTransformer([("a", SCALER, [3]), ("b", "passthrough", [2])], remainder="passthrough"),
    "dropped": ColumnTransformer([("a", "passthrough", [-1, 0]), ("b", "drop", [1])], transformer_weights={"a": 3.0}),
    "nothing chosen": ColumnTransformer([("a", SCALER, []), ("b", SCALER, [1])]),
    "twice": ColumnTransformer([("a", SCALER, [0, 1]), ("b", "passthrough", [1, 0])], verbose=True),
    "nested": ColumnTransformer([("a", ColumnTransformer([("b", SCALER, [1])], remainder="passthrough"), [2, 0])]),
    "union": FeatureUnion([("a", SCALER), ("b", "passthrough"), ("c", "drop")], transformer_weights={"b": 0.5}),
    "nested union": FeatureUnion([("a", make_pipeline(SCALER, FeatureUnion([("b", SelectKBest(k=1))])))]),
    "idle steps": Pipeline([("a", "passthrough"), ("b", None), ("c", SCALER)]),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("step", COLUMNS.values(), ids=COLUMNS)
def test_columns(step: Any) -> None:
    assert unlike(step.fit(NUMBERS, labels(0, 1)), NEAR, tolerance=1e-15) == []
    assert unlike(make_pipeline(step, LogisticRegression()).fit(NUMBERS, labels(0, 1)), NEAR) == []


@pytest.mark.filterwarnings("ignore")
def test_no_column_is_refused() -> None:
    step = ColumnTransformer([("a", SCALER, [])]).fit(NUMBERS)
    with pytest.raises(UnsupportedModel, match="it leaves no column"):
        asked(step, 4)


def test_selectors_that_choose_nothing_are_left_out(tmp_path: Path) -> None:
    chosen = FeatureUnion([("a", SCALER), ("b", SelectKBest(k=0))])
    model = make_pipeline(chosen, LogisticRegression()).fit(NUMBERS, labels(0, 1))
    made = pair(model, tmp_path)
    assert not made.differences(random_rows(made, 200), 1e-12)


def table() -> pd.DataFrame:
    random = np.random.default_rng(3)
    frame = pd.DataFrame(NUMBERS[:, :2], columns=["first", "second"])
    return frame.assign(city=random.choice(["Bern", "Basel"], 120), kind=random.choice(["x", "y", "z"], 120))


ENCODER = OneHotEncoder(handle_unknown="ignore")
TABLES: dict[str, Any] = {
    "names": ColumnTransformer([("a", SCALER, ["second"]), ("b", ENCODER, ["kind", "city"])], remainder="passthrough"),
    "callables": ColumnTransformer(
        [
            ("a", SCALER, make_column_selector(dtype_include="number")),
            ("b", ENCODER, make_column_selector(dtype_exclude="number")),
        ]
    ),
    "text beside scaled numbers": make_pipeline(
        ColumnTransformer([("a", SCALER, slice("first", "second")), ("b", "passthrough", ["city", "kind"])]),
        ColumnTransformer([("c", ENCODER, [2, 3])], remainder="passthrough"),
    ),
}


@pytest.mark.parametrize("step", TABLES.values(), ids=TABLES)
def test_tables(step: Any, tmp_path: Path) -> None:
    model = make_pipeline(step, DecisionTreeClassifier(max_depth=4, random_state=0)).fit(table(), labels("no", "yes"))
    made = pair(model, tmp_path)
    assert not made.differences(random_rows(made, 300))
    assert not made.differences(made.probes().rows)
