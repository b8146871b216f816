"""Every request is sent when it is due and counted once; latency counts from due, errors from whatever went wrong."""

from __future__ import annotations

import itertools
import json
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packager.load.arrivals import due_times
from packager.load.figures import load_point
from packager.load.generator import Trace, offer
from packager.load.http import Address

from .stub import Stub, stub


def requests(url: str, **more: Any) -> Iterator[bytes]:
    """Return requests that each say their number, from 0 on."""
    return (Address.of(url).request(json.dumps({"id": number, **more}).encode()) for number in itertools.count())


def asked(server: Stub, due_s: Any, *, timeout_s: float = 20, **more: Any) -> Trace:
    return offer(Address.of(server.url), requests(server.url, **more), np.asarray(due_s, float), timeout_s=timeout_s)


def p99_ms(latency_s: Any) -> float:
    return float(np.percentile(latency_s, 99, method="inverted_cdf") * 1000)


def test_each_request_is_sent_once_in_order_when_it_is_due(tmp_path: Path) -> None:
    with stub(tmp_path, service_ms=1) as server:
        due = due_times(100, 1, "poisson")
        trace = asked(server, due)
        served = server.stop()
    assert sorted(served) == list(range(100))
    assert (trace.status == 200).all()
    assert (trace.sent_s >= due).all()
    assert (np.diff(trace.sent_s) >= 0).all()
    assert trace.response_bytes > len('{"id": 1}') - 1


def test_p99_under_stalls_is_that_of_due_times_by_the_servers_own_clock(tmp_path: Path) -> None:
    due = due_times(100, 5, "fixed")
    with stub(tmp_path, service_ms=2, stalls=((0.5, 1.0), (3.0, 1.0))) as server:
        trace = asked(server, due)
        served = server.stop()
    finished = np.array([served[number][1] for number in range(len(due))])
    reference = finished - (trace.begun_s + due)
    assert np.quantile(trace.sent_s - due, 0.95) < 0.1  # however many were waiting
    point = load_point(trace, 100, 5, limit_ms=100)
    assert p99_ms(reference) > 800
    assert point.p99_ms == pytest.approx(p99_ms(reference), rel=0.1)
    assert point.p95_ms == pytest.approx(1000 * np.percentile(reference, 95, method="inverted_cdf"), rel=0.1)
    assert not point.meets_slo


def test_p99_under_a_stopped_process_is_that_of_due_times(tmp_path: Path) -> None:
    due = due_times(100, 3, "poisson")
    with stub(tmp_path, service_ms=2, workers=2) as server:
        stopper = threading.Timer(0.7, _stop_for_a_second, [server.process.pid])
        stopper.start()
        trace = asked(server, due)
        stopper.join()
        served = server.stop()
    reference = np.array([served[number][1] for number in range(len(due))]) - (trace.begun_s + due)
    assert p99_ms(reference) > 800
    assert p99_ms(trace.latency_s) == pytest.approx(p99_ms(reference), rel=0.1)


def _stop_for_a_second(pid: int) -> None:
    import psutil

    workers = psutil.Process(pid).children()
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    time.sleep(1)
    for worker in workers:
        worker.send_signal(signal.SIGCONT)


def test_a_closed_loop_would_have_hidden_the_stalls(tmp_path: Path) -> None:
    """Why latency counts from due: of the same server, a client that waits its turn measures next to nothing."""
    with stub(tmp_path, service_ms=2, stalls=((0.5, 1.0),)) as server:
        closed: list[float] = []
        until = time.perf_counter() + 3
        while time.perf_counter() < until or len(closed) < 150:
            begun = time.perf_counter()
            urllib.request.urlopen(server.url, b'{"id": 0}', timeout=20).read()
            closed.append(time.perf_counter() - begun)
    assert max(closed) > 0.8
    assert p99_ms(closed) < 0.5 * max(closed) * 1000


@pytest.mark.parametrize(("do", "status"), [(400, 400), (503, 503), ("close", 0), ("truncate", 0)])
def test_all_but_whole_answers_of_200_are_errors(tmp_path: Path, do: Any, status: int) -> None:
    with stub(tmp_path, service_ms=1) as server:
        trace = asked(server, due_times(50, 0.4, "fixed"), do=do)
    assert trace.status.tolist() == [status] * 20
    assert np.isinf(trace.latency_s).all()
    point = load_point(trace, 50, 0.4, limit_ms=1000)
    assert point.errors == point.requests == 20
    assert point.achieved_qps == 0
    assert point.p50_ms is point.p95_ms is point.p95_ci_ms is None
    assert point.meets_slo is False


def test_an_answer_without_a_length_is_whole_when_the_server_has_ended(tmp_path: Path) -> None:
    with stub(tmp_path, service_ms=1) as server:
        assert asked(server, [0.0, 0.01], do="unsized").status.tolist() == [200, 200]


def test_a_timeout_counts_from_due_and_is_an_error(tmp_path: Path) -> None:
    with stub(tmp_path, service_ms=1) as server:
        trace = asked(server, [0.0, 0.1], do="hang", timeout_s=0.5)
    assert trace.status.tolist() == [0, 0]
    assert (trace.ended_s >= trace.due_s + 0.5).all()
    assert trace.wall_s < 10


def test_nobody_listening_is_an_error_of_each_request() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", free.getsockname()[1], "/score")
    trace = offer(address, itertools.repeat(address.request(b"{}")), np.array([0.0, 0.01]), timeout_s=5)
    assert trace.status.tolist() == [0, 0]


def test_a_long_request_and_answer_arrive_whole(tmp_path: Path) -> None:
    text = "x" * 3_000_000
    with stub(tmp_path, service_ms=1) as server:
        trace = asked(server, [0.0, 0.0, 0.0], text=text)
    assert trace.status.tolist() == [200] * 3
    assert trace.response_bytes > len(text)


def test_a_burst_beyond_what_is_served_waits_and_is_answered(tmp_path: Path) -> None:
    with stub(tmp_path, service_ms=1) as server:
        trace = asked(server, np.zeros(1500))
    assert (trace.status == 200).all()
    assert load_point(trace, 1500, 1, limit_ms=None).most_waiting > 1000
