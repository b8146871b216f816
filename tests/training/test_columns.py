"""Text, codes and missing markers are traced to the columns that come in, wherever the encoder sits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, LabelEncoder, OneHotEncoder, OrdinalEncoder, StandardScaler

from packager.errors import ConvertError
from packager.training import columns

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=60)
TARGET = (NUMBERS > 0).astype(int)
TABLE = pd.DataFrame(
    {
        "code": RANDOM.integers(0, 3, 60),
        "x": NUMBERS,
        "city": RANDOM.choice(["a", "b"], 60),
        "said": RANDOM.choice(["good day", "bad day"], 60),
    }
)
BY_KIND = make_column_transformer(
    (make_pipeline(SimpleImputer(strategy="most_frequent", add_indicator=True), OneHotEncoder()), ["city"]),
    (make_pipeline(OrdinalEncoder()), ["code"]),
    (CountVectorizer(), "said"),
    (StandardScaler(), ["x"]),
)


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(BY_KIND, LogisticRegression()),
        GridSearchCV(make_pipeline(BY_KIND, LogisticRegression()), {}, cv=2),
    ],
    ids=["pipeline", "search"],
)
def test_text_and_code_columns_are_found_behind_other_steps(model: Any) -> None:
    model.fit(TABLE, TARGET)
    texts = columns.text_columns(model)
    assert list(texts) == [2, 3]
    assert texts[2] == ("a", "b")
    assert {"bad", "day", "good"} <= set(texts[3])
    assert {column: known.tolist() for column, known in columns.code_columns(model).items()} == {0: [0, 1, 2]}


def test_columns_are_followed_through_a_table_that_fills_them() -> None:
    filled = make_column_transformer((SimpleImputer(strategy="most_frequent"), ["city"]), ("passthrough", ["code"]))
    model = make_pipeline(filled, OneHotEncoder(), LogisticRegression()).fit(TABLE, TARGET)
    assert columns.text_columns(model) == {2: ("a", "b")}
    assert list(columns.code_columns(model)) == [0]


def test_an_encoder_without_names_reads_every_column() -> None:
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(TABLE[["city", "code"]], TARGET)
    assert columns.text_columns(model) == {0: ("a", "b")}
    assert list(columns.code_columns(model)) == [1]


def test_missing_codes_are_no_codes() -> None:
    codes = np.where(RANDOM.random((60, 1)) < 0.3, np.nan, 4.0)
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(codes, TARGET)
    assert columns.code_columns(model)[0].tolist() == [4.0]


def test_columns_of_true_and_false_are_found() -> None:
    table = pd.DataFrame({"no": [0, 1, 0], "yes": [True, False, True], "text": ["a", "b", "a"]})
    assert columns.truth_columns(OneHotEncoder().fit(table)) == {1}


_LEAVES_OUT = make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(), ["b"]))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (make_pipeline("passthrough", _LEAVES_OUT, LogisticRegression()), {2, 3}),
        (make_column_transformer((_LEAVES_OUT, ["b", "c", "a"]), ("passthrough", ["d"])), {2}),
        (make_column_transformer((_LEAVES_OUT, ["b", "c", "a"]), ("drop", ["d"])), {2, 3}),
        (FeatureUnion([("one", _LEAVES_OUT), ("two", make_column_transformer((OneHotEncoder(), ["d"])))]), {2}),
        (CalibratedClassifierCV(make_pipeline(_LEAVES_OUT, LogisticRegression()), cv=2), {2, 3}),
        (StackingClassifier([("a", make_pipeline(_LEAVES_OUT, LogisticRegression()))], cv=2), {2, 3}),
        (make_pipeline(StandardScaler(), LogisticRegression()), set()),
    ],
)
def test_columns_that_no_step_reads_are_found_within_others(model: Any, expected: set[int]) -> None:
    table = pd.DataFrame({name: np.arange(12) % (2 + at) for at, name in enumerate("abcd")})
    assert columns.unread_columns(model.fit(table, table["a"])) == expected


def test_an_imputer_of_text_reads_text() -> None:
    cells = np.array([["a"], ["b"], ["b"], [None]], dtype=object)
    assert columns.text_columns(SimpleImputer(missing_values=None, strategy="most_frequent").fit(cells)) == {0: ("b",)}


@pytest.mark.parametrize(("marker", "expected"), [(None, {0}), (np.nan, set())])
def test_the_models_own_word_for_missing_is_found(marker: object, expected: set[int]) -> None:
    cells = np.array([["a"], ["b"], ["b"], [marker]], dtype=object)
    assert columns.columns_of_none(OneHotEncoder().fit(cells)) == expected
    assert (
        columns.columns_of_none(SimpleImputer(missing_values=marker, strategy="most_frequent").fit(cells)) == expected
    )


@pytest.mark.parametrize(
    ("categories", "message"),
    [
        (np.array(["a", 1], dtype=object), "mixes numbers and text"),
        (np.array(["2026-01-01"], dtype="datetime64[D]"), "type date"),
        (np.array([b"a"]), "type bytes"),
        (np.array([2**53 + 1]), r"beyond 2\*\*53"),
    ],
    ids=["mixed", "dates", "bytes", "large"],
)
def test_a_column_that_no_request_can_hold_is_refused(categories: Any, message: str) -> None:
    encoder = OneHotEncoder()
    encoder.categories_, encoder.n_features_in_ = [categories], 1
    read = columns.text_columns if message.startswith("mixes") else columns.code_columns
    with pytest.raises(ConvertError, match=message):
        read(encoder)


def test_encoders_of_labels_and_of_made_columns_read_no_column() -> None:
    column = TABLE[["x"]].to_numpy()
    labelled = OneVsRestClassifier(LogisticRegression()).fit(column, np.array(["no", "yes"])[TARGET])
    assert columns.text_columns(labelled) == {}
    assert columns.strict_columns(labelled) == set()
    assert columns.code_columns(KBinsDiscretizer(3).fit(column)) == {}
    assert columns.strict_columns(LabelEncoder().fit(["b", "a"])) == {0}


LIGHT = LGBMClassifier(n_estimators=2, min_child_samples=2, verbose=-1, n_jobs=1)


@pytest.mark.parametrize(
    "model",
    [VotingClassifier([("a", LIGHT), ("b", LIGHT)]), CalibratedClassifierCV(LIGHT, cv=2)],
    ids=["vote", "folds"],
)
def test_categories_of_pandas_are_found_in_members(model: Any) -> None:
    table = pd.DataFrame({"amount": np.arange(60.0), "city": pd.Categorical(["Bern", "Basel", "Chur"] * 20)})
    assert columns.category_columns(model.fit(table, np.arange(60) % 2)) == {1: ("Basel", "Bern", "Chur")}
    assert columns.text_columns(model) == {1: ("Basel", "Bern", "Chur")}


def test_members_that_disagree_on_categories_are_refused() -> None:
    tables = [pd.DataFrame({"city": pd.Categorical(names * 20)}) for names in (["Bern", "Basel"], ["Bern", "Chur"])]
    y = np.arange(40) % 2
    members = [LGBMClassifier(n_estimators=2, verbose=-1, n_jobs=1).fit(table, y) for table in tables]
    model = VotingClassifier([("a", members[0]), ("b", members[1])])
    model.estimators_ = members
    with pytest.raises(ConvertError, match="different pandas categories"):
        columns.category_columns(model)


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=["one-hot", "ordinal"])
def test_dates_are_refused_and_text_named_instead(encoder: Any) -> None:
    table = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=3).repeat(20), "x": NUMBERS})

    def fitted(days: pd.Series[Any]) -> Any:
        model = make_pipeline(
            make_column_transformer((encoder, ["day"]), remainder="passthrough"), LogisticRegression()
        )
        return model.fit(table.assign(day=days), TARGET)

    with pytest.raises(ConvertError, match="of the type datetime, and a request holds numbers or text") as caught:
        columns.text_columns(fitted(table["day"]))
    assert "2024-01-31" in str(caught.value.hint)
    assert columns.text_columns(fitted(table["day"].astype(str)))[0][0] == "2024-01-01"
