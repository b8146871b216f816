"""Several binary classifiers for several classes, over every kind of score and of label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS, THREE_LABELS, labels

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
MEMBERS: dict[str, Any] = {
    "decisions": LinearSVC(random_state=0),
    "both": LogisticRegression(),
    "shares": DecisionTreeClassifier(max_depth=3, random_state=0),
    "values": DecisionTreeRegressor(max_depth=3, random_state=0),
    "linear values": Ridge(),
}
LABELS = [(0, 1), ("b", "a", "c"), (False, True), (1.0, 2.0, 3.0), (2**40, 2**40 + 1, 2**40 + 2, 5)]
KINDS = [OneVsRestClassifier, OneVsOneClassifier, OutputCodeClassifier]


@pytest.mark.parametrize("names", LABELS, ids=str)
@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
@pytest.mark.parametrize("kind", KINDS)
def test_classes(kind: Any, member: Any, names: tuple[object, ...]) -> None:
    settings = {"code_size": 3, "random_state": 0} if kind is OutputCodeClassifier else {}
    assert unlike(kind(member, **settings).fit(NUMBERS, labels(*names)), NEAR) == []


@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
def test_several_labels_a_row(member: Any) -> None:
    assert unlike(OneVsRestClassifier(member).fit(NUMBERS, THREE_LABELS), NEAR) == []


@pytest.mark.filterwarnings("ignore:Label")
@pytest.mark.parametrize("member", [MEMBERS["decisions"], MEMBERS["shares"]], ids=["decisions", "shares"])
def test_labels_that_every_row_has_or_none(member: Any) -> None:
    y = np.concatenate([THREE_LABELS, np.ones((120, 1), int), np.zeros((120, 1), int)], axis=1)
    methods = ("predict", "predict_proba") if hasattr(member, "predict_proba") else ("predict", "decision_function")
    assert unlike(OneVsRestClassifier(member).fit(NUMBERS, y), NEAR, methods=methods) == []


def test_shares_of_a_row_that_no_class_takes_stay_zero() -> None:
    model = OneVsRestClassifier(MEMBERS["shares"]).fit(NUMBERS, labels(*range(5)))
    assert (model.predict_proba(NEAR).sum(axis=1) == 0).any()
    assert unlike(model, NEAR) == []


def test_equally_near_codes() -> None:
    model = OutputCodeClassifier(MEMBERS["shares"], code_size=1, random_state=0).fit(NUMBERS, labels(*range(8)))
    assert len(np.unique(model.code_book_, axis=0)) < 8 or len(np.unique(model.predict(NEAR))) < 8
    assert unlike(model, NEAR) == []
