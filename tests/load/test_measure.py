"""A server of known speed is measured from idle to past its knee; one that can't keep the SLO is told so."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packager.benchmark_result import LoadPoint, ServedLoad
from packager.errors import BenchmarkError
from packager.load import measure
from packager.load.measure import LoadPlan, Offer, Server, idle_rate_qps, measure_load
from packager.load.search import Knee

from .stub import Stub, stub


def measured(server: Stub, plan: LoadPlan, *, workers: int = 1, shares_cpus: bool = False, **more: Any) -> ServedLoad:
    bodies = [json.dumps({"id": number, **more}).encode() for number in range(50)]
    arranged = Server(server.url, server.process.pid, frozenset({0, 1}), workers, 1, shares_cpus)
    said: list[LoadPoint] = []
    load = measure_load(arranged, Offer(bodies, 1), plan, say=said.append)
    assert sorted(said, key=lambda one: one.rate_qps) == list(load.points)
    return load


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> ServedLoad:
    """Return two workers that take 10 ms a request: two hundred a second, and never more."""
    with stub(tmp_path_factory.mktemp("stub"), service_ms=10, workers=2) as server:
        return measured(server, LoadPlan(slo_p95_ms=80, target_qps=60, seconds=0.2), workers=2, shares_cpus=True)


def test_the_knee_lies_where_the_service_time_puts_it(load: ServedLoad) -> None:
    assert load.knee_qps is not None
    assert load.knee_interval_qps is not None
    assert 60 < load.knee_qps < 300  # in a run as short as this, a queue of 40% too much is not as long as the SLO yet
    assert load.knee_interval_qps[0] <= load.knee_qps < load.knee_interval_qps[1] <= load.knee_qps * 1.06


def test_the_target_rate_is_measured_and_points_lie_past_the_knee(load: ServedLoad) -> None:
    rates = [point.rate_qps for point in load.points]
    assert rates == sorted(rates)
    assert load.target_qps == 60
    assert 60 in rates
    assert load.knee_qps is not None
    assert rates[-1] >= load.knee_qps * 1.29
    past = load.points[-1]
    assert not past.meets_slo
    assert past.achieved_qps < 205
    assert past.most_waiting > load.points[0].most_waiting


def test_what_was_sent_and_what_it_took_is_told(load: ServedLoad) -> None:
    assert (load.cpus, load.workers, load.rows_per_request, load.arrivals) == (2, 2, 1, "poisson")
    assert load.request_bytes == 10
    assert load.response_bytes == 10
    assert load.resident_bytes is not None
    assert load.resident_bytes > 10e6
    assert load.client_share is not None
    assert 0 < load.client_share < 1
    assert any("server's own processors" in note for note in load.notes)


def test_without_an_slo_the_limit_is_ten_times_the_idle_p95(tmp_path: Path) -> None:
    with stub(tmp_path, service_ms=10) as server:
        load = measured(server, LoadPlan(seconds=0.2, arrivals="fixed"))
    assert load.slo_p95_ms is None
    assert load.p95_limit_ms == pytest.approx(10 * min(point.p95_ms or 0 for point in load.points), rel=0.5)
    assert load.knee_qps is not None


@pytest.mark.parametrize("capacity_qps", [0.5, 3.3, 8.0, 40.0, 1000.0])
def test_a_lone_request_waits_for_no_other_however_slow_the_server(capacity_qps: float) -> None:
    assert 0.05 * capacity_qps <= idle_rate_qps(capacity_qps) <= 0.3 * capacity_qps


def test_a_slow_server_is_told_by_its_lone_requests_and_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three a second is all it answers: five would queue, and the last of them wait for seconds."""
    searched: list[float] = []

    def search(run: Callable[[float], LoadPoint], start_qps: float) -> Knee:
        searched.append(start_qps)
        return Knee(None, None, ())

    monkeypatch.setattr(measure, "_WARM_UP", 3)
    monkeypatch.setattr(measure, "find_knee", search)
    with stub(tmp_path, service_ms=300) as server:
        load = measured(server, LoadPlan(seconds=4, target_qps=1e6))
    assert searched
    assert load.p95_limit_ms is not None
    assert 3000 <= load.p95_limit_ms < 9000
    assert any("1e+06/s, is far past" in note for note in load.notes)


def test_an_slo_below_a_lone_request_is_told_with_both_figures(tmp_path: Path) -> None:
    with stub(tmp_path, service_ms=30) as server:
        load = measured(server, LoadPlan(slo_p95_ms=10, seconds=0.3))
    assert load.knee_qps is None
    assert load.knee_interval_qps is None
    assert load.resident_bytes is None
    assert load.reason is not None
    assert load.reason.startswith("a request alone already takes ")
    assert 30 < float(load.reason.split()[5]) < 3000
    assert load.reason.endswith("more than the SLO of 10 ms")
    assert len(load.points) == 3


def test_a_knee_beyond_which_rates_are_held_is_searched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search, found = measure.find_knee, []

    def misled_once(run: Callable[[float], LoadPoint], start_qps: float) -> Knee:
        found.append(Knee(8.0, (7.0, 9.0), (run(8.0),)) if not found else search(run, start_qps))
        return found[-1]

    monkeypatch.setattr(measure, "find_knee", misled_once)
    with stub(tmp_path, service_ms=10) as server:
        load = measured(server, LoadPlan(slo_p95_ms=100, seconds=0.2, arrivals="fixed"))
    assert load.knee_qps is not None
    assert load.knee_qps > 20
    assert load.knee_interval_qps is not None
    assert load.knee_interval_qps[0] == 7.0
    assert any("not steady" in note for note in load.notes)


def test_a_server_that_refuses_is_an_error_with_its_status(tmp_path: Path) -> None:
    with stub(tmp_path, service_ms=1) as server, pytest.raises(BenchmarkError) as caught:
        measured(server, LoadPlan(), do=400)
    assert "10 x status 400, of 10 requests" in str(caught.value)
    assert caught.value.exit_code == 7


def test_a_server_that_died_is_an_error(tmp_path: Path) -> None:
    with stub(tmp_path) as server:
        pass
    with pytest.raises(BenchmarkError, match="does not answer"):
        measured(server, LoadPlan())


def test_the_process_is_left_as_it_was(tmp_path: Path) -> None:
    import gc
    import resource

    before = (os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE), gc.isenabled())
    with stub(tmp_path, service_ms=1) as server:
        measured(server, LoadPlan(slo_p95_ms=0.001, seconds=0.2))
    assert (os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE), gc.isenabled()) == before
