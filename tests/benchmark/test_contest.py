"""Contests are timed in turns, in processes of their own; the slower one is the one that does more work."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from packager.artifact import SessionSettings
from packager.benchmark import contest as module
from packager.benchmark.contest import Contestant, Rows, hold, ratio, time_of
from packager.dataset import rows as dataset
from packager.runtime.session import ExecutionProvider
from tests.runtime.graphs import regressor, row_sums, write


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setattr(module, "_PROCESSES", 2)
    dataset.Rows(np.random.default_rng(0).normal(size=(4096, 2))).save(tmp_path / "rows.npz")
    return Rows(tmp_path / "rows.npz", (1, 1024))


def plodding(path: Path) -> Path:
    """Write a graph that sums the rows as `row_sums` does, after two hundred steps that change nothing."""
    names = ["features", *(f"step_{index}" for index in range(200))]
    nodes = [helper.make_node("Sin", [before], [after]) for before, after in itertools.pairwise(names)]
    return write(path, [*nodes, helper.make_node("ReduceSum", [names[-1]], ["variable"])])


def test_the_one_that_does_more_takes_longer(rows: Rows, tmp_path: Path) -> None:
    quick = Contestant("quick", row_sums(tmp_path / "a.onnx"), regressor())
    slow = Contestant("slow", plodding(tmp_path / "b.onnx"), regressor())
    outcomes = hold([quick, slow], rows, seconds=1.0)
    for size in rows.batch_sizes:
        found = ratio(outcomes["slow"].rounds_us[size], outcomes["quick"].rounds_us[size])
        assert found.low > 1.5
        assert found.runs == 2


def test_rows_in_parts_and_other_settings_are_timed_too(rows: Rows, tmp_path: Path) -> None:
    path = row_sums(tmp_path / "a.onnx")
    settings = {
        "default": SessionSettings(),
        "parts": SessionSettings(rows_per_run=100),
        "other": SessionSettings(threads=2, optimization="disabled", execution="parallel", arena=False),
    }
    outcomes = hold([Contestant(name, path, regressor(), one) for name, one in settings.items()], rows, seconds=0.5)
    assert all(one.reason is None and set(one.rounds_us) == {1, 1024} for one in outcomes.values())
    assert ratio(outcomes["parts"].rounds_us[1024], outcomes["default"].rounds_us[1024]).median > 1


def test_one_that_does_not_open_has_a_reason_and_the_others_their_figures(rows: Rows, tmp_path: Path) -> None:
    nodes = [helper.make_node("Erf", ["features"], ["bent"]), helper.make_node("ReduceSum", ["bent"], ["variable"])]
    broken = Contestant("broken", write(tmp_path / "erf.onnx", nodes), regressor())
    fine = Contestant("fine", row_sums(tmp_path / "a.onnx"), regressor())
    outcomes = hold([broken, fine], rows, seconds=0.1)
    assert "Erf" in str(outcomes["broken"].reason)
    assert outcomes["broken"].rounds_us == {}
    assert outcomes["fine"].reason is None
    assert [len(rounds) >= 1 for rounds in outcomes["fine"].rounds_us[1]] == [True, True]


def test_one_that_fails_on_the_rows_has_a_reason_and_the_others_their_figures(rows: Rows, tmp_path: Path) -> None:
    shape = helper.make_tensor("shape", TensorProto.INT64, [2], [3, 1])
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Reshape", ["features", "shape"], ["variable"]),
    ]
    broken = Contestant("broken", write(tmp_path / "reshape.onnx", nodes), regressor())
    fine = Contestant("fine", row_sums(tmp_path / "a.onnx"), regressor())
    outcomes = hold([broken, fine], rows, seconds=0.1)
    assert "Reshape" in str(outcomes["broken"].reason)
    assert outcomes["fine"].reason is None


def test_a_provider_that_is_not_here_is_never_timed_on_the_cpu(rows: Rows, tmp_path: Path) -> None:
    absent = Rows(rows.file, rows.batch_sizes, ExecutionProvider("OpenVINOExecutionProvider"))
    (found,) = hold([Contestant("a", row_sums(tmp_path / "a.onnx"), regressor())], absent, seconds=0.1).values()
    assert "OpenVINOExecutionProvider is not in the installed onnxruntime" in str(found.reason)


def test_a_process_that_ends_is_a_reason(rows: Rows, tmp_path: Path) -> None:
    missing = Rows(tmp_path / "no.npz", (1,))
    (found,) = hold([Contestant("a", row_sums(tmp_path / "a.onnx"), regressor())], missing, seconds=0.1).values()
    assert "ended with code 1" in str(found.reason)


def test_rounds_of_one_process_count_once() -> None:
    """Two processes whose rounds agree to the last digit tell no more than two values do."""
    alike, apart = ((1.0,) * 100, (3.0,) * 100), ((1.0,) * 100, (2.0,) * 100)
    assert (time_of(alike).low, time_of(alike).high, time_of(alike).runs) == (1.0, 3.0, 2)
    assert (ratio(alike, apart).low, ratio(alike, apart).high) == (1.0, 1.5)


def test_the_interval_of_six_processes_is_their_range_and_covers_the_median() -> None:
    random, covered = np.random.default_rng(0), 0
    for _ in range(400):
        process = random.normal(0, 0.05, 6)
        rounds = tuple(tuple(10 * np.exp(shift + random.normal(0, 0.01, 4))) for shift in process)
        found = time_of(rounds)
        covered += found.low <= 10 <= found.high
    assert covered >= 0.93 * 400
