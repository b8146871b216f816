"""benchmark.json is read by pytest-benchmark's own command, and says what the report says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from packager.artifact import Measurement
from packager.benchmark.statistics import figures
from packager.report.pytest_benchmark import benchmark_document
from packager.report.write import write_report

from .samples import ok_build

SAMPLES_NS = np.random.default_rng(0).lognormal(10.0, 0.3, 101).astype(np.int64).tolist()


def row(variant: str, factor: int = 1) -> Measurement:
    empty = Measurement("cpu-1", "cpu", "CPUExecutionProvider", {}, variant, 10, 1)
    return replace(empty, **vars(figures([[value * factor for value in SAMPLES_NS]], 10)))


def compared(folder: Path, *files: str) -> str:
    """Run the real command on files of a folder."""
    done = subprocess.run(
        [Path(sys.executable).with_name("pytest-benchmark"), "compare", *files, "--group-by=name"],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "Failed to load" not in done.stderr
    return done.stdout


def test_two_builds_are_compared_by_the_real_command(tmp_path: Path) -> None:
    for name, factor in (("old", 1), ("new", 2)):
        report = ok_build()
        report.measured_at, report.measurements = "2026-01-02T03:04:05+00:00", [row("fp64", factor)]
        (tmp_path / name).mkdir()
        write_report(report, tmp_path / name)
    table = compared(tmp_path, "old/benchmark.json", "new/benchmark.json")
    assert "benchmark 'test_score[fp64-cpu-1-10]': 2 tests" in table
    lines = [line for line in table.splitlines() if line.startswith("test_score[fp64-cpu-1-10] ")]
    assert len(lines) == 2
    assert {line.split()[-2] for line in lines} == {"101"}


def test_the_statistics_are_those_of_pytest_benchmark() -> None:
    from pytest_benchmark.stats import Stats

    own = Stats()
    for value in SAMPLES_NS:
        own.update(value / 1e9)
    report = ok_build()
    report.measurements = [row("fp64")]
    (found,) = benchmark_document(report)["benchmarks"]
    for name, value in own.as_dict().items():
        assert found["stats"][name] == (value if isinstance(value, str) else pytest.approx(value, rel=1e-9)), name


def test_a_measurement_without_figures_is_left_out_and_no_file_holds_nothing(tmp_path: Path) -> None:
    report = ok_build()
    report.measurements = [Measurement("gpu", "cuda", None, {}, "fp64", 1, 1, reason="no device")]
    assert benchmark_document(report)["benchmarks"] == []
    write_report(report, tmp_path)
    assert not (tmp_path / "benchmark.json").exists()


def test_what_the_form_has_no_place_for_lies_in_extra_info(tmp_path: Path) -> None:
    report = ok_build()
    report.measurements = [row("fp64")]
    (found,) = json.loads(json.dumps(benchmark_document(report)))["benchmarks"]
    low, high = found["extra_info"]["ci95_of_median_s"]
    assert low <= found["stats"]["median"] <= high
    assert found["params"] == {"variant": "fp64", "target": "cpu-1", "batch_size": 10}
