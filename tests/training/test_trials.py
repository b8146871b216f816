"""What a model refuses is found: missing text, values that no encoder knows, numbers that drown all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

from packager.artifact import Column
from packager.training.native import NativeModel, signature_of

RANDOM = np.random.default_rng(0)
COUNT = 80
TABLE = pd.DataFrame(
    {
        "city": pd.Series(np.array(["a", "b", np.nan], dtype=object)[RANDOM.integers(0, 3, COUNT)], dtype=object),
        "kind": RANDOM.choice(["x", "y"], COUNT),
        "code": RANDOM.integers(1, 4, COUNT),
        "size": RANDOM.normal(size=COUNT),
    }
)
TARGET = RANDOM.integers(0, 2, COUNT)


def columns(model: Any, rows: Any = TABLE) -> tuple[Column, ...]:
    return signature_of(NativeModel(model.fit(rows, TARGET))).columns


def test_columns_are_strict_one_by_one() -> None:
    encoders = make_column_transformer(
        (OneHotEncoder(), ["city", "code"]),
        (OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ("passthrough", ["size"]),
    )
    found = columns(make_pipeline(encoders, LogisticRegression()))
    assert [column.known for column in found] == [("a", "b"), None, (1.0, 2.0, 3.0), None]
    assert [column.accepts_missing for column in found] == [True, True, False, False]


def test_missing_text_that_is_filled_is_taken() -> None:
    filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    found = columns(make_pipeline(filled, LogisticRegression()), TABLE[["city", "kind"]])
    assert [column.accepts_missing for column in found] == [True, True]


def test_labels_are_known_and_never_missing() -> None:
    encoder = LabelEncoder().fit([True, False])  # it takes any number for True
    (column,) = signature_of(NativeModel(encoder)).columns
    assert (column.known, column.accepts_missing) == ((0.0, 1.0), False)


@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e6])
def test_distances_limit_the_columns_that_they_are_made_of(scale: float) -> None:
    rows = TABLE[["size"]].assign(other=RANDOM.normal(size=COUNT), third=RANDOM.normal(size=COUNT)) * scale
    rows.iloc[::7, 0] = np.nan
    neighbours = make_pipeline(StandardScaler(), KNNImputer())
    model = make_pipeline(
        make_column_transformer((neighbours, ["size", "other"]), remainder="passthrough"), LogisticRegression()
    )
    limits = [column.max_abs for column in columns(model, rows)]
    assert limits[0] == limits[1]
    assert 1e2 < limits[0] / scale < 1e5
    assert limits[2] > 1e30
    assert "transform" not in vars(model[0].named_transformers_["pipeline"][1])


def test_limits_follow_the_spread_of_each_column() -> None:
    rows = RANDOM.normal(size=(COUNT, 3)) * [1e-3, 1.0, 1e5]
    limits = [column.max_abs for column in columns(NearestCentroid(), rows)]
    assert limits == [10.0, 1e4, 1e9]
    assert all(column.max_abs > 1e300 for column in columns(NearestCentroid(metric="manhattan"), rows))


def test_many_columns_stay_within_their_limits_together() -> None:
    model = NearestCentroid()
    limits = [column.max_abs for column in columns(model, RANDOM.normal(size=(COUNT, 40)))]
    assert limits == [1e3] * 40
    assert "_decision_function" not in vars(model)
