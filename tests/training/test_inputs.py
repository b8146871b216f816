"""The form of the rows is told by the steps that they reach first, however deep those sit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.image import PatchExtractor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler

from packager.dataset.rows import Rows
from packager.errors import ConvertError
from packager.training import inputs
from packager.training.native import NativeModel, signature_of

TEXTS = ["good day", "bad day", "Good night", "no night"] * 3
LABELS = [1, 0, 1, 0] * 3
WORDS = make_pipeline(TfidfVectorizer(), LogisticRegression())


@pytest.mark.parametrize(
    "model",
    [
        WORDS,
        Pipeline([("nothing", "passthrough"), ("words", CountVectorizer()), ("model", LogisticRegression())]),
        make_pipeline(FeatureUnion([("a", CountVectorizer()), ("b", TfidfVectorizer())]), LogisticRegression()),
        GridSearchCV(WORDS, {}, cv=2),
        CalibratedClassifierCV(WORDS, cv=2),
        OneVsRestClassifier(WORDS),
        VotingClassifier([("a", WORDS)], voting="soft"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_texts_go_in_as_a_list(model: Any) -> None:
    native = NativeModel(model.fit(TEXTS, LABELS))
    signature = signature_of(native)
    assert [(column.name, column.dtype, column.accepts_missing) for column in signature.columns] == [
        ("text", "string", False)
    ]
    asked = native.native_input(Rows(np.full((2, 1), np.nan), {0: np.array(["a good day", ""], dtype=object)}))
    assert list(asked) == ["a good day", ""]


def test_records_go_in_as_dictionaries() -> None:
    native = NativeModel(DictVectorizer().fit([{"a": 1.0, "b": "x"}]))
    rows = Rows(np.array([[2.0, np.nan], [3.0, np.nan]]), {1: np.array(["y", "x"], dtype=object)})
    assert native.native_input(rows) == [{"a": 2.0, "b": "y"}, {"a": 3.0, "b": "x"}]
    assert inputs.column_names(native.model) == ("a", "b")


def test_a_step_that_counts_its_columns_stands_for_what_is_behind_it() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(np.eye(4), [0, 1, 0, 1])
    assert (inputs.form_of(model), inputs.column_count(model)) == ("table", 4)
    assert inputs.column_count(IsotonicRegression().fit([1, 2], [1, 2])) == 1


def test_members_tell_the_columns_of_an_ensemble_whose_first_one_begins_with_an_idle_step() -> None:
    idle = Pipeline([("nothing", "passthrough"), ("model", LogisticRegression())])
    model = VotingClassifier([("idle", idle), ("other", LogisticRegression())]).fit(np.eye(4), [0, 1, 0, 1])
    assert not hasattr(model, "n_features_in_")
    assert inputs.column_count(model) == 4


@pytest.mark.parametrize(
    ("step", "hint"),
    [(FeatureHasher(4), "DictVectorizer"), (MultiLabelBinarizer(), "labels"), (PatchExtractor(), "patches")],
)
def test_rows_that_no_table_holds_are_refused_by_the_innermost_step(step: Any, hint: str) -> None:
    step.fit([["a"]]) if isinstance(step, MultiLabelBinarizer) else None
    model = Pipeline([("inner", Pipeline([("step", step)]))])
    with pytest.raises(ConvertError, match=f"^{type(step).__name__} takes ") as refused:
        inputs.check_columns(model)
    assert hint in str(refused.value.hint)
