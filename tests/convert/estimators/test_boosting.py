"""Gradient boosting: any start, any loss; histogram boosting: categories as its predictor treats them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression

from packager.convert.graph import UnsupportedModel
from packager.dataset.rows import Rows
from tests.convert.asked import asked, unlike
from tests.convert.pairs import pair

from .rows import ABOVE_ZERO, ASKED, NUMBERS, SIGNAL, labels

WITHIN = ASKED[np.abs(ASKED).max(axis=1) < 1e38]
SMALL: dict[str, Any] = {"n_estimators": 6, "random_state": 0}
FOREST = RandomForestClassifier(4, max_depth=3, random_state=0)


@pytest.mark.parametrize("loss", ["log_loss", "exponential"])
@pytest.mark.parametrize("start", [None, "zero", FOREST, DummyClassifier(strategy="most_frequent")], ids=str)
def test_two_classes(start: Any, loss: str) -> None:
    model = GradientBoostingClassifier(init=start, loss=loss, **SMALL).fit(NUMBERS, labels("a", "b"))
    assert unlike(model, WITHIN) == []


@pytest.mark.parametrize("start", [None, "zero", FOREST], ids=str)
def test_three_classes(start: Any) -> None:
    assert unlike(GradientBoostingClassifier(init=start, **SMALL).fit(NUMBERS, labels(3, 1, 2)), WITHIN) == []


@pytest.mark.parametrize(
    "start", [None, "zero", RandomForestRegressor(4, random_state=0), DummyRegressor(strategy="median")], ids=str
)
def test_values(start: Any) -> None:
    model = GradientBoostingRegressor(init=start, loss="huber", **SMALL).fit(NUMBERS, SIGNAL)
    assert unlike(model, WITHIN, tolerance=0) == []


@pytest.mark.parametrize(
    ("start", "why"),
    [(LogisticRegression(), "computes in float32"), (DummyClassifier(strategy="uniform"), "by chance")],
)
def test_a_start_that_cannot_be_exact_is_refused(start: Any, why: str) -> None:
    model = GradientBoostingClassifier(init=start, **SMALL).fit(NUMBERS, labels(0, 1))
    with pytest.raises(UnsupportedModel, match=why):
        asked(model, 4)


def test_a_linear_start_which_computes_in_float32_is_refused() -> None:
    model = GradientBoostingRegressor(init=LinearRegression(), n_estimators=3).fit(NUMBERS, SIGNAL)
    with pytest.raises(UnsupportedModel, match="LinearRegression, computes in float32"):
        asked(model, 4)


FRACTIONS = np.array([0.5, -2.0, 1e6, 7.0])[np.arange(120) % 4]
CODED = np.column_stack([NUMBERS[:, 0], np.arange(120) % 9, NUMBERS[:, 2], FRACTIONS])
ODD = np.array([0.0, -0.0, 1.0, 8.0, 9.0, 255.0, 256.0, 1e9, -1.0, -2.0, 0.5, 0.25, 1e6, 7.0, 7.5, np.nan, 1e300])
ASKED_CODES = np.repeat(CODED, len(ODD), axis=0)
ASKED_CODES[:, 1], ASKED_CODES[:, 3] = np.resize(ODD, len(ASKED_CODES)), np.resize(np.roll(ODD, 3), len(ASKED_CODES))


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("kind", ["value", "classes"])
def test_categories(kind: str, missing: bool) -> None:
    rows = CODED.copy()
    if missing:
        rows[::5, 1] = rows[::7, 3] = np.nan
    target = SIGNAL + (CODED[:, 1] % 3) * 2 + (CODED[:, 3] == 7)
    settings: dict[str, Any] = {"categorical_features": [3, 1], "max_iter": 8, "min_samples_leaf": 3}
    if kind == "value":
        model = HistGradientBoostingRegressor(**settings).fit(rows, target)
    else:
        model = HistGradientBoostingClassifier(**settings).fit(rows, np.digitize(target, [0.5, 3]))
    assert any(item.nodes["is_categorical"].any() for stage in model._predictors for item in stage)
    assert unlike(model, ASKED_CODES) == []


@pytest.mark.parametrize("choice", ["from_dtype", ["place"]], ids=str)
def test_pandas_categories(choice: Any, tmp_path: Any) -> None:
    names = np.array(["Bern", "Zürich", "東京", "", "x y"])
    table = pd.DataFrame(NUMBERS, columns=list("abcd"))
    table.insert(2, "place", pd.Categorical(names[np.arange(120) % 5], categories=names))
    table.loc[::9, "place"] = None
    model = HistGradientBoostingRegressor(categorical_features=choice, max_iter=8, min_samples_leaf=3)
    both = pair(model.fit(table, SIGNAL + (np.arange(120) % 5 == 2)), tmp_path)
    assert both.signature.columns[2].dtype == "string"
    texts = np.array([*names, "unseen", " Bern", "bern", None], dtype=object)
    numbers = np.insert(np.tile(NUMBERS, (2, 1)), 2, np.nan, axis=1)
    assert both.differences(Rows(numbers, {2: np.resize(texts, len(numbers))})) == []
    assert both.differences(both.probes().rows) == []


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_losses_behind_an_exponential(loss: str) -> None:
    assert unlike(HistGradientBoostingRegressor(loss=loss, max_iter=6).fit(NUMBERS, ABOVE_ZERO), ASKED) == []
