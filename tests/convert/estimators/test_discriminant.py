"""Discriminant analysis decides, projects and states probabilities as scikit-learn's, for two classes and for more."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS, labels

LABELS = [labels("no", "yes"), labels(3, 2**40, 2**53 + 1), labels(False, True), labels(1.0, 2.0, 4.0)]
LINEAR: list[dict[str, Any]] = [
    {},
    {"n_components": 1},
    {"solver": "eigen", "shrinkage": "auto"},
    {"solver": "lsqr", "shrinkage": 0.3},
]
QUADRATIC: list[dict[str, Any]] = [{}, {"reg_param": 0.2}, {"solver": "eigen", "shrinkage": 0.1}]


@pytest.mark.parametrize("target", LABELS, ids=["text", "large", "bool", "float"])
@pytest.mark.parametrize("given", LINEAR, ids=str)
def test_linear(given: Any, target: Any) -> None:
    model = LinearDiscriminantAnalysis(**given).fit(NUMBERS + [0, 1, 1e3, 0], target)
    methods: Any = ["predict", "predict_proba", "decision_function"]
    methods += ["transform"] if given.get("solver") != "lsqr" else []
    assert unlike(model, ASKED[:300], methods=methods) == []


@pytest.mark.parametrize("target", LABELS, ids=["text", "large", "bool", "float"])
@pytest.mark.parametrize("given", QUADRATIC, ids=str)
def test_quadratic(given: Any, target: Any) -> None:
    assert unlike(QuadraticDiscriminantAnalysis(**given).fit(NUMBERS, target), ASKED[:300]) == []
