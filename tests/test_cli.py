"""The command line from outside: results on stdout, talk on stderr, one message and one exit code for every mistake."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import pytest
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from tests.workspace import Workspace, labelled_rows

MAX_MESSAGE_BYTES = 4096


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    space = Workspace(tmp_path_factory.mktemp("cli"))
    rows = labelled_rows()
    features, target = rows.drop(columns="target"), rows["target"]
    space.save(RandomForestClassifier(20, max_depth=4, random_state=0).fit(features[:150], target[:150]), rows[150:])
    space.save(LGBMClassifier(n_estimators=20, verbose=-1).fit(features[:150], target[:150]), rows[150:], "boosted")
    return space


def refused(workspace: Workspace, code: int, *words: str, **changes: Any) -> str:
    """Build a recipe that must be refused with `code`; return what was said."""
    workspace.recipe(**changes)
    ran = workspace.package("build", "recipe.yml", "--out", "dist")
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    assert len(ran.err.encode()) < MAX_MESSAGE_BYTES
    assert ran.out == ""
    for word in words:
        assert word in ran.err
    assert not (workspace.folder / "dist" / "sample-1" / "bundle").exists()
    assert workspace.leftovers() == []
    return ran.err


def test_help_of_every_command_has_an_example(workspace: Workspace) -> None:
    commands = ("register", "build", "check", "inspect", "verify", "serve", "report", "publish", "schema")
    top = workspace.package("--help")
    assert top.code == 0
    for command in commands:
        assert command in top.out
        ran = workspace.package(command, "--help")
        assert ran.code == 0
        assert "Example: package" in ran.out


@pytest.mark.parametrize("command", ["--help", "build --help", "--version"])
def test_light_commands_import_nothing_heavy(command: str) -> None:
    script = f"""
import sys
sys.argv = ["package", *{command.split()!r}]
from packager.cli import main
try:
    main()
except SystemExit:
    pass
heavy = {{"onnx", "onnxruntime", "sklearn", "lightgbm", "pandas", "numpy", "pyarrow", "yaml", "rich"}}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_missing_artifact_is_named(workspace: Workspace) -> None:
    refused(workspace, 3, "modle.joblib", "model.joblib", source={"uri": "modle.joblib"})


def test_another_digest_stops_before_anything_is_read(workspace: Workspace) -> None:
    refused(workspace, 3, "pins", "recipe.yml:", source={"uri": "model.joblib", "sha256": "0" * 64})


def test_a_file_that_is_no_model_is_refused(workspace: Workspace) -> None:
    (workspace.folder / "notes.txt").write_text("not a model")
    refused(workspace, 3, "not a pickle", source={"uri": "notes.txt"})


def test_a_hostile_pickle_is_refused_and_never_runs(workspace: Workspace) -> None:
    marker = workspace.folder / "marker"

    class Payload:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.system, (f"touch {marker}",)

    (workspace.folder / "hostile.pkl").write_bytes(pickle.dumps(Payload()))
    refused(workspace, 3, "system", source={"uri": "hostile.pkl"})
    assert not marker.exists()


def test_a_pickle_that_holds_no_model_is_refused(workspace: Workspace) -> None:
    joblib.dump({"threshold": 0.5}, workspace.folder / "dict.joblib")
    refused(workspace, 3, "neither predict nor transform", source={"uri": "dict.joblib"})


def test_all_mistakes_of_a_recipe_are_told_at_once(workspace: Workspace) -> None:
    said = refused(
        workspace,
        2,
        source={"uri": "model.joblib", "sha255": "x"},
        verify={"parity": {"atol": "small"}},
        benchmark={"targets": [{"name": "a", "provider": "cuda12"}]},
    )
    for word in ("sha255", "sha256", "atol", "cuda12", "recipe.yml:"):
        assert word in said


def test_an_unset_variable_is_named_and_a_set_one_is_read(workspace: Workspace) -> None:
    refused(workspace, 2, "MODEL_FILE", source={"uri": "${MODEL_FILE}"})
    ran = workspace.package("check", "recipe.yml", MODEL_FILE="model.joblib")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("name", ["../sample", "Sample", "a/b", "", ".."])
def test_names_cannot_leave_the_out_folder(workspace: Workspace, name: str) -> None:
    refused(workspace, 2, "name", name=name)
    refused(workspace, 2, "version", version=f"{name}/../x")


def test_an_unsupported_estimator_is_named(workspace: Workspace) -> None:
    workspace.save(_unsupported(), labelled_rows(), "unsupported")
    refused(workspace, 4, "GradientBoostingClassifier", source={"uri": "unsupported.joblib"})


