"""Calibrated probabilities: every method, over every kind of score, with labels of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV, _CalibratedClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS, labels

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
METHODS = ("sigmoid", "isotonic", "temperature")
SCORES: dict[str, Any] = {
    "decisions": LinearSVC(random_state=0),
    "shares": RandomForestClassifier(6, max_depth=4, random_state=0),
    "zeros": OneVsRestClassifier(DecisionTreeClassifier(max_depth=3)),
    "raw scores": LGBMClassifier(n_estimators=4, min_child_samples=5, verbose=-1, n_jobs=1),
}
LABELS = {"numbers": (0, 1), "texts": ("b", "a", "c"), "truth": (False, True), "floats": (0.0, 1.0, 2.0)}


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("names", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", SCORES.values(), ids=SCORES)
def test_probabilities_and_labels(model: Any, method: str, names: tuple[object, ...], ensemble: bool) -> None:
    fitted = CalibratedClassifierCV(model, method=method, cv=2, ensemble=ensemble).fit(NUMBERS, labels(*names))
    assert unlike(fitted, NEAR) == []


@pytest.mark.parametrize("method", METHODS)
def test_over_a_frozen_model(method: str) -> None:
    frozen = FrozenEstimator(DecisionTreeClassifier(max_depth=4).fit(NUMBERS[::2], labels(0, 1, 2)[::2]))
    assert unlike(CalibratedClassifierCV(frozen, method=method).fit(NUMBERS, labels(0, 1, 2)), NEAR) == []


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_of_a_fit_on_float32(method: str) -> None:
    fitted = CalibratedClassifierCV(LogisticRegression(), method=method, cv=2)
    fitted.fit(NUMBERS.astype(np.float32), labels(0, 1))
    assert unlike(fitted, NUMBERS.astype(np.float32).astype(np.float64)) == []


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_over_more_scores_than_classes(method: str) -> None:
    pairs = SVC(decision_function_shape="ovo")
    assert unlike(CalibratedClassifierCV(pairs, method=method, cv=2).fit(NUMBERS, labels(0, 1, 2, 3)), NEAR) == []


def test_rows_that_no_class_takes_get_even_shares() -> None:
    fitted = CalibratedClassifierCV(LinearSVC(random_state=0), method="isotonic", cv=2)
    fitted.fit(NUMBERS, labels("low", "mid", "high"))
    for fold in fitted.calibrated_classifiers_:
        for calibrator in fold.calibrators:
            calibrator.y_thresholds_[:-1] = 0
            calibrator._build_f(calibrator.X_thresholds_, calibrator.y_thresholds_)
    assert (np.abs(fitted.predict_proba(NEAR) - 1 / 3) < 1e-12).all(axis=1).any()
    assert unlike(fitted, NEAR) == []


def test_a_fold_that_has_not_seen_every_class() -> None:
    y = labels(0, 1, 2)
    kept = y != 1
    inner = LinearSVC(random_state=0).fit(NUMBERS[kept], y[kept])
    fitted = CalibratedClassifierCV(LinearSVC(random_state=0), cv=2).fit(NUMBERS, y)
    calibrators = fitted.calibrated_classifiers_[0].calibrators[:1]
    fitted.calibrated_classifiers_[0] = _CalibratedClassifier(
        inner, calibrators, classes=np.array([0, 1, 2]), method="sigmoid"
    )
    assert unlike(fitted, NEAR) == []


def test_probabilities_just_above_one_are_one() -> None:
    fitted = CalibratedClassifierCV(LinearSVC(random_state=0), method="isotonic", cv=2).fit(NUMBERS, labels(0, 1))
    for fold in fitted.calibrated_classifiers_:
        known = IsotonicRegression(out_of_bounds="clip").fit([-1.0, 1.0], [0.0, 1 + 1e-6])
        fold.calibrators = [known]
    assert fitted.predict_proba(NEAR).max() == 1
    assert unlike(fitted, NEAR, tolerance=1e-14) == []
