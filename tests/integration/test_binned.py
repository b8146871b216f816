"""A build of trees makes, verifies and measures the binned form, selects it by the clock, and replays the choice."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightgbm import LGBMClassifier

from packager.artifact import VERIFIED_SETTINGS
from packager.runtime.cgroup import threads_within
from tests.runtime.binned_files import needs_library
from tests.workspace import Workspace, labelled_rows

ROOT = Path(__file__).parents[2]
TARGETS = [
    {"name": "one", "provider": "cpu", "threads": 1},
    {"name": "two", "provider": "cpu", "threads": 2},
    {"name": "elsewhere", "provider": "dnnl", "threads": 1},
]
SIZES = (1, 1000)
VERIFIED = asdict(VERIFIED_SETTINGS)
pytestmark = needs_library


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Hold a model that is several times as fast binned: no noise of a machine hides that."""
    space = Workspace(tmp_path_factory.mktemp("binned"))
    rows = labelled_rows(4_000, 8)
    model = LGBMClassifier(n_estimators=80, num_leaves=31, verbose=-1, n_jobs=1)
    space.save(model.fit(rows.drop(columns="target"), rows.target), rows.head(500))
    space.recipe(
        optimize={"precisions": ["fp64", "binned"]},
        benchmark={"targets": TARGETS, "batch_sizes": list(SIZES), "process": "skip"},
        select={"objective": "throughput"},
    )
    return space


@pytest.fixture(scope="module")
def built(space: Workspace) -> Path:
    ran = space.package("build", "recipe.yml")
    assert ran.code == 0, ran.err
    assert "fp64 ok, binned ok" in ran.err
    return space.folder / "dist" / "sample-1"


@pytest.fixture(scope="module")
def report(built: Path) -> Any:
    return json.loads((built / "report" / "report.json").read_text(encoding="utf-8"))


def test_the_faster_form_is_selected_and_told(built: Path, report: Any) -> None:
    assert report["selected"] == "binned"
    variant = next(one for one in report["variants"] if one["name"] == "binned")
    assert (variant["status"], variant["precision"], variant["ops"]) == ("ok", "binned", {"BinnedTrees": 1})
    assert "binned scores like the registered model: " in (built / "report" / "report.md").read_text(encoding="utf-8")
    assert yaml.safe_load((built / "bundle" / "recipe.lock.yml").read_text())["selected"] == "binned"


def test_every_check_of_the_double_form_is_one_of_the_binned(report: Any) -> None:
    checks = {
        name: {one["check"] for one in report["verdicts"] if one["subject"] == name} for name in ("fp64", "binned")
    }
    assert checks["binned"] >= checks["fp64"] >= {"probe_parity", "parity", "thread_invariance"}
    assert all(one["ok"] for one in report["verdicts"])
    measured = {one["check"]: one["measured"] for one in report["verdicts"] if one["subject"] == "binned"}
    assert measured["probe_max_abs_error"] <= 2.3e-16, "of a probability, whose exponential is another library's"
    assert measured["probe_label_mismatch"] == measured["label_mismatch"] == 0


def test_every_target_and_size_has_its_row_with_figures_or_a_reason(report: Any) -> None:
    rows = [one for one in report["measurements"] if one["variant"] == "binned"]
    assert [(one["target"], one["batch_size"]) for one in rows] == [
        (target["name"], size) for target in TARGETS for size in SIZES
    ]
    for row in rows:
        if row["provider"] == "cpu":
            assert (row["reason"], row["provider_active"]) == (None, "CPUExecutionProvider")
            assert row["operators"] == {"CPUExecutionProvider": {"BinnedTrees": 1}}
            assert row["placement"] == {"CPUExecutionProvider": 1}
            assert row["p50_us"] > 0
        else:
            assert (row["p50_us"], row["ci95"], row["runs"], row["provider_active"]) == (None, None, 0, None)
            assert "the processor itself" in row["reason"]
    told = {(one["target"], one["variant"]) for one in report["crossovers"]}
    assert {("one", "binned"), ("two", "binned")} <= told


@pytest.mark.skipif(threads_within(2) < 2, reason="this process may use one processor alone: there is nothing to tune")
def test_of_its_session_threads_alone_are_tuned(report: Any) -> None:
    assert {one["target"] for one in report["tuning"]} == {"two"}
    tried = {json.dumps(one["settings"], sort_keys=True) for one in report["tuning"]}
    assert tried == {json.dumps({**VERIFIED, "threads": count}, sort_keys=True) for count in (1, 2)}
    notes = [note for note in report["notes"] if note.startswith("Session settings were not tuned on one")]
    assert notes == [
        "Session settings were not tuned on one: those of a binned form are its threads alone, and there is one."
    ]


def test_the_choice_is_replayed_byte_for_byte(space: Workspace, built: Path) -> None:
    first = json.loads((built / "bundle" / "manifest.json").read_text())["digest"]
    ran = space.package("build", "recipe.yml", "--locked", "--out", "again")
    assert ran.code == 2, "there is nothing to replay in another folder"
    shutil.copyfile(built / "bundle" / "recipe.lock.yml", space.folder / "recipe.lock.yml")
    try:
        ran = space.package("build", "recipe.yml", "--locked", "--out", "again")
        assert ran.code == 0, ran.err
        again = space.folder / "again" / "sample-1" / "bundle" / "manifest.json"
        assert json.loads(again.read_text())["digest"] == first
    finally:
        (space.folder / "recipe.lock.yml").unlink()


def test_the_lock_knows_the_library_and_a_replay_with_another_is_refused(space: Workspace, built: Path) -> None:
    lock = (built / "bundle" / "recipe.lock.yml").read_text()
    compiled = hashlib.sha256((built / "bundle" / "code" / "_binned.abi3.so").read_bytes()).hexdigest()
    assert f"library_sha256: {compiled}\n" in lock
    (space.folder / "recipe.lock.yml").write_text(lock.replace(compiled, "c" * 64))
    try:
        ran = space.package("build", "recipe.yml", "--locked", "--out", "other")
    finally:
        (space.folder / "recipe.lock.yml").unlink()
    assert ran.code == 2, ran.err
    assert "the library of binned trees here is not the one of the lock" in " ".join(ran.err.split())
    assert not (space.folder / "other" / "sample-1" / "bundle").exists()


def test_a_replay_where_nothing_was_compiled_says_so(space: Workspace, built: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "packager", tmp_path / "packager", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    shutil.copyfile(built / "bundle" / "recipe.lock.yml", space.folder / "recipe.lock.yml")
    try:
        ran = space.package("build", "recipe.yml", "--locked", "--out", "bare", PYTHONPATH=str(tmp_path))
    finally:
        (space.folder / "recipe.lock.yml").unlink()
    assert ran.code == 2, ran.err
    said = " ".join(ran.err.split())
    assert "--locked: the variant 'binned' did not come out of this build as ok: not applicable, packager's own" in said
    assert not (space.folder / "bare" / "sample-1" / "bundle").exists()
