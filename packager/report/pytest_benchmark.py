"""report/benchmark.json: what was measured, in the JSON of pytest-benchmark, so that its `compare` reads it.

Seconds, as there. A measurement without figures is left out: that form has no place for a reason.
"""

from __future__ import annotations

from typing import Any

from packager.artifact import Measurement, Spread
from packager.report.model import BuildReport

BENCHMARK_FILE = "benchmark.json"
# The version of pytest-benchmark whose form this is.
_FORM = "5.3.1"


def benchmark_document(report: BuildReport) -> dict[str, Any]:
    """Return benchmark.json."""
    benchmarks = [
        _benchmark(report, one, one.spread) for one in report.measurements if one.p50_us is not None and one.spread
    ]
    return {
        "machine_info": {
            **report.machine,
            "machine": report.machine.get("architecture"),
            "python_version": report.versions.get("python"),
        },
        "commit_info": {"id": report.source.get("sha256"), "project": report.name, "version": report.version},
        "benchmarks": benchmarks,
        "datetime": report.measured_at,
        "version": _FORM,
    }


def _benchmark(report: BuildReport, one: Measurement, spread: Spread) -> dict[str, Any]:
    """One measurement: the same name in every build, so that builds are compared by it."""
    params = {"variant": one.variant, "target": one.target, "batch_size": one.batch_size}
    label = f"{one.variant}-{one.target}-{one.batch_size}"
    return {
        "group": f"{one.target}, {one.batch_size} rows",
        "name": f"test_score[{label}]",
        "fullname": f"{report.name}::test_score[{label}]",
        "params": params,
        "param": label,
        "extra_info": {
            "provider": one.provider_active,
            "threads": one.threads,
            "rows_per_s": one.rows_per_s,
            "ci95_of_median_s": None if one.ci95 is None else [value / 1e6 for value in one.ci95],
        },
        "options": {},
        "stats": _stats(one, spread),
    }


def _stats(one: Measurement, spread: Spread) -> dict[str, Any]:
    seconds = {
        "min": spread.min_us,
        "max": spread.max_us,
        "mean": spread.mean_us,
        "stddev": spread.stddev_us,
        "median": one.p50_us or 0.0,
        "q1": spread.q1_us,
        "q3": spread.q3_us,
        "iqr": spread.q3_us - spread.q1_us,
        "ld15iqr": spread.low_fence_us,
        "hd15iqr": spread.high_fence_us,
        "total": spread.mean_us * one.runs,
    }
    return {
        **{name: value / 1e6 for name, value in seconds.items()},
        "rounds": one.runs,
        "iterations": 1,
        "iqr_outliers": spread.iqr_outliers,
        "stddev_outliers": spread.stddev_outliers,
        "outliers": f"{spread.stddev_outliers};{spread.iqr_outliers}",
        "ops": 1e6 / spread.mean_us,
    }
