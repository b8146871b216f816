"""Contests are timed in turns, in processes of their own; the slower one is the one that does more work."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from packager.artifact import SessionSettings
from packager.benchmark import contest as module
from packager.benchmark.contest import Contestant, Figure, Rows, hold, ratio, summed
from packager.dataset import rows as dataset
from packager.runtime.session import ExecutionProvider
from tests.runtime.graphs import regressor, row_sums, write


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setattr(module, "_REPEATS", 2)
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
        assert 4 <= found.rounds <= 14


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
    assert len(outcomes["fine"].rounds_us[1]) >= 4


def test_a_provider_that_is_not_here_is_never_timed_on_the_cpu(rows: Rows, tmp_path: Path) -> None:
    absent = Rows(rows.file, rows.batch_sizes, ExecutionProvider("OpenVINOExecutionProvider"))
    (found,) = hold([Contestant("a", row_sums(tmp_path / "a.onnx"), regressor())], absent, seconds=0.1).values()
    assert "OpenVINOExecutionProvider is not in the installed onnxruntime" in str(found.reason)


def test_a_process_that_ends_is_a_reason(rows: Rows, tmp_path: Path) -> None:
    missing = Rows(tmp_path / "no.npz", (1,))
    (found,) = hold([Contestant("a", row_sums(tmp_path / "a.onnx"), regressor())], missing, seconds=0.1).values()
    assert "ended with code 1" in str(found.reason)


def test_intervals_part_only_where_none_of_them_holds_the_other() -> None:
    low, high = Figure(1.0, 0.9, 1.1, 21), Figure(1.3, 1.2, 1.4, 21)
    assert low.lies_below(high)
    assert not high.lies_below(low)
    assert not Figure(1.0, 0.9, 1.2, 21).lies_below(high)


def test_the_interval_of_21_rounds_leaves_out_six_on_either_side() -> None:
    found = summed(list(range(21)))
    assert (found.median, found.low, found.high, found.rounds) == (10, 5, 15, 21)


def test_a_ratio_is_of_the_same_rounds() -> None:
    drifting = [100.0 * 1.5**index for index in range(12)]
    found = ratio([2 * value for value in drifting], drifting)
    assert (found.low, found.median, found.high) == (2, 2, 2)
