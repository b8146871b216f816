"""Slower means slower beyond the noise and beyond the stated limit, both of them."""

from __future__ import annotations

import pytest

from packager.artifact import Measurement
from packager.benchmark.contest import Figure
from packager.benchmark.regression import Compared, compare_figures, judge


def compared(median: float, low: float, high: float) -> Compared:
    return Compared("cpu-1", 100, Figure(median, low, high, 21), "both timed here in 21 rounds")


@pytest.mark.parametrize(
    ("ratio", "ok"),
    [
        ((1.30, 1.2, 1.4), False),
        ((1.11, 1.01, 1.2), False),
        ((1.10, 1.05, 1.15), True),
        ((1.30, 0.9, 1.8), True),
        ((1.00, 0.99, 1.01), True),
        ((0.50, 0.4, 0.6), True),
        ((1.05, 1.04, 1.06), True),
    ],
    ids=["slower", "just slower", "at the limit", "noise", "alike", "faster", "slower within the limit"],
)
def test_slower_takes_both_the_interval_and_the_limit(ratio: tuple[float, float, float], ok: bool) -> None:
    verdict = judge(compared(*ratio), "fp64", most_slowdown=0.1)
    assert verdict.ok == ok
    assert (verdict.check, verdict.subject) == ("slower_than_baseline", "fp64@cpu-1@100")
    assert (verdict.measured, verdict.limit, verdict.recipe_key) == (ratio[0], 1.1, "benchmark.baseline")
    assert f"95% interval {ratio[1]:.2f} to {ratio[2]:.2f}" in str(verdict.note)


def test_what_the_noise_hides_is_said_to_be_undecided() -> None:
    assert "undecided" in str(judge(compared(1.3, 0.9, 1.8), "fp64", most_slowdown=0.1).note)
    assert "undecided" not in str(judge(compared(1.0, 0.9, 1.8), "fp64", most_slowdown=0.1).note)


def row(p50: float | None, batch_size: int = 1, target: str = "cpu-1", threads: int = 1) -> Measurement:
    interval = None if p50 is None else (p50 * 0.9, p50 * 1.1)
    return Measurement(target, "cpu", None, {}, "fp64", batch_size, threads, p50_us=p50, ci95=interval, runs=9)


def test_figures_of_the_same_place_are_compared_and_their_intervals_bound_the_ratio() -> None:
    (found,) = compare_figures([row(30.0), row(5.0, 100)], [row(20.0), row(1.0, 1000)])
    assert (found.target, found.batch_size, found.ratio.median) == ("cpu-1", 1, 1.5)
    assert found.ratio.low == pytest.approx(27 / 22)
    assert found.ratio.high == pytest.approx(33 / 18)


@pytest.mark.parametrize("other", [row(None), row(9.0, target="other"), row(9.0, threads=2), row(9.0, 100)])
def test_figures_of_another_place_are_not(other: Measurement) -> None:
    assert list(compare_figures([row(30.0)], [other])) == []
