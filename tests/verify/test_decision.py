"""A limit is held against a whole interval, and where that does not decide, the words say how many rows would."""

from __future__ import annotations

import re

import numpy as np
import pytest

from packager.verify.decision import Decision, Measured


def measured(drop: float, low: float, high: float, rows: int = 1_000) -> Measured:
    return Measured(drop, (low, high), rows, 0.9)


@pytest.mark.parametrize(
    ("interval", "decision"),
    [
        ((0.0, 0.0), "within"),
        ((-0.1, 0.01), "within"),
        ((-0.1, 0.0101), "undecided"),
        ((0.01, 0.02), "undecided"),
        ((0.0101, 0.02), "beyond"),
        ((float("nan"), float("nan")), "undecided"),
    ],
)
def test_the_whole_interval_decides(interval: tuple[float, float], decision: Decision) -> None:
    assert measured(sum(interval) / 2, *interval).against(0.01) == decision


def test_without_an_interval_nothing_is_decided() -> None:
    assert Measured(0.0, None, 10, 0.9).against(1.0) == "undecided"


def test_the_rounding_of_a_sum_is_no_drop() -> None:
    assert measured(1e-17, -1e-16, 1e-16).against(0.0) == "within"
    assert measured(1e-11, -1e-11, 1e-10).against(0.0) == "undecided"


def test_words_name_drop_interval_rows_and_how_many_would_do() -> None:
    told = measured(0.002, -0.004, 0.008).words(0.005)
    assert told.startswith("95% interval [-0.004, +0.008] over 1,000 rows: not enough rows to decide at this limit")
    assert told.endswith("about 4,000 would do")
    assert measured(0.002, -0.004, 0.008).words(0.01) == "95% interval [-0.004, +0.008] over 1,000 rows"
    assert measured(-0.002, -0.008, 0.004).words(0.01, gain=True).startswith("95% interval [-0.004, +0.008]")
    assert "not all finite" in Measured(float("nan"), None, 10, 0.9).words(0.1)


def test_a_drop_on_the_limit_names_no_number_of_rows() -> None:
    assert measured(0.005, -0.004, 0.014).rows_to_decide(0.005) is None
    assert measured(0.00500001, -0.004, 0.014).rows_to_decide(0.005) is None


def test_so_many_rows_do_decide() -> None:
    """By difference: draw that many rows of the same kind, and the interval decides in most draws."""
    random = np.random.default_rng(0)

    def draw(rows: int) -> Measured:
        sample = random.normal(0.002, 0.1, rows)
        reach = 1.96 * sample.std() / np.sqrt(rows)
        return measured(sample.mean(), sample.mean() - reach, sample.mean() + reach, rows)

    few = measured(0.002, 0.002 - 1.96 * 0.1 / 1_000**0.5, 0.002 + 1.96 * 0.1 / 1_000**0.5)
    needed = few.rows_to_decide(0.005)
    assert needed is not None
    assert few.against(0.005) == "undecided"
    decided = [draw(2 * needed).against(0.005) == "within" for _ in range(200)]
    assert np.mean(decided) > 0.7
    assert np.mean([draw(needed // 4).against(0.005) == "within" for _ in range(200)]) < 0.4
    assert re.fullmatch(r"[1-9]\d0*", str(needed))
