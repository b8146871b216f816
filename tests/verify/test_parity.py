"""The tally counts what differs: exactly, whatever is compared, and never by hiding what is no number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.artifact import Output, Signature
from packager.recipe.parity import Tolerance
from packager.verify.parity import Tally, same_labels

NAN, INF = float("nan"), float("inf")
CLASSIFIER = Signature(
    "classifier", "tensor", (), (Output("label", "label", 0), Output("probabilities", "probability", 2)), (0, 1)
)
REGRESSOR = Signature("regressor", "tensor", (), (Output("variable", "value", 0),))


def tally(native: Any, found: Any, **limits: float) -> Tally:
    """Compare the values of a regressor."""
    counted = Tally(REGRESSOR, Tolerance(**{"atol": 0.0, "rtol": 0.0, **limits}))
    counted.add({"variable": np.array(native)}, {"variable": np.array(found)})
    return counted


@pytest.mark.parametrize(
    ("native", "found", "beyond"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0),
        ([1.0, 2.0], [1.0, 2.0 + 4e-16], 1),
        ([NAN], [NAN], 0),
        ([INF, -INF], [INF, -INF], 0),
        ([NAN], [1.0], 1),
        ([1.0], [NAN], 1),
        ([INF], [-INF], 1),
        ([INF], [1e308], 1),
        ([1.0], [INF], 1),
        ([0.0], [-0.0], 0),
        ([0.0], [5e-324], 1),
        ([-1e308], [1e308], 1),
    ],
)
def test_without_tolerance_only_equal_values_pass(native: list[float], found: list[float], beyond: int) -> None:
    assert tally(native, found).beyond == beyond


@pytest.mark.parametrize(
    ("native", "found", "limits", "beyond"),
    [
        ([0.0], [1e-6], {"atol": 1e-6}, 0),
        ([0.0], [1.1e-6], {"atol": 1e-6}, 1),
        ([100.0], [100.1], {"rtol": 1.1e-3}, 0),
        ([100.0], [100.2], {"rtol": 1.1e-3}, 1),
        ([-100.0], [-100.1], {"rtol": 1.1e-3}, 0),
        ([100.0], [100.15], {"rtol": 1e-3, "atol": 0.06}, 0),
        ([NAN], [0.0], {"rtol": 1e300, "atol": 1e300}, 1),
        ([INF], [0.0], {"rtol": 1e300, "atol": 1e300}, 1),
        ([0.0], [INF], {"rtol": 1e300, "atol": 1e300}, 1),
        ([0.0], [NAN], {"rtol": 1e300, "atol": 1e300}, 1),
        ([1e300], [2e300], {"rtol": 1e300}, 1),
    ],
)
def test_the_limit_is_numpys_and_never_covers_what_is_no_number(
    native: list[float], found: list[float], limits: dict[str, float], beyond: int
) -> None:
    assert tally(native, found, **limits).beyond == beyond


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1),
    st.floats(0, 10),
    st.floats(0, 1),
)
def test_finite_values_are_judged_as_numpy_judges_them(
    pairs: list[tuple[float, float]], atol: float, rtol: float
) -> None:
    native, found = np.array(pairs).T
    close = np.abs(found - native) <= atol + rtol * np.abs(native)
    assert tally(native, found, atol=atol, rtol=rtol).beyond == int((~close).sum())


def test_errors_are_the_largest_of_all_chunks() -> None:
    counted = Tally(REGRESSOR, Tolerance())
    for native, found in (([1.0, 10.0], [1.5, 10.0]), ([100.0], [102.0]), ([0.0], [0.25])):
        counted.add({"variable": np.array(native)}, {"variable": np.array(found)})
    assert (counted.max_abs_error, counted.max_rel_error) == (2.0, 0.5)
    assert (counted.rows, counted.values, counted.beyond) == (4, 4, 3)


def test_an_infinite_error_is_told_as_infinite() -> None:
    assert tally([1.0], [NAN]).max_abs_error == INF
    assert tally([1.0], [INF]).max_rel_error == INF


def test_every_value_is_in_the_distribution_once() -> None:
    native = np.zeros(6)
    counted = tally(native, [0.0, 1e-17, 1e-5, 0.5, 5e10, NAN])
    (told,) = counted.distributions("fp32")
    assert (told.variant, told.output, told.exact) == ("fp32", "variable", 1)
    assert sum(told.counts) + told.exact == 6
    assert len(told.edges) == len(told.counts) + 1
    for value in (1e-17, 1e-5, 0.5):
        index = next(i for i in range(len(told.counts)) if told.edges[i] <= value < told.edges[i + 1])
        assert told.counts[index] == 1
    assert told.counts[-1] == 2


@pytest.mark.parametrize("found", [np.zeros((3, 1)), np.zeros(2), np.zeros((1, 3)), np.float64(0.0)])
def test_another_shape_is_told_and_not_broadcast(found: np.ndarray) -> None:
    counted = Tally(REGRESSOR, Tolerance())
    counted.add({"variable": np.zeros(3)}, {"variable": np.asarray(found)})
    assert counted.malformed is not None
    assert "variable has shape" in counted.malformed
    assert counted.rows == 3


def test_a_shape_that_was_wrong_once_stays_told() -> None:
    counted = Tally(REGRESSOR, Tolerance())
    counted.add({"variable": np.zeros(3)}, {"variable": np.zeros(2)})
    counted.add({"variable": np.zeros(3)}, {"variable": np.zeros(3)})
    assert counted.malformed is not None


def test_rows_without_answers_are_told() -> None:
    counted = Tally(REGRESSOR, Tolerance())
    counted.add_failure(5, "it fell over")
    assert (counted.rows, counted.malformed) == (5, "it fell over")


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        (np.array(["a", "b"]), np.array(["a", "c"], dtype=object), [True, False]),
        (np.array([1, 2]), np.array([1.0, 2.5]), [True, False]),
        (np.array([True, False]), np.array([1, 1]), [True, False]),
        (np.array([2**53, 2**53 + 1]), np.array([2**53, 2**53]), [True, False]),
        (np.array([-7, 3], dtype=np.int32), np.array([-7, 4]), [True, False]),
        (np.array([2**63], dtype=np.uint64), np.array([-(2**63)]), [False]),
        (np.array(["1"]), np.array([1]), [True]),
        (np.array(["Zürich"]), np.array(["Zurich"], dtype=object), [False]),
        (np.array([1.0, NAN]), np.array([1.0, NAN]), [True, False]),
    ],
)
def test_labels_are_compared_as_what_they_are(expected: np.ndarray, found: np.ndarray, same: list[bool]) -> None:
    assert same_labels(expected, found).tolist() == same


def test_label_mismatches_are_counted_over_rows() -> None:
    counted = Tally(CLASSIFIER, Tolerance())
    probabilities = np.full((4, 2), 0.5)
    answers = {"label": np.array([0, 1, 1, 0]), "probabilities": probabilities}
    counted.add(answers, {"label": np.array([0, 1, 0, 0]), "probabilities": probabilities})
    counted.add(answers, answers)
    assert (counted.labels, counted.label_mismatches, counted.mismatch_share) == (8, 1, 0.125)
    assert (counted.values, counted.beyond) == (16, 0)
