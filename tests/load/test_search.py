"""The knee is found wherever the search starts, by majority, and never claimed where nothing was seen to fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from packager.benchmark_result import LoadPoint
from packager.load.search import find_knee


def server(capacity_qps: float, hiccups: tuple[int, ...] = ()) -> Callable[[float], LoadPoint]:
    """Return a measurement that holds every rate up to the capacity, but for the runs numbered in `hiccups`."""
    runs = iter(range(1000))

    def measure(rate_qps: float) -> LoadPoint:
        held = (next(runs) not in hiccups) and rate_qps <= capacity_qps
        return LoadPoint(rate_qps=rate_qps, achieved_qps=rate_qps, seconds=1, requests=100, errors=0, meets_slo=held)

    return measure


@pytest.mark.parametrize("start", [2.0, 25.0, 50.0, 99.9, 100.1, 300.0, 2000.0])
def test_the_knee_is_found_from_below_and_above(start: float) -> None:
    knee = find_knee(server(100), start)
    assert knee.qps is not None
    assert knee.interval_qps is not None
    low, high = knee.interval_qps
    assert low == knee.qps <= 100 < high <= knee.qps * 1.05
    assert len(knee.points) < 30


@pytest.mark.parametrize("hiccup", range(12))
def test_one_hiccup_does_not_move_the_knee_by_more_than_a_step(hiccup: int) -> None:
    knee = find_knee(server(100, (hiccup,)), 50)
    assert knee.qps is not None
    assert 100 / 1.05 < knee.qps <= 100


def test_every_rate_that_failed_was_tried_again() -> None:
    points = find_knee(server(100), 50).points
    failed = {point.rate_qps for point in points if not point.meets_slo}
    assert all(sum(point.rate_qps == rate for point in points) >= 2 for rate in failed)


def test_the_knee_was_held_at_least_twice() -> None:
    for capacity in (71, 98.5, 100, 180):
        knee = find_knee(server(capacity), 50)
        assert sum(point.rate_qps == knee.qps for point in knee.points) >= 2


def test_the_interval_begins_below_a_rate_that_once_failed() -> None:
    steady = find_knee(server(100), 50)
    at_knee = [number for number, point in enumerate(steady.points) if point.rate_qps == steady.qps]
    shaken = find_knee(server(100, (at_knee[0],)), 50)
    assert steady.qps == shaken.qps
    assert steady.interval_qps is not None
    assert shaken.interval_qps is not None
    assert shaken.interval_qps[0] < steady.interval_qps[0] == steady.qps
    assert shaken.interval_qps[1] == steady.interval_qps[1]


def test_where_nothing_fails_there_is_no_end_and_where_all_fail_no_knee() -> None:
    endless = find_knee(server(1e12), 50)
    assert endless.qps is not None
    assert endless.interval_qps is None
    hopeless = find_knee(server(0), 50)
    assert hopeless.qps is None
    assert hopeless.points
