"""Votes, weights, ties and dropped members."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS, SIGNAL, labels

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e10]
MEMBERS = [(f"m{seed}", DecisionTreeClassifier(max_depth=3, max_features=1, random_state=seed)) for seed in range(4)]
VALUES = [("ridge", Ridge()), *((f"m{at}", DecisionTreeRegressor(max_depth=at)) for at in (2, 3, 4))]


@pytest.mark.parametrize("voting", ["hard", "soft"])
@pytest.mark.parametrize("weights", [None, [1, 1, 2, 2], [0, 0.1, 0.2, 0.3]])
@pytest.mark.parametrize("names", [(0, 1), ("b", "a", "c"), (False, True), (5, 7, 9, 11)], ids=str)
def test_classes(names: tuple[object, ...], weights: Any, voting: str) -> None:
    model = VotingClassifier(MEMBERS, voting=voting, weights=weights).fit(NUMBERS, labels(*names))
    assert unlike(model, NEAR, tolerance=1e-15) == []


def test_a_dropped_member_takes_its_weight_along() -> None:
    members = [MEMBERS[0], ("gone", "drop"), *MEMBERS[1:3]]
    model = VotingClassifier(members, voting="hard", weights=[1, 9, 2, 2]).fit(NUMBERS, labels(0, 1, 2))
    assert unlike(model, NEAR) == []
    numbers = VotingRegressor([VALUES[0], ("gone", "drop"), VALUES[1]], weights=[1, 9, 2]).fit(NUMBERS, SIGNAL)
    assert unlike(numbers, NEAR) == []


@pytest.mark.parametrize("weights", [None, [1, 3, 0, 0.5]])
def test_values(weights: Any) -> None:
    assert unlike(VotingRegressor(VALUES, weights=weights).fit(NUMBERS, SIGNAL), NEAR) == []


def test_what_has_no_form_is_refused() -> None:
    cube = VotingClassifier(MEMBERS, voting="soft", flatten_transform=False).fit(NUMBERS, labels(0, 1))
    with pytest.raises(UnsupportedModel, match="flatten_transform=False"):
        asked(cube, 4, methods=("transform",))
    against = VotingClassifier(MEMBERS, weights=[1, 1, -1, 1]).fit(NUMBERS, labels(0, 1))
    with pytest.raises(UnsupportedModel, match="negative weight"):
        asked(against, 4, methods=("predict",))