def _unsupported() -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    rows = labelled_rows(60)
    boosting = GradientBoostingClassifier(init=LogisticRegression(), n_estimators=3)
    return boosting.fit(rows.drop(columns="target"), rows["target"])


def test_a_missing_label_column_is_named(workspace: Workspace) -> None:
    refused(workspace, 6, "is_fraud", data={"verification": "model.parquet", "label": "is_fraud"})


def test_verification_rows_with_other_columns_are_refused(workspace: Workspace) -> None:
    labelled_rows(columns=3).to_parquet(workspace.folder / "narrow.parquet")
    refused(workspace, 6, "narrow.parquet", "f3", data={"verification": "narrow.parquet", "label": "target"})


def test_parity_beyond_limits_is_caught_by_made_rows_alone(workspace: Workspace) -> None:
    said = refused(
        workspace, 6, "does not score like", "recipe.yml", source={"uri": "boosted.joblib"}, data={},
        convert={"engine": "stock"},
    )  # fmt: skip
    assert "limit" in said
    report = json.loads((workspace.folder / "dist" / "sample-1" / "report" / "report.json").read_text())
    assert (report["ok"], report["bundle"], report["exit_code"]) == (False, None, 6)
    assert any(not verdict["ok"] for verdict in report["verdicts"])


def test_the_same_model_passes_with_our_own_converters(workspace: Workspace) -> None:
    workspace.recipe(source={"uri": "boosted.joblib"}, data={}, name="boosted")
    ran = workspace.package("build", "recipe.yml", "--json")
    assert ran.code == 0, ran.err
    assert any("structure alone" in note for note in ran.json()["notes"])


def test_an_unknown_provider_is_a_mistake_of_the_recipe(workspace: Workspace) -> None:
    refused(workspace, 2, "gpu", benchmark={"targets": [{"name": "fast", "provider": "gpu"}]})


def test_an_absent_provider_keeps_its_row_and_the_build_goes_on(workspace: Workspace) -> None:
    targets = [{"name": "cpu-1", "provider": "cpu"}, {"name": "gpu", "provider": "cuda"}]
    workspace.recipe(benchmark={"targets": targets, "batch_sizes": [1]}, name="absent")
    ran = workspace.package("build", "recipe.yml", "--json")
    assert ran.code == 0, ran.err
    rows = [row for row in ran.json()["measurements"] if row["target"] == "gpu"]
    assert rows
    for row in rows:
        assert row["p50_us"] is None
        assert row["provider_active"] is None
        assert row["reason"]


def test_a_target_that_decides_the_selection_must_be_there(workspace: Workspace) -> None:
    refused(
        workspace, 7, "gpu", benchmark={"targets": [{"name": "gpu", "provider": "cuda"}], "batch_sizes": [1]},
        select={"objective": "latency", "target": "gpu"},
    )  # fmt: skip


def test_an_unwritable_out_folder_is_told_before_the_work(workspace: Workspace) -> None:
    workspace.recipe()
    (workspace.folder / "taken").write_text("a file")
    ran = workspace.package("build", "recipe.yml", "--out", "taken/below")
    assert ran.code == 8
    assert "taken/below" in ran.err
    assert "source" not in ran.out


def test_a_command_line_mistake_is_exit_code_two(workspace: Workspace) -> None:
    assert workspace.package("biuld").code == 2
    assert workspace.package("build").code == 2


def test_check_tells_what_would_be_built_and_builds_nothing(workspace: Workspace) -> None:
    workspace.recipe(name="checked")
    ran = workspace.package("check", "recipe.yml", "--json")
    assert ran.code == 0, ran.err
    assert ran.json()["forms"] == {"fp64": "converts", "fp32": "converts", "binned": "converts"}
    assert not (workspace.folder / "dist" / "checked-1").exists()


def test_inspect_tells_versions_inputs_and_imports(workspace: Workspace) -> None:
    facts = workspace.package("inspect", "model.joblib", "--json").json()
    assert facts["framework"] == "scikit-learn"
    assert any("RandomForestClassifier" in name for name in facts["imports"])
    assert len(facts["inputs"]) == 5
    assert facts["classes"] == [0, 1]


def test_register_then_build_from_the_registry(workspace: Workspace) -> None:
    arguments = ("register", "model.joblib", "--name", "forest", "--data", "model.parquet", "--json")
    first = workspace.package(*arguments)
    assert first.code == 0, first.err
    assert first.json()["uri"] == "registry://forest/1"
    workspace.recipe(source={"uri": "registry://forest/1"}, data={"label": "target"}, name="registered")
    report = workspace.package("build", "recipe.yml", "--json").json()
    assert report["ok"]
    assert report["verification"]["rows"] == 150


