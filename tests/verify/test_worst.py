"""The worst rows are those that a sort of all rows would put first, however the rows came in."""

from __future__ import annotations

import numpy as np
import pytest

from packager.artifact import Output, Signature
from packager.recipe.parity import Tolerance
from packager.runtime.session import ROWS_PER_RUN
from packager.verify.parity import Tally
from packager.verify.worst import KEPT

SIGNATURE = Signature(
    "classifier",
    "tensor",
    (),
    (Output("label", "label", 0), Output("probabilities", "probability", 3)),
    ("a", "b", "c"),
)
REGRESSOR = Signature("regressor", "tensor", (), (Output("variable", "value", 0),))


def answers(random: np.random.Generator, rows: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return native answers and some that differ here and there."""
    native = {"label": random.choice(["a", "b", "c"], rows), "probabilities": random.random((rows, 3))}
    errors = np.where(random.random((rows, 3)) < 0.3, 10.0 ** random.uniform(-17, -2, (rows, 3)), 0.0)
    label = np.where(random.random(rows) < 0.004, "b", native["label"])
    return native, {"label": label, "probabilities": native["probabilities"] + errors}


def ranked(native: dict[str, np.ndarray], found: dict[str, np.ndarray], tolerance: Tolerance) -> list[int]:
    """Return all rows, the worst first, by a plain sort."""
    differs = native["label"] != found["label"]
    limit = tolerance.atol + tolerance.rtol * np.abs(native["probabilities"])
    ratio = (np.abs(found["probabilities"] - native["probabilities"]) / limit).max(axis=1)
    return sorted(np.flatnonzero(differs | (ratio > 0)), key=lambda row: (not differs[row], -ratio[row], row))


@pytest.mark.parametrize("chunk", [1, 7, 1_000, 5_000])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_they_are_the_first_of_a_sort(chunk: int, seed: int) -> None:
    rows = 1_500 if chunk < 100 else 5_000
    native, found = answers(np.random.default_rng(seed), rows)
    tally = Tally(SIGNATURE, Tolerance())
    for start in range(0, rows, chunk):
        part = slice(start, start + chunk)
        tally.add(*({name: values[part] for name, values in each.items()} for each in (native, found)))
    assert [one.row for one in tally.worst.rows] == ranked(native, found, Tolerance())[:KEPT]


def test_a_label_goes_before_every_error() -> None:
    tally = Tally(SIGNATURE, Tolerance())
    native = {"label": np.array(["a", "a", "a"]), "probabilities": np.zeros((3, 3))}
    found = {"label": np.array(["a", "c", "a"]), "probabilities": np.array([[0, 0.5, 0], [0, 0, 1e-9], [0, 0, 0]])}
    tally.add(native, found)
    label, error = tally.worst.rows
    assert (label.row, label.output, label.native, label.found, label.column) == (1, "label", "a", "c", None)
    assert label.error == 1e-9
    assert (error.row, error.output, error.column, error.native, error.found) == (0, "probabilities", 1, 0.0, 0.5)
    assert (error.error, error.limit) == (0.5, 1e-6)


def test_equal_answers_leave_no_row() -> None:
    tally = Tally(REGRESSOR, Tolerance())
    tally.add({"variable": np.array([1.0, np.nan])}, {"variable": np.array([1.0, np.nan])})
    assert tally.worst.rows == []


def test_what_is_no_number_is_the_worst() -> None:
    tally = Tally(REGRESSOR, Tolerance(atol=0, rtol=0))
    tally.add({"variable": np.array([1.0, 1.0, 2.0])}, {"variable": np.array([1.0, np.nan, 2.5])})
    assert [one.row for one in tally.worst.rows] == [1, 2]
    assert tally.worst.rows[0].error == np.inf


def test_rows_keep_the_numbers_that_they_came_with() -> None:
    tally = Tally(REGRESSOR, Tolerance())
    tally.add({"variable": np.zeros(3)}, {"variable": np.array([0, 1.0, 0])}, np.array([10, 20, 30]))
    assert [one.row for one in tally.worst.rows] == [20]


def test_a_row_knows_the_rows_that_it_was_scored_with() -> None:
    tally = Tally(REGRESSOR, Tolerance())
    rows = ROWS_PER_RUN + 10
    found = np.zeros(rows)
    found[[3, ROWS_PER_RUN + 1]] = (2.0, 1.0)
    tally.add({"variable": np.zeros(rows)}, {"variable": found}, np.arange(100, 100 + rows))
    first, second = tally.worst.rows
    assert (first.row, first.beside.tolist()) == (103, list(range(100, 100 + ROWS_PER_RUN)))
    assert (second.row, second.beside.tolist()) == (101 + ROWS_PER_RUN, list(range(100 + ROWS_PER_RUN, 100 + rows)))
