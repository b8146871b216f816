"""Measurements: every variant on every target keeps its row, with figures of the provider asked for or a reason."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnxruntime
import psutil
import pytest
from onnx import helper
from sklearn.linear_model import LogisticRegression

from packager.artifact import NATIVE, Measurement, Variant
from packager.benchmark import benchmark as module
from packager.benchmark import subjects
from packager.benchmark.benchmark import measure, require_measured
from packager.benchmark.subjects import Bench, OnnxSubject, Subject, open_subject
from packager.benchmark.worker import TargetWorker
from packager.dataset.rows import Rows
from packager.errors import BenchmarkError
from packager.recipe.model import Target
from packager.recipe.providers import Provider
from packager.runtime.session import CPU_PROVIDER, Session
from packager.worker import Worker
from tests.runtime.graphs import regressor, row_sums, write

CPU = Target(name="here", provider="cpu", threads=1)
ABSENT = Target(name="there", provider="dnnl", threads=1)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(module, "_SECONDS_PER_ROUND", 0.005)
    Rows(np.random.default_rng(0).normal(size=(64, 2))).save(tmp_path / "rows.npz")
    return Bench(tmp_path / "rows.npz", regressor(), (1, 16))


def variant(name: str, path: Path | None, status: str = "ok") -> Variant:
    return Variant(name, "fp64", status, None, path)  # type: ignore[arg-type]


def falls_over(path: Path) -> Path:
    """Write a graph that opens, and fails on every row."""
    nodes = [helper.make_node("Reshape", ["features", "shape"], ["variable"])]
    return write(path, nodes, shape=np.array([7, 1], dtype=np.int64))


def measure_target(target: Target, variants: list[Variant], bench: Bench) -> list[Measurement]:
    return list(measure([target], variants, bench).measurements)


def without_figures(row: Measurement) -> bool:
    return (row.p50_us, row.p95_us, row.p99_us, row.rows_per_s, row.ci95, row.runs) == (None,) * 5 + (0,)


def test_every_variant_with_a_file_has_a_row_per_batch_size(bench: Bench, tmp_path: Path) -> None:
    variants = [
        variant("fp64", row_sums(tmp_path / "a.onnx")),
        variant("fp32", row_sums(tmp_path / "b.onnx", 1), "rejected"),
        variant("int8", None, "no_op"),
    ]
    rows = measure_target(CPU, variants, bench)
    assert [(row.variant, row.batch_size) for row in rows] == [("fp64", 1), ("fp64", 16), ("fp32", 1), ("fp32", 16)]
    for row in rows:
        assert (row.target, row.provider, row.threads, row.reason) == ("here", "cpu", 1, None)
        assert (row.provider_active, row.placement) == (CPU_PROVIDER, {CPU_PROVIDER: 1})
        assert row.ci95 is not None
        assert row.p50_us is not None
        assert row.ci95[0] <= row.p50_us <= row.ci95[1]
        assert row.runs >= 12
        assert row.operators == {CPU_PROVIDER: {"ReduceSum": 1}}


def test_a_provider_that_is_not_here_has_a_reason_and_never_a_figure_of_the_cpu(bench: Bench, tmp_path: Path) -> None:
    assert "DnnlExecutionProvider" not in onnxruntime.get_available_providers()
    rows = measure_target(ABSENT, [variant("fp64", row_sums(tmp_path / "a.onnx"))], bench)
    assert len(rows) == 2
    for row in rows:
        assert without_figures(row)
        assert (row.provider_active, row.placement) == (None, {})
        assert "DnnlExecutionProvider is not in the installed onnxruntime" in str(row.reason)


def test_a_provider_that_runs_no_node_is_not_measured(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure's provider takes no node of a graph like this, and the session runs on the CPU."""
    if "AzureExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no AzureExecutionProvider")
    for table in (module.PROVIDERS, subjects.PROVIDERS):
        monkeypatch.setitem(table, "dnnl", Provider("azure", "AzureExecutionProvider", "onnxruntime"))
    (row, _) = measure_target(ABSENT, [variant("fp64", row_sums(tmp_path / "a.onnx"))], bench)
    assert without_figures(row)
    assert row.reason == "azure runs 0 of 1 nodes: ReduceSum stays on CPU"
    assert (row.provider_active, row.placement) == (None, {CPU_PROVIDER: 1})


