"""Decisions at business thresholds are counted as a service would take them."""

from __future__ import annotations

import numpy as np
import pytest

from packager.artifact import Output, Signature
from packager.report.model import Flips
from packager.verify.flips import FlipCounter

BINARY = Signature(
    "classifier", "tensor", (), (Output("label", "label", 0), Output("probabilities", "probability", 2)), (0, 1)
)
MANY = Signature("classifier", "tensor", (), (Output("probabilities", "probability", 3),), (0, 1, 2))
REGRESSOR = Signature("regressor", "tensor", (), (Output("variable", "value", 0),))


def scores(*chances: float) -> dict[str, np.ndarray]:
    return {"probabilities": np.array([[1 - chance, chance] for chance in chances])}


def test_flips_add_up_over_chunks_and_per_threshold() -> None:
    counter = FlipCounter(BINARY, (0.5, 0.9))
    counter.add("int8", scores(0.49, 0.5, 0.95), scores(0.51, 0.5, 0.85))
    counter.add("int8", scores(0.91), scores(0.1))
    assert counter.flips() == [Flips("int8", 0.5, 4, 1, 1), Flips("int8", 0.9, 4, 2, 0)]


def test_a_score_on_the_threshold_is_positive() -> None:
    counter = FlipCounter(BINARY, (0.5,))
    counter.add("fp32", scores(0.5), scores(np.nextafter(0.5, 0)))
    assert counter.flips() == [Flips("fp32", 0.5, 1, 1, 0)]


def test_a_score_that_is_no_number_decides_no() -> None:
    counter = FlipCounter(BINARY, (0.5,))
    counter.add("fp16", scores(0.9, 0.1), scores(np.nan, np.nan))
    assert counter.flips() == [Flips("fp16", 0.5, 2, 1, 0)]


def test_of_several_classes_the_largest_score_counts() -> None:
    counter = FlipCounter(MANY, (0.6,))
    native = {"probabilities": np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3]])}
    found = {"probabilities": np.array([[0.1, 0.2, 0.7], [0.2, 0.7, 0.1]])}
    counter.add("int8", native, found)
    assert counter.flips() == [Flips("int8", 0.6, 2, 0, 1)]


def test_values_of_regressors_count_too() -> None:
    counter = FlipCounter(REGRESSOR, (10.0,))
    counter.add("fp16", {"variable": np.array([9.0, 11.0])}, {"variable": np.array([10.0, 11.0])})
    assert counter.flips() == [Flips("fp16", 10.0, 2, 0, 1)]


@pytest.mark.parametrize(
    ("signature", "flips"),
    [
        (
            Signature(
                "classifier", "tensor", (), (Output("label", "label", 2), Output("probabilities", "probability", 2))
            ),
            2,
        ),
        (Signature("regressor", "tensor", (), (Output("probabilities", "value", 2),)), 2),
        (BINARY, 1),
    ],
    ids=["labels", "values", "classes"],
)
def test_columns_decide_one_by_one_unless_they_are_classes(signature: Signature, flips: int) -> None:
    counter = FlipCounter(signature, (0.5,))
    counter.add("fp16", scores(0.9, 0.2), scores(0.4, 0.2))
    (found,) = counter.flips()
    assert (found.yes_to_no + found.no_to_yes, found.decisions) == (flips, 2 * flips)


def test_every_output_of_several_counts() -> None:
    outputs = tuple(Output(f"probabilities_{index}", "probability", 2) for index in range(2))
    counter = FlipCounter(Signature("classifier", "tensor", (), outputs), (0.5,))
    native, found = scores(0.9, 0.2)["probabilities"], scores(0.4, 0.7)["probabilities"]
    one_changed = {"probabilities_0": native, "probabilities_1": found}
    counter.add("fp16", {output.name: native for output in outputs}, one_changed)
    assert counter.flips() == [Flips("fp16", 0.5, 4, 1, 1)]


def test_nothing_is_counted_where_nothing_is_asked() -> None:
    counter = FlipCounter(BINARY, ())
    counter.add("fp32", scores(0.1), scores(0.9))
    labels_only = Signature("classifier", "tensor", (), (Output("label", "label", 0),), (0, 1))
    without = FlipCounter(labels_only, (0.5,))
    without.add("fp32", {"label": np.array([0])}, {"label": np.array([1])})
    assert (counter.flips(), without.flips()) == ([], [])
