"""Several outputs, apart and in chains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from packager.convert.builder import Builder
from packager.convert.emitters import EMITTERS
from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS, THREE_LABELS, TWO_OUTPUTS, labels

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
TEXTS = np.array(["no", "yes"], dtype=object)[THREE_LABELS]
UNLIKE = np.stack([labels(0, 1, 2), labels(3, 4)], axis=1)


@pytest.mark.parametrize("y", [THREE_LABELS, TEXTS, UNLIKE, THREE_LABELS > 0, THREE_LABELS * 2.0])
@pytest.mark.parametrize("member", [TREE, LinearSVC(random_state=0)], ids=lambda model: type(model).__name__)
def test_labels_apart(member: Any, y: Any) -> None:
    assert unlike(MultiOutputClassifier(member).fit(NUMBERS, y), NEAR) == []


def test_one_output() -> None:
    model = MultiOutputClassifier(TREE).fit(NUMBERS, THREE_LABELS[:, :1])
    assert unlike(model, NEAR, methods=("predict",)) == []
    assert isinstance(Builder(np.dtype(np.float64), EMITTERS).ask(model, "predict_proba", "features"), tuple)


def test_text_beside_numbers_is_refused() -> None:
    mixed = MultiOutputClassifier(TREE).fit(NUMBERS, TEXTS)
    mixed.estimators_[0].classes_ = np.array([0, 1])
    mixed.classes_ = [member.classes_ for member in mixed.estimators_]
    with pytest.raises(UnsupportedModel, match="text in one output and with numbers in another"):
        asked(mixed, 4)


@pytest.mark.parametrize(
    "member", [Ridge(), DecisionTreeRegressor(max_depth=3)], ids=lambda model: type(model).__name__
)
def test_values(member: Any) -> None:
    assert unlike(MultiOutputRegressor(member).fit(NUMBERS, TWO_OUTPUTS), NEAR) == []
    for order in (None, [1, 0], (1, 0), "random"):
        model = RegressorChain(member, order=order, random_state=3).fit(NUMBERS, TWO_OUTPUTS)
        assert unlike(model, NEAR) == []


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("order", [None, [2, 0, 1]])
@pytest.mark.parametrize("cv", [None, 2])
def test_chains_of_labels(cv: int | None, order: Any, method: str) -> None:
    model = ClassifierChain(LogisticRegression(), order=order, chain_method=method, cv=cv).fit(NUMBERS, THREE_LABELS)
    assert unlike(model, NEAR) == []


def test_chains_of_more_than_two_values() -> None:
    assert unlike(ClassifierChain(TREE).fit(NUMBERS, UNLIKE), NEAR, methods=("predict",)) == []
    with pytest.raises(UnsupportedModel, match="no single number for the chain"):
        asked(ClassifierChain(TREE).fit(NUMBERS, UNLIKE), 4, methods=("predict_proba",))
    logarithms = ClassifierChain(LogisticRegression(), chain_method="predict_log_proba").fit(NUMBERS, THREE_LABELS)
    with pytest.raises(UnsupportedModel, match="predict_log_proba"):
        asked(logarithms, 4)