def test_schema_is_json(workspace: Workspace) -> None:
    assert workspace.package("schema").json()["additionalProperties"] is False


def test_two_recipes_at_once_keep_their_order(workspace: Workspace) -> None:
    for name in ("first", "second"):
        workspace.recipe(name=name).rename(workspace.folder / f"{name}.yml")
    ran = workspace.package("build", "first.yml", "second.yml", "--jobs", "2", "--json")
    assert ran.code == 0, ran.err
    assert [report["name"] for report in ran.json()] == ["first", "second"]


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["schema"], ["check", "nope.yml", "--json"]])
def test_a_reader_that_is_gone_is_no_bug(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [sys.executable, "-m", "packager", *arguments]
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    finally:
        os.close(writing)
    assert done.returncode == 141
    assert "Exception ignored" not in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupt_leaves_nothing_and_ends_with_130(workspace: Workspace) -> None:
    workspace.recipe(name="interrupted")
    command = [sys.executable, "-m", "packager", "build", "recipe.yml"]
    process = subprocess.Popen(command, cwd=workspace.folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()  # the first stage is done, the others are not
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "source" in first
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not (workspace.folder / "dist" / "interrupted-1" / "bundle").exists()
    assert workspace.leftovers() == []


class Custom(ClassifierMixin, BaseEstimator):
    """A step of somebody's own: not importable where it is loaded."""

    def fit(self, features: Any, target: Any) -> Custom:
        self.classes_ = sorted(set(target))
        return self

    def predict(self, features: Any) -> Any:
        return [self.classes_[0]] * len(features)


def test_a_custom_step_is_refused_by_name(workspace: Workspace) -> None:
    rows = labelled_rows()
    joblib.dump(Custom().fit(rows, rows["target"]), workspace.folder / "custom.joblib")
    refused(workspace, 3, "Custom", source={"uri": "custom.joblib"})


def test_text_that_could_steer_a_terminal_is_escaped(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text('recipe_version: 1\nname: x\nsource: {uri: "a\\u001b[31mb.joblib"}\n', encoding="utf-8")
    ran = workspace.package("build", str(path))
    assert ran.code in (2, 3)
    assert "\x1b" not in ran.err


def test_logistic_regression_from_plain_pickle(workspace: Workspace) -> None:
    rows = labelled_rows()
    model = LogisticRegression().fit(rows.drop(columns="target").to_numpy(), rows["target"])
    (workspace.folder / "plain.pkl").write_bytes(pickle.dumps(model))
    workspace.recipe(source={"uri": "plain.pkl"}, data={"verification": "model.parquet", "label": "target"}, name="p")
    ran = workspace.package("build", "recipe.yml", "--json")
    assert ran.code == 0, ran.err
    columns = ran.json()["source"]["signature"]["columns"]
    assert [column["name"] for column in columns] == ["f0", "f1", "f2", "f3", "f4"]


def test_a_source_that_fails_leaves_its_report_under_its_version(workspace: Workspace) -> None:
    registered = workspace.package("register", "model.joblib", "--name", "tampered", "--version", "7")
    assert registered.code == 0, registered.err
    artifact = workspace.folder / "registry" / "tampered" / "7" / "model.joblib"
    artifact.chmod(0o644)
    artifact.write_bytes(artifact.read_bytes() + b"x")
    document = {"recipe_version": 1, "name": "tampered", "source": {"uri": "registry://tampered/7"}}
    (workspace.folder / "tampered.yml").write_text(json.dumps(document))
    ran = workspace.package("build", "tampered.yml")
    assert ran.code == 3
    report = json.loads((workspace.folder / "dist" / "tampered-7" / "report" / "report.json").read_text())
    assert (report["ok"], report["version"]) == (False, "7")


def test_two_registries_take_a_bundle_both_or_neither(workspace: Workspace) -> None:
    workspace.recipe(name="taken", publish=[{"to": "registry://taken"}])
    assert workspace.package("build", "recipe.yml").code == 0
    parity = {"parity": {"atol": 1.0e-5}}
    workspace.recipe(name="taken", verify=parity, publish=[{"to": "registry://fresh"}, {"to": "registry://taken"}])
    assert workspace.package("build", "recipe.yml").code == 9
    assert not (workspace.folder / "registry" / "fresh").exists()
