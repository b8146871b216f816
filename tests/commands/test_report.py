"""`package report` from outside: results on stdout, talk on stderr, one message and one exit code for a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from packager.bundle.manifest import check_digests
from tests.bundle import models
from tests.sku.samples import load, result, write

MAX_MESSAGE_BYTES = 4096


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "packager", "report", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return write(tmp_path, result(load(1, 620.0), load(2, 1180.0)))


def test_it_prints_the_advice_and_writes_three_files(tmp_path: Path, here: Path) -> None:
    ran = run(tmp_path, here.name, "--qps", "300", "--out", "advice")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("instance_type  Standard_")
    assert "prices of 2026-11-28" in ran.stdout
    assert "known how" in ran.stderr
    assert sorted(path.name for path in (tmp_path / "advice").iterdir()) == ["report.html", "report.json", "report.md"]


def test_json_is_the_file_s(tmp_path: Path, here: Path) -> None:
    ran = run(tmp_path, here.name, "--qps", "300", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == json.loads((tmp_path / "sku-report/report.json").read_text(encoding="utf-8"))


def test_prices_of_one_s_own_are_taken(tmp_path: Path, here: Path) -> None:
    (tmp_path / "prices.csv").write_text("instance_type,usd_per_hour\nStandard_E8s_v3,0.01\n", encoding="utf-8")
    ran = run(tmp_path, here.name, "--qps", "300", "--prices", "prices.csv", "--json")
    document = json.loads(ran.stdout)
    assert [one["instance_type"] for one in document["instances"]] == ["Standard_E8s_v3"]
    assert document["prices"]["price"] == "prices of prices.csv"


def test_an_slo_that_nothing_holds_is_exit_7_with_the_figure_and_a_page(tmp_path: Path, here: Path) -> None:
    ran = run(tmp_path, here.name, "--qps", "300", "--slo-p95-ms", "0.001")
    assert ran.returncode == 7
    assert "holds the SLO" in ran.stderr
    assert "measured p95 1.60 ms at best, limit 1.00 µs" in ran.stderr
    assert "--slo-p95-ms" in ran.stderr
    assert ran.stdout == ""
    assert "No recommendation" in (tmp_path / "sku-report/report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--qps", "0"), "--qps has to be a number above 0"),
        (("--qps", "1e-320"), "--qps has to lie between 1e-06 and 1e+09"),
        (("--slo-p95-ms", "1e308"), "--slo-p95-ms has to lie between 1e-06 and 1e+09"),
        (("--qps", "nan"), "--qps has to be a number above 0"),
        (("--slo-p95-ms", "-5"), "--slo-p95-ms has to be a number above 0"),
        (("--slo-p95-ms", "inf"), "--slo-p95-ms has to be a number above 0"),
        (("--utilization", "1e-320"), "--utilization has to be a share above 0, at most 1"),
        (("--utilization", "1.5"), "--utilization has to be a share above 0, at most 1"),
        (("--prices", "none.csv"), "cannot read the price file none.csv"),
        (("none.json",), "cannot read none.json"),
        (("here.json",), "here.json is named twice"),
    ],
)
def test_a_mistake_of_the_command_line_is_exit_2(
    tmp_path: Path, here: Path, arguments: tuple[str, ...], told: str
) -> None:
    ran = run(tmp_path, here.name, *arguments)
    assert ran.returncode == 2, ran.stderr
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert len(ran.stderr.encode()) < MAX_MESSAGE_BYTES
    assert not (tmp_path / "sku-report").exists()


def test_a_place_that_cannot_be_written_is_exit_2_before_anything_is_read(tmp_path: Path, here: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    for place in (bundle, bundle / "sku", here, Path("/proc/x")):
        ran = run(tmp_path, "none.json", "--out", str(place))
        assert ran.returncode == 2, ran.stderr
        assert f"--out {place}" in ran.stderr
    check_digests(bundle)


def test_results_of_different_bundles_are_exit_2_and_named(tmp_path: Path, here: Path) -> None:
    write(tmp_path, result(load(2), digest="f" * 64), "there.json")
    ran = run(tmp_path, here.name, "there.json")
    assert ran.returncode == 2
    for word in ("here.json", "there.json", "ab4c1628edb7", "ffffffffffff"):
        assert word in ran.stderr


def test_a_result_without_a_served_load_is_exit_7_and_says_what_to_run(tmp_path: Path) -> None:
    ran = run(tmp_path, write(tmp_path, result()).name)
    assert ran.returncode == 7
    assert "package benchmark BUNDLE --served --out FILE" in ran.stderr


def test_help_has_an_example(tmp_path: Path) -> None:
    ran = run(tmp_path, "--help")
    assert ran.returncode == 0
    assert "Example: package report" in ran.stdout