def test_a_variant_that_falls_over_has_a_reason_and_the_others_their_figures(bench: Bench, tmp_path: Path) -> None:
    variants = [
        variant("fp64", row_sums(tmp_path / "a.onnx")),
        variant("fp16", falls_over(tmp_path / "b.onnx")),
        variant("int8", row_sums(tmp_path / "c.onnx")),
    ]
    rows = {(row.variant, row.batch_size): row for row in measure_target(CPU, variants, bench)}
    assert len(rows) == 6
    for size in bench.batch_sizes:
        assert rows["fp64", size].p50_us is not None
        assert rows["int8", size].p50_us is not None
        assert without_figures(rows["fp16", size])
        assert "Reshape" in str(rows["fp16", size].reason)


def test_a_model_that_does_not_open_has_a_reason(bench: Bench, tmp_path: Path) -> None:
    nodes = [helper.make_node("Erf", ["features"], ["bent"]), helper.make_node("ReduceSum", ["bent"], ["variable"])]
    variants = [variant("fp64", write(tmp_path / "erf.onnx", nodes)), variant("fp32", row_sums(tmp_path / "a.onnx"))]
    rows = measure_target(CPU, variants, bench)
    assert "Erf" in str(rows[0].reason)
    assert rows[2].p50_us is not None


def _children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "packager.benchmark.worker" in " ".join(child.cmdline())]


def _kill_the_next_worker(done: threading.Event) -> None:
    while not done.is_set():
        for child in _children():
            os.kill(child.pid, signal.SIGKILL)
            done.set()
        time.sleep(0.02)


def test_a_worker_that_is_killed_half_way_leaves_rows_with_a_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.npz")  # nobody writes: the worker waits for its rows until it is killed
    waiting = Bench(tmp_path / "rows.npz", regressor(), (1, 16))
    done = threading.Event()
    killer = threading.Thread(target=_kill_the_next_worker, args=(done,), daemon=True)
    killer.start()
    rows = measure_target(CPU, [variant("fp64", row_sums(tmp_path / "a.onnx"))], waiting)
    done.set()
    killer.join()
    assert [row.batch_size for row in rows] == [1, 16]
    assert all(without_figures(row) for row in rows)
    assert "signal SIGKILL" in str(rows[0].reason)
    assert _children() == []


def test_a_worker_that_does_not_end_is_stopped_and_leaves_rows_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "_OPEN_S", 1.0)
    os.mkfifo(tmp_path / "rows.npz")
    waiting = Bench(tmp_path / "rows.npz", regressor(), (1,))
    rows = measure_target(CPU, [variant("fp64", row_sums(tmp_path / "a.onnx"))], waiting)
    assert "did not answer within 1 s" in str(rows[0].reason)
    assert without_figures(rows[0])
    assert _children() == []


def test_no_variant_with_a_file_makes_no_row(bench: Bench) -> None:
    assert measure_target(CPU, [variant("int8", None, "no_op")], bench) == []


