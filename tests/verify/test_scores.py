"""Score maps and calibration curves hold every row once, whatever chunks the rows came in."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from packager.artifact import Output, Signature
from packager.report.model import Calibration, ScoreMap
from packager.verify.scores import SIDE, ScoreGrid, Scores


def classifier(classes: int) -> Signature:
    outputs = (Output("label", "label", 0), Output("probabilities", "probability", classes))
    return Signature("classifier", "tensor", (), outputs, tuple(range(classes)))


def answers(probabilities: np.ndarray) -> dict[str, np.ndarray]:
    return {"label": probabilities.argmax(axis=1), "probabilities": probabilities}


def drawn(rows: int, classes: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), rows)


def added(signature: Signature, native: np.ndarray, found: np.ndarray, truth: np.ndarray | None, chunk: int) -> Scores:
    scores = Scores(signature)
    for start in range(0, len(native), chunk):
        part = slice(start, start + chunk)
        scores.add(answers(native[part]), answers(found[part]), None if truth is None else truth[part])
    return scores


@pytest.mark.parametrize("chunk", [100, 3_000])
def test_the_curve_is_scikit_learn_s(chunk: int) -> None:
    native = drawn(3_000, 2)
    truth = (np.random.default_rng(1).random(3_000) < native[:, 1] ** 1.5).astype(np.float64)
    before, after = added(classifier(2), native, native[:, ::-1], truth, chunk).calibrations("fp32")
    for curve, probability in ((before, native[:, 1]), (after, native[:, 0])):
        came_true, means = calibration_curve(truth, probability, n_bins=10)
        filled = [one for one in curve.bins if one[0]]
        np.testing.assert_allclose([one[1] for one in filled], means)
        np.testing.assert_allclose([one[2] for one in filled], came_true)
        assert sum(rows for rows, _, _ in curve.bins) == 3_000
    assert (before.variant, after.variant, before.event) == ("native", "fp32", "probability of 1")


def test_of_several_classes_the_likeliest_counts() -> None:
    native = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.05, 0.05, 0.9]])
    found = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.05, 0.05, 0.9]])
    before, after = added(classifier(3), native, found, np.array([2.0, 1.0, 2.0]), 3).calibrations("int8")
    filled = {index: one for index, one in enumerate(before.bins) if one[0]}
    assert {index: (rows, share) for index, (rows, _, share) in filled.items()} == {5: (1, 0), 7: (1, 1), 9: (1, 1)}
    assert after.bins[7][2] == 0  # 0.7 is now given to a class that is not the true one
    (told,) = added(classifier(3), native, found, None, 3).score_maps("int8")
    assert (int(0.7 * SIDE), int(0.2 * SIDE), 1) in told.pairs  # the variant's probability of the native class


def test_without_labels_there_is_no_curve() -> None:
    native = drawn(50, 2)
    scores = added(classifier(2), native, native, None, 50)
    assert scores.calibrations("fp32") == []
    assert len(scores.score_maps("fp32")) == 1


def test_the_calibration_error_is_the_mean_distance() -> None:
    curve = Calibration("native", "x", ((30, 0.05, 0.15), (0, None, None), (10, 0.25, 0.25)))
    assert curve.error == pytest.approx(0.075)


def test_one_probability_lies_in_the_last_cell() -> None:
    native = np.array([[0.0, 1.0], [1.0, 0.0]])
    (told,) = added(classifier(2), native, native, None, 1).score_maps("fp64")
    assert told.pairs == ((0, 0, 1), (SIDE - 1, SIDE - 1, 1))
    assert told.deviations == ((0, 0, 1), (SIDE - 1, 0, 1))


def placed(told: ScoreMap, score: float) -> int:
    return math.floor(Fraction(score) / Fraction(told.step)) - round(told.low / told.step)


def _is_plain(score: float) -> bool:
    """Tell whether no quotient of the score vanishes."""
    return score == 0 or abs(score) > 1e-100


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.one_of(st.floats(-1e9, 1e9), st.floats(-1e150, 1e150)).filter(_is_plain), min_size=1, max_size=8),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([0.0, 1e-9, 0.5]),
)
def test_values_of_any_range_are_each_in_their_cell(chunks: list[list[float]], apart: float) -> None:
    grid = ScoreGrid(is_probability=False)
    for chunk in chunks:
        native = np.array(chunk)
        grid.add(native, native + apart)
    told = grid.score_map("fp32", "value")
    every = [score for chunk in chunks for score in chunk]
    expected: dict[tuple[int, int], int] = {}
    for score in every:
        key = (placed(told, score), placed(told, score + apart))
        expected[key] = expected.get(key, 0) + 1
    assert {(x, y): rows for x, y, rows in told.pairs} == expected
    assert all(0 <= cell < SIDE for pair in expected for cell in pair)
    assert sum(rows for _, _, rows in told.deviations) == len(every)


def test_scores_that_are_no_numbers_are_counted_apart() -> None:
    grid = ScoreGrid(is_probability=False)
    grid.add(np.array([1.0, np.nan, np.inf, 2.0]), np.array([1.0, 1.0, 1.0, np.nan]))
    told = grid.score_map("fp32", "value")
    assert (sum(rows for _, _, rows in told.pairs), told.left_out) == (1, 3)


def test_what_has_no_one_score_a_row_is_left_out() -> None:
    outputs = (Output("variable", "value", 3),)
    scores = Scores(Signature("transformer", "tensor", (), outputs))
    scores.add({"variable": np.zeros((2, 3))}, {"variable": np.zeros((2, 3))}, None)
    assert scores.score_maps("fp64") == []
