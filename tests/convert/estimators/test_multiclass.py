"""Several binary classifiers for several classes, over every kind of score and of label."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from packager.convert.builder import Builder
from packager.convert.emitters import EMITTERS
from packager.convert.graph import Part, Table
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


@pytest.mark.parametrize("names", LABELS, ids=str)
@pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS)
@pytest.mark.parametrize("kind", [OneVsRestClassifier, OneVsOneClassifier])
def test_classes(kind: Any, member: Any, names: tuple[object, ...]) -> None:
    assert unlike(kind(member).fit(NUMBERS, labels(*names)), NEAR) == []


@pytest.mark.parametrize("kind", [OneVsRestClassifier, OneVsOneClassifier])
def test_every_members_trees_are_there_once(kind: Any) -> None:
    model = kind(LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1)).fit(NUMBERS, labels("a", "b", "c"))
    builder = Builder(np.dtype(np.float64), EMITTERS)
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(model, method):
            builder.ask(model, method, Table((Part("features", "number", NUMBERS.shape[1]),)))
    assert [node.op_type for node in builder.nodes].count("TreeEnsemble") == 3


@pytest.mark.parametrize("names", LABELS, ids=str)
@pytest.mark.parametrize("member", ["decisions", "both", "shares"])
def test_codes(member: str, names: tuple[object, ...]) -> None:
    model = OutputCodeClassifier(MEMBERS[member], code_size=3, random_state=0)
    assert unlike(model.fit(NUMBERS, labels(*names)), NEAR) == []


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
    model = OneVsRestClassifier(DecisionTreeClassifier(random_state=0)).fit(NUMBERS, labels(*range(5)))
    assert (model.predict_proba(NEAR).sum(axis=1) == 0).any()
    assert unlike(model, NEAR) == []


@pytest.mark.parametrize("code_size", [0.3, 0.8])
def test_equally_near_codes(code_size: float) -> None:
    tree = DecisionTreeClassifier(random_state=0)
    model = OutputCodeClassifier(tree, code_size=code_size, random_state=0).fit(NUMBERS, labels(*range(8)))
    bits = np.stack([member.predict(NEAR) for member in model.estimators_], axis=1)
    far = np.sort(np.abs(bits[:, None] - model.code_book_[None]).sum(axis=2), axis=1)
    assert (far[:, 0] == far[:, 1]).any()
    assert unlike(model, NEAR) == []
