"""Linear classifiers: labels of every kind by the decision function, probabilities by each one's own rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import linear_model as linear
from sklearn.ensemble import AdaBoostClassifier
from sklearn.svm import LinearSVC

from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS, THREE_LABELS, labels

pytestmark = pytest.mark.filterwarnings("ignore:The default value:FutureWarning")
SEED: dict[str, Any] = {"random_state": 0}
TWO, THREE = labels(0, 1), labels("high", "low", "mid")


@pytest.mark.parametrize(
    "target",
    [TWO, THREE, labels(False, True), labels(1.0, 2.0, 7.0), labels(-3, 2**33, 2**53 + 1)],
    ids=["two", "text", "truth", "doubles", "large"],
)
@pytest.mark.parametrize(
    "model",
    [
        linear.LogisticRegression(),
        linear.SGDClassifier(loss="log_loss", **SEED),
        linear.SGDClassifier(loss="modified_huber", fit_intercept=False, **SEED),
        linear.RidgeClassifier(),
        LinearSVC(**SEED),
    ],
    ids=str,
)
def test_a_linear_classifier_is_itself(model: Any, target: Any) -> None:
    assert unlike(model.fit(NUMBERS, target), ASKED) == []


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (linear.LogisticRegression(solver="liblinear"), TWO),
        (linear.LogisticRegressionCV(Cs=2, cv=2, use_legacy_attributes=False), THREE),
        (linear.LogisticRegression(fit_intercept=False, C=1e4), THREE),
        (linear.LogisticRegression(), THREE),
        (linear.Perceptron(**SEED), THREE),
        (linear.PassiveAggressiveClassifier(**SEED), TWO),
        (linear.SGDClassifier(average=True, **SEED), THREE),
        (LinearSVC(multi_class="crammer_singer", **SEED), THREE),
        (linear.RidgeClassifierCV(), THREE_LABELS),
        (linear.RidgeClassifier(fit_intercept=False), THREE_LABELS),
        (linear.SGDOneClassSVM(nu=0.2, **SEED), None),
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else str(value),
)
def test_less_usual_ones(model: Any, target: Any) -> None:
    assert unlike(model.fit(NUMBERS, target), ASKED) == []


def test_sparse_weights() -> None:
    assert unlike(linear.LogisticRegression().fit(NUMBERS, THREE).sparsify(), ASKED) == []


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
def test_classes_that_are_all_impossible_are_equally_likely(loss: str) -> None:
    model = linear.SGDClassifier(loss=loss, **SEED).fit(NUMBERS, THREE)
    model.coef_[:] = 0
    model.coef_[:, 0] = -1
    impossible = np.array([[1e3, 0, 0, 0], [1e30, 0, 0, 0]])
    assert (model.predict_proba(impossible) == 1 / 3).all()
    assert unlike(model, impossible, tolerance=0) == []


@pytest.mark.parametrize("decision", [0.0, -0.0, 5e-324, -5e-324])
def test_a_decision_of_zero_is_the_first_class_but_an_inlier(decision: float) -> None:
    row = np.zeros((1, 4))
    classifier = linear.SGDClassifier(loss="log_loss", **SEED).fit(NUMBERS, TWO)
    classifier.intercept_[:] = decision
    assert unlike(classifier, row) == []
    outliers = linear.SGDOneClassSVM(**SEED).fit(NUMBERS)
    outliers.offset_ = np.array([-decision])
    assert unlike(outliers, row) == []


@pytest.mark.parametrize(
    "model", [linear.Perceptron(eta0=0.1), AdaBoostClassifier(linear.Perceptron(eta0=0.1))], ids=str
)
def test_a_row_on_the_boundary_is_answered_as_natively_alone(model: Any) -> None:
    # The weights are tenths, the cells whole: many sums are 0 but for their rounding, whose order in the original
    # depends on how many rows it is asked about.
    random = np.random.default_rng(5)
    rows, asked_for = random.integers(0, 3, (100, 5)) * 1.0, random.integers(-1, 3, (600, 5)) * 1.0
    model.fit(rows, rows @ [1, 2, -3, 1, -1] > 0)
    alone = np.concatenate([model.predict(row[None]) for row in asked_for])
    assert (asked(model, 5, methods=["predict"])(asked_for)["predict"] == alone).all()
