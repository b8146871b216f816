"""Selected columns come through as they are, and recursive elimination answers about them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import feature_selection as selection
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS, SIGNAL, labels

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]


@pytest.mark.parametrize(
    "selector",
    [
        selection.GenericUnivariateSelect(mode="k_best", param=2),
        selection.SelectFdr(alpha=0.5),
        selection.SelectFpr(alpha=0.5),
        selection.SelectFromModel(LinearSVC(), threshold="mean"),
        selection.SelectFromModel(TREE, max_features=2),
        selection.SelectFwe(alpha=0.5),
        selection.SelectKBest(k="all"),
        selection.SelectKBest(k=1),
        selection.SelectPercentile(percentile=50),
        selection.SequentialFeatureSelector(TREE, n_features_to_select=2, cv=2),
        selection.VarianceThreshold(1.0),
    ],
    ids=str,
)
def test_columns(selector: Any) -> None:
    assert unlike(selector.fit(NUMBERS, labels(0, 1)), ASKED, tolerance=0) == []
    assert unlike(make_pipeline(selector, TREE).fit(NUMBERS, labels(0, 1)), NEAR) == []


@pytest.mark.parametrize("inner", [LogisticRegression(), TREE, Ridge(), DecisionTreeRegressor(max_depth=3)], ids=str)
def test_elimination(inner: Any) -> None:
    y = SIGNAL if hasattr(inner, "score") and not hasattr(inner, "predict_proba") else labels("b", "a", "c")
    assert unlike(selection.RFE(inner, n_features_to_select=2).fit(NUMBERS, y), NEAR) == []
    assert unlike(selection.RFECV(inner, cv=2).fit(NUMBERS, y), NEAR) == []
