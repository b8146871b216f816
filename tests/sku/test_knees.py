"""Knees and latencies come from points that were measured; between two of them the worse one stands."""

from __future__ import annotations

import pytest

from packager.benchmark_result import ServedLoad
from packager.sku.knees import best_p95_ms, judged, knee, latencies, p95_at

from .samples import SLO_MS, load, point


def changed(**fields: object) -> ServedLoad:
    return load(2, 1000.0).model_copy(update=fields)


def test_for_the_slo_of_the_search_the_knee_is_the_search_s() -> None:
    found = knee(load(2, 1000.0), SLO_MS)
    assert found is not None
    assert (found.qps, found.low, found.high, found.is_open) == (1000.0, 1000.0, 1060.0, False)


def test_for_another_slo_it_is_the_highest_rate_below_the_lowest_that_missed() -> None:
    found = knee(load(2, 1000.0), 4.0)
    assert found is not None
    assert (found.qps, found.high) == (700.0, 850.0)


def test_a_rate_that_holds_above_one_that_missed_does_not_count() -> None:
    points = (point(100, 2), point(200, 90), point(300, 2))
    found = knee(changed(points=points, slo_p95_ms=None, knee_qps=None), SLO_MS)
    assert found is not None
    assert found.qps == 100


def test_where_no_rate_missed_the_knee_is_open_above() -> None:
    found = knee(changed(points=(point(100, 2), point(200, 3)), slo_p95_ms=None), SLO_MS)
    assert found is not None
    assert (found.qps, found.is_open) == (200, True)


@pytest.mark.parametrize("slo", [0.5, SLO_MS])
def test_where_nothing_holds_there_is_no_knee(slo: float) -> None:
    assert knee(load(2, None), slo) is None


def test_errors_and_a_growing_queue_hold_no_rate() -> None:
    grew = point(200, 2).model_copy(update={"queue_grew": True})
    for bad in (point(200, 2, errors=1), grew):
        found = knee(changed(points=(point(100, 2), bad), slo_p95_ms=None), SLO_MS)
        assert found is not None
        assert found.qps == 100


def test_the_p95_between_two_rates_is_that_of_the_higher_down_to_that_of_the_lower() -> None:
    found = p95_at(latencies(load(2, 1000.0)), 600.0)
    assert found is not None
    assert (found.value, found.low, found.high) == (3.9, pytest.approx(2.4 * 0.95), pytest.approx(3.9 * 1.06))


def test_the_p95_past_every_rate_is_not_made_up() -> None:
    assert p95_at(latencies(load(2, 1000.0)), 5000.0) is None


def test_a_higher_rate_is_never_told_to_be_faster() -> None:
    found = latencies(changed(points=(point(100, 2), point(200, 9), point(300, 4), point(400, 20))))
    assert [latency.value for _, latency in found] == [2, 9, 9, 20]
    assert best_p95_ms(changed(points=(point(100, 9), point(200, 4)))) == 4


def test_of_three_runs_at_a_rate_the_middle_one_stands_of_two_the_worse_end() -> None:
    three = latencies(changed(points=(point(100, 2), point(100, 90), point(100, 3))))
    assert three[0][1].value == 3
    assert three[0][1].high == pytest.approx(3 * 1.06)
    two = latencies(changed(points=(point(100, 2), point(100, 90))))
    assert two[0][1].high == pytest.approx(90 * 1.06)


def test_the_best_p95_leaves_out_rates_with_errors() -> None:
    assert best_p95_ms(changed(points=(point(100, 1, errors=3), point(200, 4)))) == 4
    assert best_p95_ms(changed(points=())) is None


def test_judged_by_another_slo_points_and_knee_are_of_that_one() -> None:
    found = judged(load(2, 1000.0), 4.0)
    assert (found.slo_p95_ms, found.knee_qps, found.knee_interval_qps) == (4.0, 700.0, (700.0, 850.0))
    assert [point.meets_slo for point in found.points] == [True] * 4 + [False] * 4
    assert judged(load(2, 1000.0), 0.1).knee_qps is None
    same = load(2, 1000.0)
    assert judged(same, SLO_MS) is same


def test_one_hiccup_among_three_runs_is_no_limit() -> None:
    points = (point(100, 2), point(200, 90), point(200, 3), point(200, 3), point(300, 90))
    found = knee(changed(points=points, slo_p95_ms=None), SLO_MS)
    assert found is not None
    assert (found.qps, found.high) == (200, 300)
    assert knee(changed(points=points[:3], slo_p95_ms=None), SLO_MS) is not None
