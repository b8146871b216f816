"""Percentiles are numpy's, their interval holds what it should, and what waited is counted as by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.load.arrivals import due_times
from packager.load.figures import load_point, most_waiting, percentile, percentile_interval, queue_grew
from packager.load.generator import Floats, Trace

TIMES = st.lists(st.floats(0, 10), min_size=1, max_size=60)


def trace(due_s: Floats, latency_s: Floats, status: Floats | None = None) -> Trace:
    return Trace(
        due_s=due_s,
        sent_s=due_s + 1e-4,
        ended_s=due_s + latency_s,
        status=np.full(len(due_s), 200) if status is None else status.astype(int),
        begun_s=0.0,
        wall_s=10.0,
        cpu_s=1.0,
        response_bytes=80,
        local_faults=0,
    )


@given(TIMES, st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_is_a_measured_value_numpys(values: list[float], share: float) -> None:
    expected = np.percentile(values, share * 100, method="inverted_cdf")
    assert percentile(np.sort(values), share) == expected


def test_the_interval_holds_the_true_percentile_in_95_of_100_cases() -> None:
    random, true = np.random.default_rng(0), -math.log(0.05)
    ends = [percentile_interval(np.sort(random.exponential(size=400)), 0.95) for _ in range(2000)]
    held = np.mean([end is not None and end[0] <= true <= end[1] for end in ends])
    assert 0.94 <= held <= 0.98


def test_there_is_no_interval_where_there_are_too_few_or_its_end_was_not_answered() -> None:
    assert percentile_interval(np.arange(40.0), 0.95) is None
    assert percentile_interval(np.array([1.0] * 95 + [np.inf] * 5), 0.95) is None


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5)), min_size=1, max_size=60))
def test_the_most_that_waited_is_what_counting_gives(pairs: list[tuple[float, float]]) -> None:
    due = np.sort([start for start, _ in pairs])
    ended = due + np.array([length for _, length in pairs])
    by_hand = max(sum(d <= at for d in due) - sum(e <= at for e in ended) for at in due)
    # Several due at one moment are counted one after another, each when it comes.
    assert by_hand <= most_waiting(due, ended) <= len(pairs)
    if len(set(due.tolist())) == len(due):
        assert most_waiting(due, ended) == by_hand


def test_a_queue_that_grows_is_seen_from_a_few_per_cent_too_much() -> None:
    due = due_times(400, 5, "fixed")
    for excess, grows in ((0.0, False), (0.01, False), (0.03, True), (0.2, True)):
        assert queue_grew(0.002 + due * excess, 250) is grows, excess
    assert not queue_grew(np.full(3, 1.0), 250)


def test_a_short_stall_is_no_growing_queue() -> None:
    due = due_times(100, 10, "fixed")
    stalled = np.where((due > 8) & (due < 9), 9.002 - due, 0.002)
    assert not queue_grew(stalled, 250)
    assert load_point(trace(due, stalled), 100, 10, limit_ms=250).meets_slo is False


def test_errors_are_slower_than_any_answer() -> None:
    due = due_times(100, 1, "fixed")
    latency, status = np.full(100, 0.01), np.full(100, 200.0)
    status[10:14] = 500
    point = load_point(trace(due, latency, status), 100, 1, limit_ms=1000)
    assert (point.errors, point.requests) == (4, 100)
    assert point.p95_ms == pytest.approx(10)
    assert point.p99_ms is None
    assert point.meets_slo is False


def test_past_the_knee_the_achieved_rate_is_the_servers_own() -> None:
    due = due_times(200, 5, "fixed")
    answered = np.arange(1, 1001) / 100  # one hundred a second, whatever comes
    point = load_point(trace(due, answered - due), 200, 5, limit_ms=100)
    assert point.achieved_qps == pytest.approx(100)
    assert point.most_waiting == pytest.approx(500, abs=2)
    assert point.queue_grew


def test_a_point_is_judged_only_against_a_limit() -> None:
    due = due_times(100, 2, "fixed")
    latency = np.linspace(0.005, 0.015, 200)
    assert load_point(trace(due, latency), 100, 2, limit_ms=None).meets_slo is None
    assert load_point(trace(due, latency), 100, 2, limit_ms=20).meets_slo is False  # it grows
    assert load_point(trace(due, np.random.default_rng(0).permutation(latency)), 100, 2, limit_ms=20).meets_slo
