"""Converters of the user's own, as docs/custom-converters.md shows them, and what goes wrong with them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import yaml

from tests.bundle.scripts import ask, load
from tests.workspace import Ran, Workspace

GUIDE = Path(__file__).parents[2] / "docs" / "custom-converters.md"
FILE = re.compile(r"`([\w/]+\.(?:py|yml))`:\n\n```\w+\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a folder with the guide's files in it, and the model trained."""
    space = Workspace(tmp_path_factory.mktemp("custom"))
    for name, text in FILE.findall(GUIDE.read_text(encoding="utf-8")):
        path = space.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with (space.folder / "recipe.yml").open("a", encoding="utf-8") as recipe:
        recipe.write("benchmark: {batch_sizes: [1]}\n")  # the guide's own measures more
    subprocess.run([sys.executable, "train.py"], cwd=space.folder, check=True)
    return space


def with_converter(workspace: Workspace, name: str, text: str, **convert: Any) -> Path:
    """Write a converter's module beside the guide's own, and a recipe that names it."""
    (workspace.folder / "my_pkg" / f"{name}.py").write_text(text, encoding="utf-8")
    document = yaml.safe_load((workspace.folder / "recipe.yml").read_text())
    document |= {"name": name, "convert": {"converters": {"my_pkg.SignedLog": f"my_pkg.{name}"}, **convert}}
    path = workspace.folder / f"{name}.yml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def refused(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.err
    assert len(ran.err.encode()) < 4096
    for word in words:
        assert word in ran.err


def test_the_guide_shows_every_file(workspace: Workspace) -> None:
    found = {str(path.relative_to(workspace.folder)) for path in workspace.folder.rglob("*.*") if path.is_file()}
    assert {"my_pkg/__init__.py", "my_pkg/onnx.py", "train.py", "recipe.yml", "model.joblib"} <= found


def test_the_example_of_the_guide_builds_a_bundle_that_scores_like_the_model(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = workspace.package("build", "recipe.yml", "--json")
    assert ran.code == 0, ran.err
    assert ran.json()["selected"] == "fp64"
    script = load(workspace.folder / "dist" / "signed-log-1" / "bundle")
    rows = np.random.default_rng(7).normal(size=(200, 4)) * [1, 30, 300, 3000]
    status, answer = ask(script, {"features": rows.tolist()})
    assert status == 200
    monkeypatch.syspath_prepend(str(workspace.folder))
    model = joblib.load(workspace.folder / "model.joblib")
    assert answer["prediction"] == model.predict(rows).tolist()
    np.testing.assert_allclose(answer["probability"], model.predict_proba(rows), rtol=0, atol=1e-12)


def test_check_tells_who_converts_each_step(workspace: Workspace) -> None:
    steps = workspace.package("check", "recipe.yml", "--json").json()["steps"]
    assert [(step["path"], step["estimator"], step["status"]) for step in steps] == [
        ("(model)", "sklearn.pipeline.Pipeline", "exact"),
        ("signedlog", "my_pkg.SignedLog", "convertible"),
        ("logisticregression", "sklearn.linear_model.LogisticRegression", "exact"),
    ]
    assert steps[1]["reason"] == "your own converter, in double"


def test_without_a_converter_the_class_and_the_way_out_are_named(workspace: Workspace) -> None:
    path = with_converter(workspace, "none", "", converters={})
    for command in ("build", "check"):
        refused(workspace.package(command, path.name), 4, "my_pkg.SignedLog", "convert.converters", "custom-converters")
    table = workspace.package("check", path.name).out.splitlines()
    assert table[0] == "none.yml: refused at convert (exit 4)"
    assert [line.split()[:3] for line in table[2:]] == [
        ["(model)", "Pipeline", "exact"],
        ["signedlog", "my_pkg.SignedLog", "unsupported"],
        ["logisticregression", "LogisticRegression", "exact"],
    ]


def test_a_wrong_converter_is_caught(workspace: Workspace) -> None:
    right = (workspace.folder / "my_pkg" / "onnx.py").read_text(encoding="utf-8")
    path = with_converter(workspace, "wrong", right.replace("np.log(model.base)", "np.log(model.base + 0.1)"))
    refused(workspace.package("build", path.name), 6, "does not score like the registered model")
    assert not (workspace.folder / "dist" / "wrong-1" / "bundle").exists()


def test_a_module_that_fails_is_named_with_both_lines(workspace: Workspace) -> None:
    path = with_converter(workspace, "broken", "\nimport my_pkg\n\nmy_pkg.nothing()\n")
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "my_pkg.broken" in text)
    refused(
        workspace.package("build", path.name), 4, "my_pkg.broken", "AttributeError", "broken.py:4",
        f"broken.yml:{line} convert.converters.my_pkg.SignedLog",
    )  # fmt: skip


def test_an_operator_without_a_double_kernel_is_told_by_its_step(workspace: Workspace) -> None:
    right = (workspace.folder / "my_pkg" / "onnx.py").read_text(encoding="utf-8")
    path = with_converter(workspace, "single", right.replace("OnnxAbs", "OnnxErf"))
    step = workspace.package("check", path.name, "--json").json()["steps"][1]
    assert (step["status"], step["reason"]) == ("float32-only", "ONNX Runtime has no kernel of Erf for it")


def test_an_installed_package_brings_its_converters(workspace: Workspace, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", Workspace(tmp_path / "elsewhere")
    shutil.copytree(workspace.folder / "my_pkg", site / "my_pkg")
    information = site / "my_pkg-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my_pkg\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[packager.converters]\nmy_pkg.SignedLog = my_pkg.onnx\n")
    elsewhere.folder.mkdir()
    shutil.copy(workspace.folder / "model.joblib", elsewhere.folder)
    elsewhere.recipe(source={"uri": "model.joblib", "trust": ["my_pkg.SignedLog"]}, data={})
    ran = elsewhere.package("check", "recipe.yml", "--json", PYTHONPATH=str(site))
    assert ran.code == 0, ran.err
    assert ran.json()["steps"][1]["status"] == "convertible"
    refused(elsewhere.package("check", "recipe.yml"), 3, "No module named 'my_pkg'", "beside the recipe")
