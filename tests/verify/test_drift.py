"""Quality per variant: positions among the classes, whatever the labels are, and a metric that fits the model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packager.artifact import NATIVE, Output, Scalar, Signature
from packager.errors import VerifyError
from packager.recipe.metrics import METRICS
from packager.training.metrics import Answers, score
from packager.verify.drift import Spool, default_metric, drift_metric, label_indices
from packager.verify.oracle import Oracle

from .recipes import recipe

LABEL, PROBABILITY = Output("label", "label", 0), Output("probabilities", "probability", 2)
VALUE = Output("variable", "value", 0)


def classifier(classes: tuple[Scalar, ...] = (0, 1), *, scores: bool = True) -> Signature:
    outputs = (LABEL, Output("probabilities", "probability", len(classes))) if scores else (LABEL,)
    return Signature("classifier", "tensor", (), outputs, classes)


REGRESSOR = Signature("regressor", "tensor", (), (VALUE,))


def oracle(folder: Path, n_classes: int) -> Oracle:
    """Return an oracle that computes metrics here, as the source worker does."""

    def ask(command: str, **arguments: Any) -> float:
        assert command == "metric"
        with np.load(arguments["answers"]) as arrays:
            parts = [
                arrays[name] if name in arrays else np.zeros(0) for name in ("truth", "label", "probability", "value")
            ]
        return score(arguments["name"], Answers(*parts, n_classes))

    return Oracle(ask, folder)


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
    assert math.isnan(label_indices(labels, classes)[0])


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
        (classifier(scores=False), "log_loss"),
        (REGRESSOR, "accuracy"),
        (REGRESSOR, "roc_auc"),
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


def spooled(folder: Path, signature: Signature, truth: np.ndarray, **answers: dict[str, np.ndarray]) -> Spool:
    """Spool in two chunks."""
    spool = Spool(folder / "drift", signature)
    for part in (slice(0, 3), slice(3, None)):
        spool.add_truth(truth[part], where="the label column 'y'")
        for variant, outputs in answers.items():
            spool.add_answers(variant, {name: values[part] for name, values in outputs.items()})
    return spool


@pytest.mark.parametrize("classes", [("no", "yes"), (False, True), (3, 9), (0, 1)])
@pytest.mark.parametrize("metric", [name for name in METRICS if METRICS[name].needs != "value"])
def test_a_variant_that_answers_worse_drops_whatever_the_labels_are(
    classes: tuple[Scalar, ...], metric: str, tmp_path: Path
) -> None:
    signature, names = classifier(classes), np.array(classes)
    positive = np.array([0, 1, 0, 1, 1, 0, 1, 0])

    def answers(chance: list[float]) -> dict[str, np.ndarray]:
        shares = np.array(chance)
        return {"label": names[(shares > 0.5).astype(int)], "probabilities": np.stack([1 - shares, shares], 1)}

    good = answers([0.1, 0.9, 0.2, 0.8, 0.7, 0.3, 0.9, 0.1])
    bad = answers([0.6, 0.4, 0.2, 0.8, 0.7, 0.3, 0.9, 0.1])
    spool = spooled(tmp_path, signature, names[positive], **{NATIVE: good, "int8": bad, "fp64": good})
    by_variant = {drift.variant: drift for drift in spool.drifts(oracle(tmp_path, 2), metric, ["fp64", "int8"])}
    assert by_variant["fp64"].drop == 0
    assert by_variant["int8"].drop > 0
    assert by_variant["int8"].rows == 8
    better = spooled(tmp_path / "drift", signature, names[positive], **{NATIVE: bad, "int8": good})
    assert better.drifts(oracle(tmp_path, 2), metric, ["int8"])[0].drop < 0


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
def test_a_regressor_that_answers_worse_drops(metric: str, tmp_path: Path) -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0, 7.0])
    answers = {NATIVE: {"variable": truth + 0.1}, "fp16": {"variable": truth + [0.5, -0.5, 0.5, 0, 1]}}
    (drift,) = spooled(tmp_path, REGRESSOR, truth, **answers).drifts(oracle(tmp_path, 0), metric, ["fp16"])
    assert drift.drop > 0.005
    assert drift.native == pytest.approx({"rmse": 0.1, "mae": 0.1, "r2": drift.native}[metric])


def test_a_variant_that_answers_no_number_has_no_drop_that_passes(tmp_path: Path) -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    answers = {NATIVE: {"variable": truth}, "fp16": {"variable": np.array([1.0, np.inf, 3.0, np.nan])}}
    (drift,) = spooled(tmp_path, REGRESSOR, truth, **answers).drifts(oracle(tmp_path, 0), "rmse", ["fp16"])
    assert math.isnan(drift.drop)


@pytest.mark.parametrize(
    ("signature", "labels"),
    [(classifier(("a", "b")), np.array(["a", "x", "x"], dtype=object)), (REGRESSOR, np.array([1.0, np.nan, np.nan]))],
)
def test_labels_that_the_model_does_not_know_stop_the_build(
    signature: Signature, labels: np.ndarray, tmp_path: Path
) -> None:
    with pytest.raises(VerifyError, match=r"the label column .y..*2 rows"):
        Spool(tmp_path / "drift", signature).add_truth(labels, where="the label column 'y'")


def test_what_was_spooled_comes_back_in_its_shape(tmp_path: Path) -> None:
    signature = classifier(("a", "b", "c"))
    truth = np.array(["a", "c", "b", "a"], dtype=object)
    scores = np.arange(12.0).reshape(4, 3)
    spool = spooled(tmp_path, signature, truth, native={"label": truth, "probabilities": scores})
    np.testing.assert_array_equal(spool._read("native.probability"), scores)
    assert spool._read("truth") is not None
    assert spool._read("native.value") is None
