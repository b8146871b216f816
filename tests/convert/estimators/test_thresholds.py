"""Thresholds decide, on every kind of score and for either class; scores are those of the model within."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS, labels

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
TREE = DecisionTreeClassifier(max_depth=3)


@pytest.mark.parametrize("threshold", ["auto", 0.3])
@pytest.mark.parametrize("response", ["auto", "predict_proba", "decision_function"])
@pytest.mark.parametrize("positive", ["no", "yes"])
def test_fixed(positive: str, response: str, threshold: Any) -> None:
    model = FixedThresholdClassifier(
        LogisticRegression(), threshold=threshold, pos_label=positive, response_method=response
    )
    assert unlike(model.fit(NUMBERS, labels("no", "yes")), NEAR) == []


@pytest.mark.parametrize("inner", [TREE, LinearSVC(random_state=0)], ids=lambda model: type(model).__name__)
def test_fixed_without_a_named_class(inner: Any) -> None:
    model = FixedThresholdClassifier(inner, threshold=0.25).fit(NUMBERS, labels(False, True))
    assert unlike(model, NEAR) == []


def test_a_score_on_the_threshold_is_positive() -> None:
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(NUMBERS, labels(0, 1))
    scores = np.unique(tree.predict_proba(NEAR)[:, 1])
    for threshold in scores:
        model = FixedThresholdClassifier(FrozenEstimator(tree), threshold=threshold).fit(NUMBERS, labels(0, 1))
        assert (asked(model, 4)(NEAR)["predict"] == (tree.predict_proba(NEAR)[:, 1] >= threshold)).all()


@pytest.mark.parametrize("scoring", ["balanced_accuracy", make_scorer(f1_score, pos_label="no")])
@pytest.mark.parametrize("inner", [TREE, LinearSVC(random_state=0)], ids=lambda model: type(model).__name__)
def test_tuned(inner: Any, scoring: Any) -> None:
    model = TunedThresholdClassifierCV(inner, scoring=scoring, cv=3, random_state=0).fit(NUMBERS, labels("no", "yes"))
    assert unlike(model, NEAR) == []
