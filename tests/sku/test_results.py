"""Files that are joined: one bundle, whole results, a served load; everything else is named, with what to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from packager.errors import BenchmarkError, PackagerError, RecipeError
from packager.sku.results import read_results

from .samples import DIGEST, load, machine, measurements, point, result, write


def refused(*paths: Path, code: int) -> str:
    with pytest.raises(PackagerError) as caught:
        read_results(paths)
    assert caught.value.exit_code == code
    return str(caught.value)


def build_report(folder: Path, **changes: Any) -> Path:
    """A build's report.json, as far as this command reads it, and more beside it."""
    document: dict[str, Any] = {
        "report_version": 1,
        "name": "fraud",
        "version": "3",
        "ok": True,
        "selected": "fp64",
        "bundle": {"path": "dist/fraud-3/bundle", "digest": f"sha256:{DIGEST}"},
        "measurements": [{**one.model_dump(mode="json"), "more": 1} for one in measurements()],
        "machine": {**machine().model_dump(mode="json"), "kernel": "6.1"},
        **changes,
    }
    path = folder / "report.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_results_and_the_build_s_report_are_joined(tmp_path: Path) -> None:
    here = write(tmp_path, result(load(2)))
    found = read_results([here, build_report(tmp_path)])
    assert [one.kind for one in found] == ["benchmark", "build report"]
    assert [len(one.measurements) for one in found] == [8, 8]
    assert [len(one.served) for one in found] == [1, 0]


def test_different_bundles_are_named_with_their_digests(tmp_path: Path) -> None:
    one, other = write(tmp_path, result(load(2))), write(tmp_path, result(load(2), digest="f" * 64), "there.json")
    said = refused(one, other, code=2)
    assert f"{one}: fraud 3, digest {DIGEST[:12]}" in said
    assert f"{other}: fraud 3, digest ffffffffffff" in said


def test_a_file_named_twice_counts_once_or_not_at_all(tmp_path: Path) -> None:
    path = write(tmp_path, result(load(2)))
    assert "is named twice" in refused(path, tmp_path / "." / path.name, code=2)


def test_without_a_served_load_it_says_what_to_run(tmp_path: Path) -> None:
    for path in (write(tmp_path, result()), build_report(tmp_path)):
        said = refused(path, code=7)
        assert "package benchmark BUNDLE --served --out FILE" in said


def test_zero_requests_and_zero_rows_are_no_measurement(tmp_path: Path) -> None:
    idle = load(2).model_copy(update={"points": (point(100, 2).model_copy(update={"requests": 0}),)})
    assert "zero requests" in refused(write(tmp_path, result(idle)), code=7)
    empty = result(load(2)).model_copy(update={"measurements": (measurements()[0].model_copy(update={"runs": 0}),)})
    assert "fp64 on cpu-1 has figures of zero rows" in refused(write(tmp_path, empty), code=7)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not valid JSON"),
        ('{"kind": "packager.benchmark",', ":1 is not valid JSON"),
        ("[]", "expected a JSON object"),
        ("{}", "is no result of package benchmark and no report.json of a build"),
        ('{"kind": "packager.benchmark", "result_version": 9}', "is of version 9, this program reads 1"),
        ('{"kind": "packager.benchmark", "result_version": 1}', "is a damaged result: measured_at: field required"),
        ('{"kind": "packager.sku"}', "is a report that this command wrote"),
        ("[" * 100_000, "is not valid JSON"),
        ('{"kind": ' + "9" * 5000 + "}", "is not valid JSON"),
    ],
)
def test_what_is_no_result_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    said = refused(path, code=2)
    assert told in said
    assert str(path) in said


def test_a_figure_that_is_no_number_is_a_damaged_result(tmp_path: Path) -> None:
    path = write(tmp_path, result(load(2)))
    path.write_text(path.read_text(encoding="utf-8").replace('"spread": 0.04', '"spread": NaN'), encoding="utf-8")
    assert "is a damaged result: noise.spread" in refused(path, code=2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cpus", 10**9),
        ("workers", 10**9),
        ("knee_qps", 0),
        ("knee_qps", -1.0),
        ("knee_qps", 1e308),
        ("knee_interval_qps", [0, 0]),
        ("knee_interval_qps", [700, 600]),
        ("target_qps", 0),
        ("target_qps", -1),
        ("slo_p95_ms", 0),
        ("slo_p95_ms", 1e-320),
        ("p95_limit_ms", 0),
        ("resident_bytes", 10**400),
        ("p95_ms", 0),
        ("p95_ms", -3.0),
        ("p95_ci_ms", [9.0, 2.0]),
        ("rate_qps", 1e-320),
    ],
)
def test_a_figure_out_of_all_bounds_is_a_damaged_result(tmp_path: Path, field: str, value: Any) -> None:
    path = write(tmp_path, result(load(2)))
    document = json.loads(path.read_text(encoding="utf-8"))
    [served] = document["served"]
    part = served if field in served else served["points"][0]
    part[field] = value
    path.write_text(json.dumps(document), encoding="utf-8")
    said = refused(path, code=2)
    assert "is a damaged result: served.0" in said
    assert field in said


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "cannot read" in refused(tmp_path / "none.json", code=2)
    assert "cannot read" in refused(tmp_path, code=2)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"bundle": None, "ok": False}, "is the report of a build that left no bundle"),
        ({"machine": [1]}, "does not tell enough: : input should be a valid dictionary"),
        ({"measurements": None}, "does not tell enough: measurements: expected a list"),
        ({"measurements": ["a"]}, "does not tell enough: : input should be a valid dictionary"),
        ({"machine": {}}, "does not tell enough: processor"),
        ({"bundle": {"path": "x"}}, "does not tell enough: digest is missing"),
    ],
)
def test_a_build_s_report_with_a_hole_is_named(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    assert told in refused(build_report(tmp_path, **changes), code=2)


def test_errors_are_of_the_two_kinds_that_are_promised() -> None:
    assert (RecipeError.exit_code, BenchmarkError.exit_code) == (2, 7)
