"""`package benchmark --served`: a real bundle on the real server under load, and what is said where it can't be."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from packager.benchmark import noise
from packager.benchmark_result import BenchmarkResult
from packager.bundle.serve import served
from packager.commands import served as command
from packager.commands.served import ServedAsked
from packager.console import Console
from packager.errors import BenchmarkError
from packager.load.arrivals import due_times
from packager.load.figures import load_point
from packager.load.generator import offer
from packager.load.http import Address
from tests.bundle import binned, models
from tests.load.test_peers import needs_wrk, wrk_qps
from tests.sku.samples import load

SLO = {"p95_ms": 300.0, "qps": 25.0, "utilization": 0.7}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle whose recipe had an SLO."""
    from dataclasses import replace

    folder = tmp_path_factory.mktemp("bundle")
    plan = models.with_settings(models.classifier(folder), max_batch=8)
    lineage = {**plan.lineage, "recipe": {"sha256": "0" * 64, "benchmark": {"slo": SLO}}}
    return models.bundled(replace(plan, lineage=lineage), folder / "bundle")


def benchmark(bundle: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "packager", "benchmark", str(bundle), "--batch-size", "1", "--served", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


@binned.needs_library
def test_the_form_that_the_server_tells_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forced instructions hold for the server too."""
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", "plain")
    bundle, out = models.bundled(binned.plan(tmp_path), tmp_path / "bundle"), tmp_path / "here.json"
    ran = benchmark(bundle, "--seconds", "0.2", "--cpus", "1", "--workers", "1", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    found = BenchmarkResult.model_validate_json(out.read_bytes())
    assert [load.form for load in found.served] == [found.bundle.form] == ["binned plain"]


@pytest.fixture(scope="module")
def done(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("out") / "here.json"
    ran = benchmark(bundle, "--seconds", "0.4", "--rows", "2", "--cpus", "1", "--workers", "1", "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    return ran, BenchmarkResult.model_validate_json(out.read_text())


def test_slo_and_rate_are_those_of_the_bundles_recipe(done: Any) -> None:
    (load,) = done[1].served
    assert (load.slo_p95_ms, load.p95_limit_ms, load.target_qps, load.utilization) == (300.0, 300.0, 25.0, 0.7)
    assert any(point.rate_qps == 25 for point in load.points)
    assert (load.cpus, load.workers, load.threads, load.rows_per_request) == (1, 1, 1, 2)
    assert load.client_shares_cpus == (len(os.sched_getaffinity(0)) == 1)
    assert load.response_bytes > 20
    assert load.resident_bytes is None or load.resident_bytes > 30e6


def test_one_table_and_one_sentence_are_printed_and_talk_goes_to_stderr(done: Any) -> None:
    ran, result = done
    (load,) = result.served
    assert "served: 1 worker on 1 processor, 2 rows a request, poisson arrivals" in ran.stdout
    lines = ran.stdout.splitlines()
    head = next(number for number, line in enumerate(lines) if "answered/s" in line)
    rates = len({point.rate_qps for point in load.points})
    assert all(line[:10].strip() for line in lines[head + 1 : head + 1 + rates])
    assert "1 worker on 1 processor" in lines[head + 1 + rates]
    assert "distinct" in ran.stdout
    assert "requests/s  p95" in ran.stderr


def test_the_bundle_stays_as_it_was(bundle: Path, done: Any) -> None:
    from packager.bundle.manifest import check_digests

    check_digests(bundle)


def test_an_slo_that_no_request_keeps_is_exit_7_with_both_figures(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "here.json"
    ran = benchmark(bundle, "--seconds", "0.3", "--slo-p95-ms", "0.01", "--out", str(out))
    assert ran.returncode == 7
    assert "No rate keeps the SLO, not even one request at a time" in ran.stderr
    assert "measured p95 " in ran.stderr
    assert "limit 0.01 ms" in ran.stderr
    assert "at --slo-p95-ms" in ran.stderr
    assert not ran.stdout
    assert BenchmarkResult.model_validate_json(out.read_bytes()).served[0].knee_qps is None


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--rows", "0"), 2, "--rows"),
        (("--slo-p95-ms", "0"), 2, "--slo-p95-ms"),
        (("--arrivals", "bursty"), 2, "--arrivals"),
        (("--rows", "9"), 7, "does not take so many rows"),
        (("--cpus", "4000"), 7, "not so many processors"),
    ],
)
def test_what_cannot_be_measured_is_named(bundle: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    ran = benchmark(bundle, *arguments)
    assert ran.returncode == code, ran.stderr
    assert said in ran.stderr


def test_a_bundle_that_was_changed_is_not_loaded(bundle: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(bundle, tmp_path / "bundle"))
    (broken / "README.md").write_text("other")
    ran = benchmark(broken)
    assert ran.returncode == 7
    assert "changed 'README.md'" in ran.stderr


def test_processors_and_workers_stay_within_the_containers_quota() -> None:
    usable = frozenset(range(16))

    def arranged(quota: float | None, **asked: tuple[int, ...]) -> list[tuple[int, int]]:
        found = command.arrangements(ServedAsked(**asked), usable, quota)  # type: ignore[arg-type]
        return [(len(split.server), workers) for split, workers in found]

    assert arranged(None) == [(16, 16)]
    assert arranged(1.0) == [(1, 1)]
    assert arranged(2.9) == [(2, 2)]
    assert arranged(4.0, cpus=(2, 1), workers=(4,)) == [(1, 4), (2, 4)]
    with pytest.raises(BenchmarkError, match="quota grants fewer processors"):
        arranged(1.0, cpus=(2,))
    with pytest.raises(BenchmarkError, match="only take memory: 17 workers on 1 processor"):
        arranged(1.0, workers=(17,))


def test_the_machine_is_watched_while_it_is_loaded(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other programs take turns with every look: it has to be told beside the load."""
    point, kept = load(1).points[0], []

    def measured(*ignored: object, say: Any) -> Any:
        say(point)
        say(point)
        return load(1)

    monkeypatch.setattr(command, "measure_load", measured)
    looks: list[list[int]] = []

    def looked() -> list[int]:
        looks.append([1_000_000] * 9 + [9_000_000])
        return looks[-1]

    monkeypatch.setattr(noise, "time_fixed_work", looked)
    command.served_load(
        bundle, ServedAsked(cpus=(1,)), console=Console(), keep=lambda one, noisy: kept.append((one, noisy))
    )
    assert len(looks) == 2  # after each rate
    (one, noisy) = kept[0]
    assert one.points == load(1).points
    assert noisy.too_noisy
    assert noisy.spread > 1
    if noise.processor_times() is not None:
        assert noisy.steal_share is not None


@needs_wrk
def test_at_saturation_the_real_server_answers_as_many_as_under_wrk(bundle: Path, tmp_path: Path) -> None:
    """Bounds are wide: both share two processors with the server, and wrk takes less of them."""
    body = json.dumps(json.loads((bundle / "samples" / "request.json").read_bytes()))
    with served(bundle) as server:
        address = Address.of(server.score_url)
        theirs = wrk_qps(server.score_url, connections=4, seconds=2, script=tmp_path / "post.lua", body=body)
        requests = iter([address.request(body.encode())] * 100_000)
        trace = offer(address, requests, due_times(1.5 * theirs, 2, "fixed"), timeout_s=20)
    ours = load_point(trace, 1.5 * theirs, 2, limit_ms=None)
    assert ours.errors == 0
    assert ours.achieved_qps == pytest.approx(theirs, rel=0.5)


def test_when_the_real_servers_workers_stall_p99_counts_from_due(bundle: Path) -> None:
    """A request that was due while they stood still can't have been answered before they went on."""
    body = (bundle / "samples" / "request.json").read_bytes()
    due = due_times(50, 4, "fixed")
    stood: list[float] = []
    with served(bundle, workers=2) as server:
        address = Address.of(server.score_url)
        requests = iter([address.request(body)] * 1000)
        offer(address, requests, np.zeros(20), timeout_s=20)
        stopper = threading.Timer(1.0, _stop_for_a_second, [server.process.pid, stood])
        stopper.start()
        trace = offer(address, requests, due, timeout_s=20)
        stopper.join()
    stop_s, go_s = (moment - trace.begun_s for moment in stood)
    stalled = (due > stop_s) & (due < go_s)
    assert stalled.sum() > 40
    assert (trace.latency_s >= np.where(stalled, go_s - due - 0.01, 0)).all()
    point = load_point(trace, 50, 4, limit_ms=200)
    reference = np.percentile(np.where(stalled, go_s - due, 0), 99, method="inverted_cdf") * 1000
    # Those due first are answered first; what a busy machine adds to that is not the generator's.
    assert reference <= (point.p99_ms or 0) + 10
    assert point.p99_ms == pytest.approx(reference, rel=0.1, abs=150)
    assert not point.meets_slo


def _stop_for_a_second(pid: int, stood: list[float]) -> None:
    workers = psutil.Process(pid).children()
    for moment in (signal.SIGSTOP, signal.SIGCONT):
        for worker in workers:
            worker.send_signal(moment)
        stood.append(time.perf_counter())
        time.sleep(1 if moment == signal.SIGSTOP else 0)
