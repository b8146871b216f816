"""Metrics by our names agree with scikit-learn on the model's own labels, and are NaN where they have no value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs

from packager.recipe.metrics import METRICS
from packager.training.metrics import FUNCTIONS, Answers, score

RANDOM = np.random.default_rng(3)
ROWS = 200
EMPTY = np.zeros(0)


def classes(count: int, *, quality: float = 1.0) -> Answers:
    """Return answers of a classifier; the higher `quality`, the closer to the truth."""
    truth = RANDOM.integers(0, count, ROWS)
    raw = np.random.default_rng(4).normal(size=(ROWS, count)) + quality * np.eye(count)[truth]
    probability = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return Answers(truth.astype(float), probability.argmax(axis=1).astype(float), probability, EMPTY, count)


def value(*, noise: float = 1.0) -> Answers:
    truth = RANDOM.normal(size=ROWS)
    return Answers(truth, EMPTY, EMPTY, truth + noise * np.random.default_rng(4).normal(size=ROWS), 0)


def test_every_metric_of_a_recipe_has_a_function() -> None:
    assert FUNCTIONS.keys() == METRICS.keys()


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [3, 9], ["a", "b", "c"]])
def test_positions_among_the_classes_score_as_the_labels_themselves(labels: list[Any]) -> None:
    given, names = classes(len(labels)), np.array(labels)
    truth, found = names[given.truth.astype(int)], names[given.label.astype(int)]
    binary = len(labels) == 2
    average = {"pos_label": labels[1]} if binary else {"average": "macro"}
    assert score("accuracy", given) == pytest.approx(theirs.accuracy_score(truth, found))
    assert score("balanced_accuracy", given) == pytest.approx(theirs.balanced_accuracy_score(truth, found))
    assert score("f1", given) == pytest.approx(theirs.f1_score(truth, found, **average))
    assert score("log_loss", given) == pytest.approx(theirs.log_loss(truth, given.probability, labels=labels))
    if binary:
        positive = truth == labels[1]
        assert score("roc_auc", given) == pytest.approx(theirs.roc_auc_score(positive, given.probability[:, 1]))
        assert score("brier", given) == pytest.approx(theirs.brier_score_loss(positive, given.probability[:, 1]))
        assert score("average_precision", given) == pytest.approx(
            theirs.average_precision_score(positive, given.probability[:, 1])
        )
    else:
        together = theirs.roc_auc_score(truth, given.probability, multi_class="ovr", labels=labels)
        assert score("roc_auc", given) == pytest.approx(together)
        distance = ((given.probability - np.eye(len(labels))[given.truth.astype(int)]) ** 2).sum(axis=1).mean()
        assert score("brier", given) == pytest.approx(distance)


def test_values_score_as_scikit_learn_scores_them() -> None:
    given = value()
    assert score("rmse", given) == pytest.approx(theirs.root_mean_squared_error(given.truth, given.value))
    assert score("mae", given) == pytest.approx(theirs.mean_absolute_error(given.truth, given.value))
    assert score("r2", given) == pytest.approx(theirs.r2_score(given.truth, given.value))


@pytest.mark.parametrize("name", METRICS)
def test_a_worse_model_drops_and_a_better_one_gains(name: str) -> None:
    if METRICS[name].needs == "value":
        relevance = RANDOM.integers(0, 4, ROWS).astype(float)
        noise = np.random.default_rng(4).normal(size=ROWS)
        good, bad = (Answers(relevance, EMPTY, EMPTY, relevance + scale * noise, 0) for scale in (0.1, 3.0))
    else:
        state = RANDOM.bit_generator.state
        good = classes(2, quality=3.0)
        RANDOM.bit_generator.state = state
        bad = classes(2, quality=0.5)
        np.testing.assert_array_equal(good.truth, bad.truth)
    drop = METRICS[name].drop(score(name, good), score(name, bad))
    assert drop > 0.01
    assert METRICS[name].drop(score(name, bad), score(name, good)) == -drop


@pytest.mark.parametrize("name", [name for name in METRICS if METRICS[name].needs == "score"])
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_has_no_metric(name: str, broken: float) -> None:
    given = classes(2)
    given.probability[3, 1] = broken
    assert math.isnan(score(name, given))


def test_a_label_that_is_no_class_has_no_metric() -> None:
    given = classes(2)
    given.label[5] = float("nan")
    assert math.isnan(score("accuracy", given))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1"])
def test_rows_of_one_class_only_raise_nothing(name: str) -> None:
    given = classes(2)
    given.truth[:] = 1.0
    assert isinstance(score(name, given), float)
    if name == "roc_auc":
        assert math.isnan(score(name, given))


def test_rows_that_lack_a_class_raise_nothing() -> None:
    given = classes(3)
    given.truth[given.truth == 2] = 0.0
    for name in METRICS:
        if METRICS[name].needs != "value":
            assert isinstance(score(name, given), float)
