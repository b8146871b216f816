"""Capacity: more is asked, more is rented; never less than the knee and Little's law want; cost follows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.sku import capacity

rates = st.floats(0.1, 1e5)
latencies = st.floats(0.05, 1e4)
shares = st.floats(0.05, 1.0)
workers = st.integers(1, 128)


curves = st.lists(st.tuples(rates, latencies), min_size=1, max_size=8).map(
    lambda found: list(zip(sorted(rate for rate, _ in found), sorted(ms for _, ms in found), strict=True))
)


def p95_of(curve: list[tuple[float, float]], rate: float) -> float:
    """Return the p95 at a rate: that of the next rate of the curve; without end past it."""
    return next((ms for at, ms in curve if at >= rate * (1 - 1e-11)), math.inf)


@given(rates, rates, shares)
def test_instances_by_the_knee_are_never_too_few_and_never_one_too_many(qps: float, knee: float, share: float) -> None:
    count = capacity.instances(qps, capacity.rate_by_knee(knee, utilization=share))
    assert qps / count <= share * knee * (1 + 1e-9)
    assert count == 1 or qps / (count - 1) > share * knee * (1 - 1e-9)


@given(rates, curves, shares, workers)
def test_by_little_s_law_the_requests_in_flight_fit_the_workers_with_no_instance_too_many(
    qps: float, curve: list[tuple[float, float]], share: float, held: int
) -> None:
    each = capacity.rate_by_latency(curve, utilization=share, workers=held)
    assert each is not None
    count = capacity.instances(qps, each)

    def in_flight(instances: int) -> float:
        return qps / instances * p95_of(curve, qps / instances) / 1000

    assert in_flight(count) <= share * held * (1 + 1e-6)
    assert count == 1 or in_flight(count - 1) > share * held * (1 - 1e-6)


@given(rates, st.floats(1.0, 10.0), rates)
def test_instances_grow_with_the_rate(qps: float, more: float, each: float) -> None:
    assert capacity.instances(qps * more, each) >= capacity.instances(qps, each)


def test_a_whole_quotient_is_not_rounded_up() -> None:
    assert capacity.instances(210, capacity.rate_by_knee(100, utilization=0.7)) == 3
    assert capacity.instances(210.01, capacity.rate_by_knee(100, utilization=0.7)) == 4


def test_the_rate_by_the_slo_is_the_highest_that_was_within_it() -> None:
    curve = [(10, 5.0), (20, 9.0), (30, 50.0)]
    assert capacity.rate_by_slo(curve, 9.0) == 20
    assert capacity.rate_by_slo(curve, 4.0) is None


def test_little_s_law_by_hand() -> None:
    """One worker of 28 ms at u = 0.7 takes 25 requests a second; 100 a second take four, however slow more would be."""
    each = capacity.rate_by_latency([(30, 28), (40, 400)], utilization=0.7, workers=1)
    assert each == pytest.approx(25)
    assert capacity.instances(100, 25) == 4
    assert capacity.rate_by_latency([], utilization=0.7, workers=1) is None


@given(st.floats(0.01, 100), rates, st.integers(1, 1000))
def test_the_cost_of_all_predictions_of_an_hour_is_the_price_of_the_hour(usd: float, qps: float, rows: int) -> None:
    million = capacity.usd_per_million(usd, qps, rows_per_request=rows)
    assert math.isclose(million * qps * 3600 * rows / 1e6, usd, rel_tol=1e-9)


@given(rates, latencies, latencies, workers)
def test_concurrency_keeps_all_workers_busy_and_the_last_admitted_request_within_the_slo(
    knee: float, p95_ms: float, slo: float, held: int
) -> None:
    concurrent = capacity.max_concurrent_requests(knee, p95_ms, slo_p95_ms=slo, workers=held)
    assert concurrent >= held
    assert concurrent == held or 2 * concurrent / knee <= slo / 1000 * (1 + 1e-9)


@given(rates, rates, st.integers(1, 60))
def test_removing_an_instance_does_not_add_it_again(qps: float, each: float, instances: int) -> None:
    rules = capacity.autoscale(qps, each, instances=instances, limit=50)
    assert rules.min_instances <= rules.max_instances
    for count in range(rules.min_instances + 1, rules.max_instances + 1):
        after = rules.scale_in_requests_per_minute * count / (count - 1)
        assert after < rules.scale_out_requests_per_minute


def test_autoscale_has_a_spare_instance_and_room_for_twice_the_rate() -> None:
    rules = capacity.autoscale(100, 100, instances=1, limit=50)
    assert (rules.min_instances, rules.max_instances) == (2, 3)
    assert capacity.autoscale(1000, 100, instances=10, limit=50).max_instances == 20
    assert capacity.autoscale(1000, 100, instances=10, limit=15).max_instances == 15
    assert rules.scale_out_requests_per_minute == pytest.approx(6000)
