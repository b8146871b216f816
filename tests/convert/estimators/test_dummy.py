"""Dummy estimators answer the same for every row; those that draw at random are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS, SIGNAL, TWO_OUTPUTS, labels

PAIRS = np.stack([labels(1, 2, 3), labels(9, 8, 8)], axis=1)


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (DummyClassifier(), labels("b", "a", "a")),
        (DummyClassifier(strategy="most_frequent"), labels(2**40, 3, 3)),
        (DummyClassifier(strategy="prior"), PAIRS),
        (DummyClassifier(strategy="constant", constant="b"), labels("b", "a", "a")),
        (DummyClassifier(strategy="constant", constant=[3, 9]), PAIRS),
        (DummyRegressor(), SIGNAL),
        (DummyRegressor(strategy="median"), TWO_OUTPUTS),
        (DummyRegressor(strategy="quantile", quantile=0.3), SIGNAL[:, None]),
        (DummyRegressor(strategy="constant", constant=7), SIGNAL),
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else str(value),
)
def test_a_dummy_is_itself(model: Any, target: Any) -> None:
    assert unlike(model.fit(NUMBERS, target), ASKED, tolerance=0) == []


@pytest.mark.parametrize("strategy", ["stratified", "uniform"])
def test_chance_is_refused(strategy: str) -> None:
    with pytest.raises(UnsupportedModel, match=f"the strategy {strategy} draws its labels at random"):
        asked(DummyClassifier(strategy=strategy).fit(NUMBERS, labels(0, 1)), 4)
