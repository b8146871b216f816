"""Figures: percentiles of what was timed, and an interval that holds the median as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.benchmark.statistics import figures, median_interval

samples = st.lists(st.integers(1, 10**12), min_size=2, max_size=300)


@given(samples, st.integers(1, 1000))
def test_figures_are_in_order_and_within_what_was_timed(timed: list[int], batch_size: int) -> None:
    found = figures([timed], batch_size)
    least, most = min(timed) / 1000, max(timed) / 1000
    assert (found.ci95 is None) == (len(timed) < 6)
    low, high = found.ci95 or (least, most)
    assert least <= low <= found.p50_us * (1 + 1e-12)
    assert found.p50_us <= found.p95_us * (1 + 1e-12) <= found.p99_us * (1 + 1e-11)
    assert found.p50_us <= high * (1 + 1e-12)
    assert high <= most
    assert found.p99_us <= most * (1 + 1e-12)
    assert found.runs == len(timed)
    assert found.rows_per_s == pytest.approx(batch_size / (found.p50_us / 1e6))


@given(samples)
def test_the_order_of_the_calls_does_not_matter(timed: list[int]) -> None:
    assert figures([timed], 1) == figures([sorted(timed)], 1) == figures([timed[::-1]], 1)


@given(samples, st.integers(2, 1000))
def test_slower_calls_give_larger_figures(timed: list[int], factor: int) -> None:
    fast, slow = figures([timed], 1), figures([[call * factor for call in timed]], 1)
    assert slow.p50_us == pytest.approx(fast.p50_us * factor)
    assert slow.rows_per_s == pytest.approx(fast.rows_per_s / factor)


def test_nanoseconds_become_microseconds() -> None:
    found = figures([[1_000, 2_000, 3_000]], 10)
    assert (found.p50_us, found.rows_per_s) == (2.0, 5_000_000.0)


def coverage(count: int) -> float:
    """Return how likely the median lies within the interval: exactly, from the binomial distribution."""
    low, high = median_interval(count)
    return sum(math.comb(count, below) for below in range(low + 1, high + 1)) / 2**count


def test_the_interval_holds_the_median_in_95_of_100_cases() -> None:
    for count in (*range(6, 200), 500, 1_000):
        low, high = median_interval(count)
        assert 0 <= low <= high <= count - 1
        assert coverage(count) >= 0.95, count


@pytest.mark.parametrize("count", [100, 1_000])
def test_the_interval_is_no_wider_than_it_must_be(count: int) -> None:
    assert coverage(count) < 0.98


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_few_calls_give_the_whole_range(count: int) -> None:
    assert median_interval(count) == (0, count - 1)


def test_the_interval_narrows_with_more_calls() -> None:
    random = np.random.default_rng(0)
    widths = []
    for count in (20, 200, 2_000):
        found = figures([random.integers(1_000, 2_000, count).tolist()], 1)
        widths.append(found.ci95[1] - found.ci95[0])
    assert widths == sorted(widths, reverse=True)


def test_a_machine_that_drifts_between_rounds_widens_the_interval() -> None:
    steady = [[1_000 + call for call in range(200)] for _ in range(6)]
    drifting = [[(1_000 + call) * (10 + number) // 10 for call in range(200)] for number in range(6)]
    assert figures(steady, 1).ci95 == pytest.approx((1.0995, 1.0995), rel=0.02)
    low, high = figures(drifting, 1).ci95
    assert low <= 1.0995
    assert high >= 1.0995 * 1.5 * 0.999


def test_no_call_is_left_out() -> None:
    rounds = [[1_000] * 99, [1_000_000]]
    found = figures(rounds, 1)
    assert (found.runs, found.spread.max_us) == (100, 1_000.0)
