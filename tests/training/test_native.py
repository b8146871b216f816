"""The oracle: what it answers, what it takes and refuses, and the signature that it finds by asking."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from packager.artifact import Output
from packager.dataset.rows import Rows
from packager.errors import ConvertError, SourceError
from packager.training.native import NativeModel, signature_of

QUIET = {"verbose": -1, "n_jobs": 1, "n_estimators": 3, "min_child_samples": 5}
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(120, 3))
TARGET = (ROWS[:, 0] > 0).astype(int)
TABLE = pd.DataFrame(ROWS, columns=["amount", "age", "share"])


def described(model: Any) -> Any:
    return signature_of(NativeModel(model))


def test_a_classifier_answers_label_and_probabilities() -> None:
    found = described(LogisticRegression().fit(TABLE, np.where(TARGET, "yes", "no")))
    assert (found.task, found.layout, found.classes) == ("classifier", "tensor", ("no", "yes"))
    assert [(output.name, output.role, output.width) for output in found.outputs] == [
        ("label", "label", 0),
        ("probabilities", "probability", 2),
    ]
    assert [column.name for column in found.columns] == ["amount", "age", "share"]


@pytest.mark.parametrize(
    ("model", "task", "outputs"),
    [
        (LinearRegression(), "regressor", [("variable", 0)]),
        (LinearSVC(), "classifier", [("label", 0)]),
        (StandardScaler(), "transformer", [("variable", 3)]),
        (PCA(2), "transformer", [("variable", 2)]),
        (KMeans(2, n_init=1), "classifier", [("label", 0)]),
        (IsolationForest(n_estimators=5), "classifier", [("label", 0)]),
    ],
    ids=lambda item: type(item).__name__ if isinstance(item, BaseEstimator) else "",
)
def test_every_task_has_its_outputs(model: Any, task: str, outputs: list[tuple[str, int]]) -> None:
    found = described(model.fit(ROWS, TARGET))
    assert found.task == task
    assert [(output.name, output.width) for output in found.outputs] == outputs


@pytest.mark.parametrize(
    "labels", [np.array([False, True]), np.array([1, 2]), np.array([1.0, 2.0]), np.array(["a", "b"])]
)
def test_classes_are_plain_values_of_their_own_kind(labels: np.ndarray) -> None:
    found = described(RandomForestClassifier(2).fit(ROWS, labels[TARGET]))
    assert found.classes == tuple(labels.tolist())
    assert {type(label) for label in found.classes} == {type(labels.tolist()[0])}


def test_several_outputs_have_a_width() -> None:
    found = described(LinearRegression().fit(ROWS, np.stack([TARGET, TARGET], 1)))
    assert found.outputs[0].width == 2


@pytest.mark.parametrize("model", [RandomForestClassifier(2), OneVsRestClassifier(LogisticRegression())])
def test_classes_of_several_labels_a_row_are_not_told(model: Any) -> None:
    found = described(model.fit(ROWS, np.stack([TARGET, 1 - TARGET], 1)))
    assert found.classes is None  # some have a list of them, some the numbers of the labels
    names = ["probabilities"] if hasattr(model, "multilabel_") else ["probabilities_0", "probabilities_1"]
    assert found.outputs == (Output("label", "label", 2, "int64"), *(Output(name, "probability", 2) for name in names))


def test_columns_without_names_are_numbered() -> None:
    for model in (LogisticRegression(), LGBMClassifier(**QUIET)):
        found = described(model.fit(ROWS, TARGET))
        assert [column.name for column in found.columns] == ["feature_0", "feature_1", "feature_2"]


def test_a_raw_booster_keeps_its_names() -> None:
    booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(TABLE, TARGET), num_boost_round=2)
    found = described(booster)
    assert (found.task, [column.name for column in found.columns]) == ("regressor", ["amount", "age", "share"])


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        (LogisticRegression(), [False, False, False]),
        (LGBMClassifier(**QUIET), [True, True, True]),
        (HistGradientBoostingClassifier(max_iter=2), [True, True, True]),
        (make_pipeline(SimpleImputer(), LogisticRegression()), [True, True, True]),
        (
            make_pipeline(
                make_column_transformer((SimpleImputer(), [1]), remainder="passthrough"), LogisticRegression()
            ),
            [False, True, False],
        ),
    ],
    ids=["logistic", "lightgbm", "hist", "all filled", "one filled"],
)
def test_columns_that_take_missing_cells_are_found_one_by_one(model: Any, takes: list[bool]) -> None:
    found = described(model.fit(ROWS, TARGET))
    assert [column.accepts_missing for column in found.columns] == takes


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        (RandomForestClassifier(2), float(np.finfo(np.float32).max)),
        (LGBMRegressor(**QUIET), float(np.finfo(np.float64).max)),
        (HistGradientBoostingClassifier(max_iter=2), float(np.finfo(np.float64).max)),
    ],
    ids=["trees read float32", "lightgbm", "hist"],
)
def test_the_largest_magnitude_is_what_the_model_takes(model: Any, limit: float) -> None:
    found = described(model.fit(ROWS, TARGET))
    assert {column.max_abs for column in found.columns} == {limit}


def test_behind_a_scaler_the_magnitude_is_what_still_fits_float32() -> None:
    rows = ROWS * 1e-6
    found = described(make_pipeline(StandardScaler(), RandomForestClassifier(2)).fit(rows, TARGET))
    limit = found.columns[0].max_abs
    assert 1e29 < limit < 1e37
    native = NativeModel(make_pipeline(StandardScaler(), RandomForestClassifier(2)).fit(rows, TARGET))
    _, taken = native.tolerant_answers(Rows(np.full((1, 3), limit)))
    assert taken.all()


def test_codes_of_a_strict_encoder_do_not_narrow_the_other_columns() -> None:
    table = TABLE.assign(code=RANDOM.integers(7, 10, len(TABLE)))
    encoder = make_column_transformer((OneHotEncoder(), ["code"]), remainder="passthrough")
    found = described(make_pipeline(encoder, LinearRegression()).fit(table, TARGET))
    assert found.layout == "tensor"
    assert found.columns[0].max_abs > 1e30


def test_text_columns_come_one_by_one() -> None:
    table = TABLE.assign(city=RANDOM.choice(["Bern", "Zürich"], len(TABLE)))
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), remainder="passthrough")
    native = NativeModel(make_pipeline(encoder, LogisticRegression()).fit(table, TARGET))
    found = signature_of(native)
    assert (found.layout, [column.dtype for column in found.columns]) == ("columns", ["float64"] * 3 + ["string"])
    cities = np.array(["Bern", "nowhere"], dtype=object)
    numbers = np.column_stack([np.zeros((2, 3)), np.full(2, np.nan)])
    assert native.answers(Rows(numbers, {3: cities}))["label"].shape == (2,)


def test_a_text_model_takes_one_column_of_text() -> None:
    model = make_pipeline(make_column_transformer((TfidfVectorizer(), "said")), LogisticRegression())
    found = described(model.fit(pd.DataFrame({"said": ["a good day", "a bad day"] * 10}), [0, 1] * 10))
    assert [column.dtype for column in found.columns] == ["string"]


def test_rows_that_the_model_refuses_are_found_among_the_others() -> None:
    native = NativeModel(LogisticRegression().fit(ROWS, TARGET))
    rows = ROWS[:50].copy()
    refused = [0, 7, 8, 49]
    rows[refused, 1] = np.nan
    found, taken = native.tolerant_answers(Rows(rows))
    assert found is not None
    assert np.flatnonzero(~taken).tolist() == refused
    np.testing.assert_array_equal(found["probabilities"], native.model.predict_proba(rows[taken]))


def test_rows_that_are_all_refused_have_no_answers() -> None:
    native = NativeModel(LogisticRegression().fit(ROWS, TARGET))
    found, taken = native.tolerant_answers(Rows(np.full((3, 3), np.nan)))
    assert found is None
    assert not taken.any()


def test_predictions_run_in_one_thread() -> None:
    native = NativeModel(make_pipeline(StandardScaler(), RandomForestClassifier(3, n_jobs=-1)).fit(ROWS, TARGET))
    assert native.model[-1].n_jobs == 1


def test_an_unfitted_model_is_refused() -> None:
    with pytest.raises(ConvertError, match="LogisticRegression is not fitted"):
        described(LogisticRegression())


def test_two_columns_of_one_name_are_refused() -> None:
    model = LogisticRegression().fit(TABLE, TARGET)
    model.feature_names_in_ = np.array(["a", "a", "b"], dtype=object)
    with pytest.raises(ConvertError, match="same name"):
        described(model)


class Sulking(RegressorMixin, BaseEstimator):
    """A model that was fitted and answers nothing."""

    def fit(self, rows: Any, target: Any) -> Sulking:
        self.n_features_in_ = rows.shape[1]
        return self

    def predict(self, rows: Any) -> Any:
        raise RuntimeError("not today")


def test_a_model_that_answers_nothing_is_refused_with_its_reason() -> None:
    with pytest.raises(SourceError, match="not today"):
        described(Sulking().fit(ROWS, TARGET))


@pytest.mark.parametrize("category", [np.array(["x", "y", "z"]), np.array([30, 10, 20])], ids=["text", "numbers"])
def test_pandas_categories_are_asked_in_their_own_order(category: np.ndarray) -> None:
    codes = RANDOM.integers(0, 3, len(TABLE))
    table = TABLE.assign(kind=pd.Categorical(category[codes], categories=category))
    model = LGBMRegressor(**{**QUIET, "min_data_per_group": 5}).fit(table, codes * 10.0)
    native = NativeModel(model)
    numbers = np.column_stack([ROWS[:4], [np.nan] * 4])
    cells = np.array([*category, category[0]], dtype=object)
    if category.dtype.kind == "U":
        rows = Rows(numbers, {3: cells})
    else:
        numbers[:, 3] = cells.astype(float)
        rows = Rows(numbers)
    asked = TABLE.iloc[:4].assign(kind=pd.Categorical(cells, categories=category))
    np.testing.assert_array_equal(native.answers(rows)["variable"], model.predict(asked))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_timed_call_gives_the_models_own_answer(threads: int) -> None:
    booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(ROWS, TARGET), num_boost_round=2)
    for model in (booster, LGBMClassifier(**QUIET).fit(ROWS, TARGET), LinearRegression().fit(ROWS, TARGET)):
        native = NativeModel(model)
        expected = native.answers(Rows(ROWS))
        answer = native.scorer(threads)(ROWS)
        np.testing.assert_array_equal(answer, expected.get("probabilities", expected.get("variable")))


@pytest.mark.parametrize("is_ordered", [True, False], ids=["ordered", "left out"])
def test_pandas_categories_of_a_column_that_does_not_show_are_refused(is_ordered: bool) -> None:
    codes = np.arange(80) % 6
    table = pd.DataFrame({"code": codes, "kind": pd.Categorical(np.array(["x", "y"])[codes % 2], ordered=is_ordered)})
    model = LGBMClassifier(n_estimators=2, min_child_samples=1, verbose=-1)
    model.fit(table, codes > 2, categorical_feature=["code"])
    with pytest.raises(ConvertError, match="does not show in the artifact"):
        NativeModel(model)
