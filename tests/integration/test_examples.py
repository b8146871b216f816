"""The example recipes on their real data: trained, registered, built twice; the bundles are the same to the byte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

RECIPES = Path(__file__).parents[2] / "recipes"
EXAMPLES = sorted(path.stem for path in RECIPES.glob("*.yml"))
TREES = {"digits-forest", "diabetes-boosting", "fraud-lightgbm"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the recipes, measured at one row only, and a registry of freshly trained models."""
    folder = tmp_path_factory.mktemp("examples")
    environment = {**os.environ, "PACKAGE_REGISTRY": str(folder / "registry")}
    subprocess.run([sys.executable, str(RECIPES / "train_examples.py")], check=True, env=environment, cwd=folder)
    for name in EXAMPLES:
        document = yaml.safe_load((RECIPES / f"{name}.yml").read_text())
        document["benchmark"] = {"batch_sizes": [1], "process": "skip"}
        (folder / f"{name}.yml").write_text(yaml.safe_dump(document, sort_keys=False))
    return folder


def build(folder: Path, out: str, *arguments: str) -> dict[str, Any]:
    """Build every example; return the reports by name."""
    command = [sys.executable, "-m", "packager", "build", *(f"{name}.yml" for name in EXAMPLES), "--out", out]
    environment = {key: value for key, value in os.environ.items() if key != "PACKAGE_REGISTRY"}
    done = subprocess.run(
        [*command, "--json", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {report["name"]: report for report in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def reports(folder: Path) -> dict[str, Any]:
    return build(folder, "dist")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_passes_on_rows_it_has_not_seen(reports: dict[str, Any], name: str) -> None:
    report = reports[name]
    assert report["ok"]
    assert report["verification"]["rows"] > 100
    assert report["verification"]["made_rows"] > 1000
    baseline = [verdict for verdict in report["verdicts"] if verdict["subject"] == "fp64"]
    assert all(verdict["ok"] for verdict in baseline)
    assert {"parity", "probe_parity"} <= {verdict["check"] for verdict in baseline}


@pytest.mark.parametrize("name", sorted(TREES))
def test_trees_are_exact_and_reduced_precisions_say_that_they_do_nothing(reports: dict[str, Any], name: str) -> None:
    report = reports[name]
    errors = [one["measured"] for one in report["verdicts"] if one["check"].endswith("max_abs_error")]
    baseline = [
        one for one in report["verdicts"] if one["subject"] == "fp64" and one["check"].endswith("max_abs_error")
    ]
    assert errors
    assert max(one["measured"] for one in baseline) <= 1e-12
    status = {variant["name"]: variant["status"] for variant in report["variants"]}
    assert status["int8"] == "no_op"
    assert status["fp16"] == "not_applicable"
    assert all(variant["reason"] for variant in report["variants"] if variant["status"] != "ok")


def test_int8_of_the_wide_network_is_real(reports: dict[str, Any]) -> None:
    variants = {variant["name"]: variant for variant in reports["digits-mlp"]["variants"]}
    assert variants["int8"]["status"] in ("ok", "rejected")  # its answers depend on the processor
    assert variants["int8"]["size_bytes"] < 0.3 * variants["fp32"]["size_bytes"]
    assert "MatMulInteger" in variants["int8"]["ops"]


def test_every_measurement_has_its_figures_or_a_reason(reports: dict[str, Any]) -> None:
    for report in reports.values():
        assert any(row["variant"] == "native" for row in report["measurements"])
        for row in report["measurements"]:
            if row["variant"] == "native":
                continue
            assert (row["p50_us"] is None) == (row["reason"] is not None)
            if row["p50_us"] is not None:
                assert row["provider_active"] == "CPUExecutionProvider"
                assert row["ci95"][0] <= row["p50_us"] <= row["ci95"][1]
                assert row["p50_us"] <= row["p95_us"] <= row["p99_us"]


def test_a_second_build_gives_the_same_bytes(folder: Path, reports: dict[str, Any]) -> None:
    for name in EXAMPLES:  # what was measured the first time decides again
        shutil.copytree(folder / "dist" / f"{name}-1", folder / "again" / f"{name}-1")
    again = build(folder, "again", "--locked")
    for name, report in reports.items():
        assert again[name]["bundle"]["digest"] == report["bundle"]["digest"], name
        for path in sorted((folder / "dist" / f"{name}-1" / "bundle").rglob("*")):
            if path.is_file():
                twin = folder / "again" / path.relative_to(folder / "dist")
                assert twin.read_bytes() == path.read_bytes(), path


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_bundle_holds_no_row_of_the_data_and_no_path_of_this_machine(
    folder: Path, reports: dict[str, Any], name: str
) -> None:
    bundle = Path(reports[name]["bundle"]["path"])
    bundle = bundle if bundle.is_absolute() else folder / bundle
    for path in bundle.rglob("*"):
        if path.is_file():
            assert str(folder).encode() not in path.read_bytes(), path
    golden = json.loads((bundle / "samples" / "golden.json").read_text())
    assert golden


def test_verify_replays_a_bundle_and_sees_one_flipped_bit(folder: Path, reports: dict[str, Any]) -> None:
    bundle = folder / "dist" / "fraud-lightgbm-1" / "bundle"
    command = [sys.executable, "-m", "packager", "verify"]
    good = subprocess.run([*command, str(bundle), "--json"], capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["ok"]
    copy = folder / "flipped"
    shutil.copytree(bundle, copy)
    model = copy / "model" / "model.onnx"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    bad = subprocess.run([*command, str(copy)], capture_output=True, text=True, check=False)
    assert bad.returncode == 8
    assert "model.onnx" in bad.stderr


def test_publishing_is_idempotent_and_refuses_a_changed_bundle(folder: Path, reports: dict[str, Any]) -> None:
    bundle = folder / "dist" / "cancer-logreg-1" / "bundle"
    command = [sys.executable, "-m", "packager", "publish", str(bundle), "--to", "registry://cancer-onnx", "--json"]
    states = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr
        states.append(json.loads(done.stdout)["state"])
    assert states == ["written", "already there"]
    copy = folder / "changed"
    shutil.copytree(bundle, copy)
    (copy / "code" / "score.py").write_text("# mine now\n")
    command[4] = str(copy)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 9
    assert "score.py" in done.stderr
