"""What a metric reads: positions among the classes, whatever the labels are; and a metric that fits the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from packager.artifact import Output, Scalar, Signature
from packager.errors import VerifyError
from packager.verify.reading import Reading, default_metric, drift_metric, label_indices

from .recipes import recipe

LABEL, PROBABILITY = Output("label", "label", 0), Output("probabilities", "probability", 2)
VALUE = Output("variable", "value", 0)


def classifier(classes: tuple[Scalar, ...] = (0, 1), *, scores: bool = True) -> Signature:
    outputs = (LABEL, Output("probabilities", "probability", len(classes))) if scores else (LABEL,)
    return Signature("classifier", "tensor", (), outputs, classes)


REGRESSOR = Signature("regressor", "tensor", (), (VALUE,))


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (np.array(["b", "a"], dtype=object), ("a", "b"), [1, 0]),
        (np.array(["1", "0"], dtype=object), (0, 1), [1, 0]),
        (np.array([1, 0]), ("0", "1"), [1, 0]),
        (np.array([True, False]), (False, True), [1, 0]),
        (np.array([1, 0]), (False, True), [1, 0]),
        (np.array([1.0, 0.0]), (0, 1), [1, 0]),
        (np.array([0.5, 2.5]), (0.5, 2.5), [0, 1]),
        (np.array([2**53 + 1, 2**53]), (2**53, 2**53 + 1), [1, 0]),
        (np.array([7, 3, 7]), (3, 5, 7), [2, 0, 2]),
    ],
)
def test_labels_become_positions_among_the_classes(
    labels: np.ndarray, classes: tuple[Scalar, ...], expected: list[int]
) -> None:
    assert label_indices(labels, classes).tolist() == expected


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array(["c"], dtype=object), ("a", "b")),
        (np.array([None], dtype=object), ("a", "b")),
        (np.array([2]), (0, 1)),
        (np.array([0.5]), (0, 1)),
        (np.array([float("nan")]), (0.0, 1.0)),
        (np.array([1.0]), ("0", "1")),
    ],
)
def test_a_label_that_is_no_class_has_no_position(labels: np.ndarray, classes: tuple[Scalar, ...]) -> None:
    assert label_indices(labels, classes)[0] == -1


@pytest.mark.parametrize(
    ("signature", "metric"),
    [
        (classifier(), "roc_auc"),
        (classifier(("a", "b", "c")), "accuracy"),
        (classifier(scores=False), "accuracy"),
        (REGRESSOR, "rmse"),
        (Signature("regressor", "tensor", (), (Output("variable", "value", 3),)), None),
        (Signature("classifier", "tensor", (), (LABEL,)), None),
        (Signature("transformer", "tensor", (), (Output("variable", "value", 3),)), None),
    ],
)
def test_a_metric_that_fits_is_told_when_none_is_named(
    signature: Signature, metric: str | None, tmp_path: Path
) -> None:
    assert default_metric(signature) == metric
    assert drift_metric(signature, recipe(tmp_path)) == metric


@pytest.mark.parametrize(
    ("signature", "metric"),
    [
        (classifier(), "rmse"),
        (classifier(scores=False), "roc_auc"),
        (classifier(("only",)), "log_loss"),
        (classifier(scores=False), "log_loss"),
        (REGRESSOR, "accuracy"),
        (REGRESSOR, "f1"),
        (Signature("transformer", "tensor", (), (VALUE,)), "rmse"),
        (Signature("classifier", "tensor", (), (LABEL,)), "accuracy"),
        (Signature("classifier", "tensor", (), (Output("label", "label", 2), PROBABILITY)), "accuracy"),
        (Signature("classifier", "tensor", (), (Output("label", "label", 2), PROBABILITY)), "roc_auc"),
        (Signature("regressor", "tensor", (), (Output("variable", "value", 2),)), "rmse"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused_before_any_row_is_read(
    signature: Signature, metric: str, tmp_path: Path
) -> None:
    asked = recipe(tmp_path, f"{{drift: {{metric: {metric}}}}}", "{label: y}")
    with pytest.raises(VerifyError) as caught:
        drift_metric(signature, asked)
    assert metric in str(caught.value)
    assert "recipe.yml:5 verify.drift.metric" in str(caught.value)


def reading(metric: str, signature: Signature) -> Reading:
    return Reading.of(metric, signature, where="rows.csv: the label column 'y'", key="recipe.yml:4 data.label")


@pytest.mark.parametrize(
    ("signature", "metric", "labels", "words"),
    [
        (classifier(("a", "b")), "roc_auc", np.array(["a", "x", "x"], dtype=object), "in 2 rows"),
        (classifier(("a", "b")), "roc_auc", np.array([0, 1, 1]), "holds numbers, the model's classes are text"),
        (classifier(), "roc_auc", np.array(["no", "yes"], dtype=object), "holds text, the model's classes are numbers"),
        (classifier(), "accuracy", np.array([0, 1, 2]), "labels that the model does not know, in 1 rows"),
        (REGRESSOR, "rmse", np.array([1.0, np.nan, np.inf]), "no finite numbers, in 2 rows"),
        (REGRESSOR, "rmse", np.array(["a"], dtype=object), "holds text, and the model answers numbers"),
        (REGRESSOR, "log_loss", np.array([0.0, 0.5]), "labels that the model does not know, in 1 rows"),
    ],
)
def test_labels_that_the_model_does_not_know_stop_the_build(
    signature: Signature, metric: str, labels: np.ndarray, words: str
) -> None:
    with pytest.raises(VerifyError) as caught:
        reading(metric, signature).truth(labels)
    told = str(caught.value)
    assert words in told
    assert "rows.csv: the label column 'y'" in told
    assert "recipe.yml:4 data.label" in told
    assert "'x'" not in told


def test_scores_are_read_in_the_order_of_the_new_models_classes() -> None:
    scores = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    asked = reading("log_loss", classifier(("a", "b", "c")))
    other = classifier(("c", "a", "b"))
    np.testing.assert_array_equal(asked.answers(other, {"probabilities": scores}), scores[:, [1, 2, 0]])


def test_of_two_classes_the_second_ones_score_is_read() -> None:
    scores = np.array([[0.2, 0.8], [0.6, 0.4]])
    asked = reading("roc_auc", classifier(("no", "yes")))
    np.testing.assert_array_equal(asked.answers(classifier(("no", "yes")), {"probabilities": scores}), [0.8, 0.4])
    np.testing.assert_array_equal(asked.answers(classifier(("yes", "no")), {"probabilities": scores}), [0.2, 0.6])


def test_labels_are_read_as_positions_whatever_the_order_of_classes() -> None:
    asked = reading("accuracy", classifier(("a", "b", "c")))
    answers = {"label": np.array(["c", "a"], dtype=object)}
    np.testing.assert_array_equal(asked.answers(classifier(("c", "b", "a")), answers), [2, 0])


@pytest.mark.parametrize(("metric", "refused"), [("log_loss", True), ("brier", True), ("roc_auc", False)])
def test_values_that_are_no_probabilities_are_no_scores_for_some(metric: str, refused: bool) -> None:
    asked = reading(metric, REGRESSOR)
    asked.check_scores(np.array([0.0, 1.0, 0.5]))
    for values in ([-0.1], [1.1], [np.nan]):
        if refused:
            with pytest.raises(VerifyError, match="reads probabilities"):
                asked.check_scores(np.array(values))
        else:
            asked.check_scores(np.array(values))