class _Recorder:
    """Stands where a session runs, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[np.ndarray] = []

    def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.asked.append(feeds["features"])
        return [feeds["features"][:, :1]]


@pytest.mark.parametrize("batch_size", [1, 5, 16])
def test_every_call_has_other_rows_until_they_come_round(batch_size: int) -> None:
    recorder: Any = _Recorder()
    numbers = np.arange(128.0).reshape(64, 2)
    worker = TargetWorker(Session(recorder, regressor(), np.dtype(np.float64), {}), Rows(numbers))
    timed = [worker.time(batch_size, 0.005) for _ in range(2)]
    calls = [call for call in recorder.asked if not np.array_equal(call, numbers[:batch_size])]
    around = 64 // batch_size
    assert sum(one.warm_up_calls + len(one.samples_ns) for one in timed) == len(recorder.asked) - 2  # one try a block
    assert {call.shape for call in calls} == {(batch_size, 2)}
    for before, after in itertools.pairwise(calls):
        assert not np.array_equal(before, after)
    assert len({call.tobytes() for call in recorder.asked}) == around


def test_the_native_model_is_measured_in_its_own_worker(bench: Bench, tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(64, 2))
    joblib.dump(LogisticRegression().fit(numbers, numbers[:, 0] > 0), tmp_path / "model.joblib")
    worker = Worker()
    worker.load(str(tmp_path / "model.joblib"), "joblib")
    targets = [CPU, Target(name="again", provider="cpu", threads=1), ABSENT]
    found = measure(targets, [], bench, ask=lambda command, **arguments: getattr(worker, command)(**arguments))
    rows = found.measurements
    assert [(row.target, row.variant, row.batch_size) for row in rows] == [("here", NATIVE, 1), ("here", NATIVE, 16)]
    assert all(row.p50_us is not None and row.p50_us > 0 for row in rows)
    assert all((row.provider_active, row.placement) == (None, {}) for row in rows)


def test_a_target_that_must_be_measured_and_was_not_stops_the_build() -> None:
    row = Measurement("gpu", "cuda", None, {}, "fp64", 1, 1, reason="no such device")
    figure = Measurement("gpu", "cuda", None, {}, "fp64", 1, 1, p50_us=3.0)
    native = Measurement("gpu", "cpu", None, {}, NATIVE, 1, 1, p50_us=3.0)
    require_measured("gpu", [row, figure], "select.target")
    for rows in ([row], [row, native], []):
        with pytest.raises(BenchmarkError, match="'gpu' decides") as caught:
            require_measured("gpu", rows, "recipe.yml:9 select.target")
        assert caught.value.exit_code == 7
        assert "recipe.yml:9 select.target" in str(caught.value)
    with pytest.raises(BenchmarkError, match="no such device"):
        require_measured("gpu", [row], "select.target")


class _Asked(Subject):
    """Notes when it is asked, and takes as long as it is told to."""

    def __init__(self, name: str, log: list[tuple[str, int]], call_ns: int = 1000) -> None:
        super().__init__(CPU, name)
        self._log, self._call_ns = log, call_ns

    def _block(self, batch_size: int, seconds: float) -> dict[str, Any]:
        self._log.append((self.variant, batch_size))
        return {"samples_ns": [self._call_ns] * 3, "settled": True}


def run_rounds(subjects: list[Subject], *batch_sizes: int) -> int:
    looks: list[None] = []
    module._run_rounds(subjects, batch_sizes, look=lambda: looks.append(None), tell=lambda text: None)
    return len(looks)


def test_all_are_asked_in_every_round_and_each_is_first_in_some() -> None:
    log: list[tuple[str, int]] = []
    looks = run_rounds([_Asked(name, log) for name in "abc"], 1, 100)
    assert looks == 1 + module._ROUNDS * 2
    rounds = [log[start : start + 6] for start in range(0, len(log), 6)]
    assert len(log) == 6 * module._ROUNDS
    for asked in rounds:
        assert sorted(asked) == [(name, size) for name in "abc" for size in (1, 100)]
        assert [size for _, size in asked] == [1, 1, 1, 100, 100, 100]
    assert {asked[0][0] for asked in rounds} == {"a", "b", "c"}


def test_half_way_a_model_is_opened_in_another_process(bench: Bench, tmp_path: Path) -> None:
    subject = open_subject(CPU, variant("fp64", row_sums(tmp_path / "a.onnx")), bench, Path(sys.executable))
    assert isinstance(subject, OnnxSubject)
    assert subject.child is not None
    first = subject.child._process
    try:
        run_rounds([subject], 1)
        assert subject.child._process.pid != first.pid
        assert first.poll() is not None
        assert len(subject.series[1].rounds) == module._ROUNDS
        (tmp_path / "a.onnx").unlink()
        subject.reopen()
        assert subject.reason is not None
        assert subject.operators == {CPU_PROVIDER: {"ReduceSum": 1}}  # where its nodes ran while it did
    finally:
        subject.end()


def test_what_is_very_slow_is_asked_twice_and_the_others_go_on() -> None:
    log: list[tuple[str, int]] = []
    run_rounds([_Asked("slow", log, 5 * 10**9), _Asked("quick", log)], 1)
    assert log.count(("slow", 1)) == 2
    assert log.count(("quick", 1)) == module._ROUNDS


def test_a_subject_with_a_reason_is_not_asked() -> None:
    log: list[tuple[str, int]] = []
    absent = _Asked("absent", log)
    absent.reason = "not here"
    run_rounds([absent], 1)
    assert log == []


def test_models_that_would_fill_the_memory_are_measured_target_by_target(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [CPU, Target(name="two", provider="cpu", threads=2)]
    variants = [variant("fp64", row_sums(tmp_path / "a.onnx"))]
    assert len(module._groups(targets, variants)) == 1
    monkeypatch.setattr(module, "_MEMORY_SHARE", 0.0)
    assert [len(group) for group in module._groups(targets, variants)] == [1, 1]
    rows = measure(targets, variants, bench).measurements
    assert [(row.target, row.batch_size) for row in rows] == [("here", 1), ("here", 16), ("two", 1), ("two", 16)]
    assert all(row.p50_us is not None for row in rows)
