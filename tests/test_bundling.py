"""The bundle stage: what is wrong only when served stops the build, with its exit code, and leaves no bundle."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from packager import bundling, deciding
from packager.artifact import Measurement, Variant, Verdict
from packager.binned import library
from packager.bundle import deploy_lint, write
from packager.bundle.manifest import read_manifest
from packager.bundle.model_info import read_info
from packager.bundle.plan import Golden
from packager.bundle.rehearse import Rehearsal
from packager.bundle.replay import ReplayResult, replay
from packager.commands.check import check_recipe, check_recipes
from packager.console import Console
from packager.dataset.rows import Rows
from packager.optimize import binned as optimize_binned
from packager.pipeline import Options, build
from packager.recipe.load import load_recipe
from packager.recipe.model import Recipe
from packager.report.model import BuildReport
from packager.runtime.machine import cpu_features
from packager.verify import gate
from tests.bundle.binned import needs_library
from tests.workspace import Workspace, labelled_rows


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("space"))
    rows = labelled_rows()
    made.save(LogisticRegression().fit(rows.drop(columns="target"), rows["target"]), rows)
    return made


def built(space: Workspace, out: Path, **changes: Any) -> BuildReport:
    return build(load_recipe(space.recipe(**changes)), Options(out=out), Console())


def checks(report: BuildReport) -> dict[str, bool]:
    return {verdict.check: verdict.ok for verdict in report.verdicts if verdict.check.startswith("served_")}


def test_made_rows_are_served_and_told(space: Workspace, tmp_path: Path) -> None:
    report = built(space, tmp_path)
    assert report.ok, report.error
    names = ("golden", "bitwise", "refusals", "parity", "label_mismatch")
    assert checks(report) == {f"served_{name}": True for name in names}
    told = report.verification
    assert told["made_rows"] >= told["rows_served"] > 500
    assert told["requests_that_must_be_refused"] > 8
    assert told["golden_rows"] == 96
    assert told["golden_coverage"]["classes"] == "2 of 2"
    golden = json.loads((tmp_path / "sample-1" / "bundle" / "samples" / "golden.json").read_bytes())
    assert golden["coverage"]["classes"] == [2, 2]
    assert golden["cpu_features"] is None


def test_golden_rows_of_the_data_are_verification_rows(space: Workspace, tmp_path: Path) -> None:
    report = built(space, tmp_path, verify={"golden": "data"})
    assert report.ok, report.error
    golden = json.loads((tmp_path / "sample-1" / "bundle" / "samples" / "golden.json").read_bytes())
    rows = {tuple(row) for row in labelled_rows().drop(columns="target").to_numpy().tolist()}
    assert {tuple(row) for row in golden["requests"][0]["features"]} <= rows


def test_a_script_that_rounds_leaves_no_bundle(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = write.render_score

    def rounding(*arguments: Any, **named: Any) -> str:
        return render(*arguments, **named).replace("values if is_alone", "values.round(12) if is_alone")

    monkeypatch.setattr(write, "render_score", rounding)
    report = built(space, tmp_path)
    assert report.exit_code == 8
    assert "not bit for bit those of the session" in str(report.error)
    assert not checks(report)["served_bitwise"]
    assert not (tmp_path / "sample-1" / "bundle").exists()


def test_an_answer_that_is_off_only_when_served_leaves_no_bundle(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rehearse = bundling.rehearse

    def shifted(bundle: Path, made: Golden, others: Rows) -> Rehearsal:
        outputs = {**made.outputs, "probabilities": made.outputs["probabilities"] + np.float64(1e-3)}
        return rehearse(bundle, replace(made, outputs=outputs), others)

    monkeypatch.setattr(bundling, "rehearse", shifted)
    report = built(space, tmp_path)
    assert report.exit_code == 6
    assert "served_parity: " in str(report.error)
    assert "verify.parity.atol" in str(report.error)
    assert not (tmp_path / "sample-1" / "bundle").exists()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_int8_is_told_by_the_processor_that_built_it(tmp_path: Path) -> None:
    space, rows = Workspace(tmp_path), labelled_rows(400, 8)
    features = rows.drop(columns="target")
    network = MLPClassifier((160, 160), max_iter=25, tol=1e-2, random_state=0)
    space.save(make_pipeline(StandardScaler(), network).fit(features, rows["target"]), rows)
    parity = {"int8": {"label_mismatch": 0.2, "atol": 0.2, "rtol": 0.2}}
    changes = {"optimize": {"precisions": ["fp32", "int8"]}, "select": {"objective": "size"}}
    report = built(space, tmp_path / "dist", verify={"parity": parity}, **changes)
    assert report.ok, report.error
    assert report.selected == "int8"
    golden = json.loads((tmp_path / "dist" / "sample-1" / "bundle" / "samples" / "golden.json").read_bytes())
    assert golden["cpu_features"] == list(cpu_features())
    assert any("their label may turn while int8 keeps within its limits" in note for note in report.notes)
    (request,) = golden["requests"]
    native = np.array(golden["outputs"]["probabilities"])
    assert len(native) == len(request["features"]) > 0
    assert (np.abs(native[:, 0] - native[:, 1]) > 2 * 0.2 + 0.2).all()


def test_targets_and_slo_travel_in_the_bundle(space: Workspace, tmp_path: Path) -> None:
    settings = {"batch_sizes": [1], "slo": {"p95_ms": 250, "qps": 100}}
    report = built(space, tmp_path, benchmark=settings)
    assert report.ok, report.error
    assert any("package benchmark BUNDLE --served" in note for note in report.notes)
    told = read_manifest(tmp_path / "sample-1" / "bundle").lineage["recipe"]
    assert isinstance(told, dict)
    travelled = told["benchmark"]
    assert isinstance(travelled, dict)
    assert travelled["slo"] == {"p95_ms": 250.0, "qps": 100.0, "utilization": 0.7}
    assert travelled["batch_sizes"] == [1]
    assert [target["name"] for target in travelled["targets"]] == ["cpu-1"]


def test_a_name_that_azure_refuses_stops_the_build_before_any_work(space: Workspace, tmp_path: Path) -> None:
    report = built(space, tmp_path, bundle={"deploy": {"endpoint": "1 fraud"}})
    assert (report.exit_code, report.timings_s) == (8, {})
    assert "recipe.yml:15 bundle.deploy.endpoint" in str(report.error)
    assert not list(tmp_path.rglob("bundle"))
    assert list(tmp_path.rglob("report.json"))
    found = check_recipe(space.recipe(bundle={"deploy": {"endpoint": "1 fraud"}}))
    assert (found["exit_code"], found["stage"], found["ok"]) == (8, "bundle", False)
    assert found["error"] == report.error


def test_workers_that_the_instance_cannot_hold_as_measured_stop_the_build(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is known before anything is measured lets so many pass; what a process really takes does not.
    monkeypatch.setattr(deploy_lint, "_WORKER_BYTES", 1 << 20)
    deploy = {"instance_type": "Standard_DS1_v2", "workers": 50}
    settings = {"batch_sizes": [1], "process": "measure"}
    report = built(space, tmp_path, bundle={"deploy": deploy}, benchmark=settings)
    assert report.exit_code == 8
    assert "Standard_DS1_v2 is too small: 50 workers" in str(report.error)
    assert "bundle.deploy.instance_type" in str(report.error)
    assert not list(tmp_path.rglob("bundle"))


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("trees"))
    rows = labelled_rows()
    forest = RandomForestClassifier(10, max_depth=5, random_state=0, n_jobs=1)
    made.save(forest.fit(rows.drop(columns="target"), rows["target"]), rows)
    return made


FAST = {"optimize": {"precisions": ["binned"]}, "select": {"objective": "latency"}, "benchmark": {"batch_sizes": [1]}}


@needs_library
@pytest.mark.parametrize("mode", ["prefer", "require"])
def test_a_selected_binned_form_serves_and_onnx_stands_by(
    mode: str, trees: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "select", lambda *_: "binned")
    digests = set()
    for out in (tmp_path / "one", tmp_path / "other"):
        report = built(trees, out, **FAST, bundle={"fast_path": mode})
        assert report.ok, report.error
        assert report.selected == "binned"
        assert all(checks(report).values())
        digests.add(report.bundle.digest if report.bundle else "")
    assert len(digests) == 1
    bundle = tmp_path / "one" / "sample-1" / "bundle"
    info, result = read_info(bundle / "code"), replay(bundle)
    assert info.fast_path is not None
    assert info.fast_path.mode == mode
    assert (result.ok, str(result.form).partition(" ")[0]) == (True, "binned")
    baseline, binned = report.variants[0], report.variants[1]
    assert (info.sha256, info.fast_path.model.sha256) == (baseline.sha256, binned.sha256)


@needs_library
def test_the_baseline_that_stands_by_has_limits_a_key_and_a_verdict_of_its_own(
    trees: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "select", lambda *_: "binned")
    parity = {"fp64": {"atol": 1e-7, "rtol": 1e-7}, "binned": {"atol": 1e-15, "rtol": 0}}
    report = built(trees, tmp_path / "one", **FAST, verify={"parity": parity})
    assert report.ok, report.error
    golden = json.loads((tmp_path / "one" / "sample-1" / "bundle" / "samples" / "golden.json").read_bytes())
    assert [golden[key]["atol"] for key in ("tolerance", "baseline_tolerance")] == [1e-15, 1e-7]
    judged = [(one.subject, one.limit, one.recipe_key) for one in report.verdicts if one.check == "served_golden"]
    assert judged == [("binned", 1e-15, "verify.parity.binned.atol"), ("fp64", 1e-7, "verify.parity.fp64.atol")]

    def off(bundle: Path) -> ReplayResult:
        said, told = "model.onnx: probabilities: 1 of 192 values are off", replay(bundle)
        return replace(told, ok=False, failures=(said,), onnx_failures=(said,), differing_rows=(1,))

    monkeypatch.setattr(bundling, "replay", off)
    report = built(trees, tmp_path / "other", **FAST, verify={"parity": parity})
    assert report.exit_code == 6
    assert "variant fp64, which stands by for binned, does not score like the registered model" in str(report.error)
    assert re.search(r"recipe.yml:\d+ verify.parity.fp64.atol", str(report.error))
    assert "it has limits of its own" in str(report.error)
    failed = [(one.subject, one.check) for one in report.verdicts if not one.ok]
    assert failed == [("fp64", "served_golden")]


@needs_library
def test_a_script_that_serves_another_form_leaves_no_bundle(
    trees: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = write.render_score

    def elsewhere(*arguments: Any, **named: Any) -> str:
        return render(*arguments, **named).replace("platform.machine()", "'another'")

    monkeypatch.setattr(deciding, "select", lambda *_: "binned")
    monkeypatch.setattr(write, "render_score", elsewhere)
    report = built(trees, tmp_path, **FAST)
    assert report.exit_code == 8
    assert "it serves another form of the model than the binned one: onnx; platform" in str(report.error)
    assert not (tmp_path / "sample-1" / "bundle").exists()


def test_a_required_fast_path_of_a_model_without_trees_is_told_before_anything_is_verified(
    space: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = {**FAST, "bundle": {"fast_path": "require"}}
    report = built(space, tmp_path, **recipe)
    assert (report.exit_code, list(report.timings_s)) == (8, ["source", "convert", "optimize"])
    said = "the bundle would hold no fast path: binned is not applicable: the model has no trees"
    assert said in str(report.error)
    assert re.search(r"recipe.yml:\d+ bundle.fast_path", str(report.error))
    assert not (tmp_path / "sample-1" / "bundle").exists()
    assert check_recipes([space.recipe(**recipe)], as_json=False) == 8
    assert "\nno binned: the model has no trees\n" in capsys.readouterr().out
    assert check_recipes([space.recipe(**FAST)], as_json=False) == 0
    assert capsys.readouterr().out.splitlines()[1] == "no binned: the model has no trees"


@needs_library
def test_a_required_fast_path_that_is_rejected_is_told_before_anything_is_measured(
    trees: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(variant: Variant, verdicts: list[Verdict]) -> Variant:
        return replace(variant, status="rejected", reason="planted") if variant.precision == "binned" else variant

    monkeypatch.setattr(gate, "rejected", never)
    report = built(trees, tmp_path, **FAST, bundle={"fast_path": "require"})
    assert (report.exit_code, list(report.timings_s)[-1]) == (8, "verify")
    assert "would hold no fast path: binned is rejected: planted" in str(report.error)


@needs_library
@pytest.mark.parametrize("is_measured", [True, False])
def test_slower_is_said_of_a_binned_form_only_where_it_was_measured(
    is_measured: bool, trees: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = deciding.select

    def baseline(variants: list[Variant], measurements: list[Measurement], recipe: Recipe) -> str:
        if not is_measured:
            measurements[:] = [
                replace(row, p50_us=None, ci95=None, reason="its process ended") if row.variant == "binned" else row
                for row in measurements
            ]
        measured(variants, measurements, recipe)
        return variants[0].name

    monkeypatch.setattr(deciding, "select", baseline)
    report = built(trees, tmp_path, **FAST, bundle={"fast_path": "require"})
    assert report.exit_code == 8
    why = "it was not the fastest" if is_measured else "it has no figure on cpu-1: its process ended"
    assert f"would hold no fast path: fp64 is selected, not binned: {why}\n" in str(report.error)


@needs_library
@pytest.mark.parametrize("wanted", ["nonsense", "AVX2", "avx2\n"])
def test_instructions_that_the_processor_lacks_stop_the_build_as_a_setting(
    wanted: str, space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", wanted)
    report = built(space, tmp_path)
    assert (report.exit_code, report.timings_s) == (2, {})
    found = " or ".join(library.library().instruction_sets())
    assert "BINNED_INSTRUCTION_SET names instructions that this processor does not have" in str(report.error)
    assert f"limit {found}\n" in str(report.error)
    assert check_recipe(space.recipe())["exit_code"] == 2
    monkeypatch.setenv("BINNED_INSTRUCTION_SET", "plain")
    assert check_recipe(space.recipe())["exit_code"] == 0


def test_a_required_fast_path_without_a_library_stops_the_build_before_any_work(
    trees: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise library.LibraryUnavailable("nothing was compiled")

    monkeypatch.setattr(library, "library", none)
    monkeypatch.setattr(optimize_binned, "library", none)
    report = built(trees, tmp_path, **FAST, bundle={"fast_path": "require"})
    assert (report.exit_code, report.timings_s) == (8, {})
    assert "the variant binned can't be served: nothing was compiled" in str(report.error)
    assert "bundle.fast_path" in str(report.error)
    *_, hint = str(report.error).partition("hint: ")
    assert hint == "install packager where there is a C compiler, or leave bundle.fast_path out"
    assert built(trees, tmp_path, **FAST).ok
    told = check_recipe(trees.recipe(**FAST))
    assert (told["exit_code"], told["forms"]["binned"]) == (0, "nothing was compiled")
