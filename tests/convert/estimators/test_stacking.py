"""Stacking: which of the members' answers the final estimator reads, and in which order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, StackingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS, SIGNAL, THREE_LABELS, labels

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
MEMBERS: list[tuple[str, Any]] = [("tree", TREE), ("forest", RandomForestClassifier(4, max_depth=3, random_state=0))]


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("method", ["auto", "predict"])
@pytest.mark.parametrize("names", [(0, 1), ("b", "a", "c"), (False, True)], ids=str)
@pytest.mark.parametrize("final", [LogisticRegression(), TREE], ids=lambda model: type(model).__name__)
def test_classes(final: Any, names: tuple[object, ...], method: str, passthrough: bool) -> None:
    model = StackingClassifier(MEMBERS, final, stack_method=method, passthrough=passthrough, cv=2)
    assert unlike(model.fit(NUMBERS, labels(*names)), NEAR) == []


def test_members_of_every_kind() -> None:
    members = [("svc", LinearSVC()), ("gone", "drop"), ("ridge", Ridge()), ("tree", TREE)]
    for names in ((0, 1), (0, 1, 2)):
        assert unlike(StackingClassifier(members, cv=2).fit(NUMBERS, labels(*names)), NEAR) == []


@pytest.mark.parametrize("outputs", [2, 3])
def test_several_labels_a_row(outputs: int) -> None:
    model = StackingClassifier(MEMBERS, TREE, cv=2).fit(NUMBERS, THREE_LABELS[:, :outputs])
    assert unlike(model, NEAR) == []


@pytest.mark.parametrize("passthrough", [False, True])
def test_values(passthrough: bool) -> None:
    members = [("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))]
    model = StackingRegressor(members, Ridge(), passthrough=passthrough, cv=2).fit(NUMBERS, SIGNAL)
    assert unlike(model, NEAR) == []


def test_fitted_before() -> None:
    y = labels("low", "mid", "high")
    fitted = [(name, member.fit(NUMBERS[::2], y[::2])) for name, member in MEMBERS]
    assert unlike(StackingClassifier(fitted, cv="prefit").fit(NUMBERS, y), NEAR) == []
    model = StackingClassifier(fitted, TREE, cv="prefit", stack_method="predict_proba").fit(NUMBERS, y)
    model.stack_method_, model._n_feature_outs = ["predict"] * 2, [1, 1]
    with pytest.raises(UnsupportedModel, match="are text, and are used as numbers"):
        asked(model, 4)
