"""A deployment sized by the report of `package report`: taken from its very file, locked, replayed without it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from sklearn.linear_model import LogisticRegression

from packager.console import Console
from packager.errors import RecipeError
from packager.lock import Lock, find_lock
from packager.pipeline import Options, build
from packager.recipe.deploy import Deploy
from packager.recipe.load import load_recipe
from packager.recipe.model import Recipe
from packager.report.model import BuildReport
from packager.sizing import Size, find_size, sized
from packager.sku.catalogue import azure
from packager.sku.report import Asked, make_report
from packager.sku.results import read_results
from packager.sku.write import render_json
from tests.sku.samples import load, result, write
from tests.workspace import Workspace, labelled_rows


def reported(folder: Path, *, name: str = "fraud", slo_ms: float = 250.0) -> dict[str, Any]:
    """Write the report of one measured machine as report.json, and return it."""
    file = write(folder, result(load(2, 600.0)))
    report = make_report(read_results([file]), Asked(slo_ms, 2000.0, None, None), azure())
    document: dict[str, Any] = {**json.loads(render_json(report)), "name": name}
    (folder / "report.json").write_text(json.dumps(document), encoding="utf-8")
    return document


def recipe(folder: Path, name: str = "fraud", **deploy: Any) -> Recipe:
    path = folder / "recipe.yml"
    settings = {"bundle": {"deploy": deploy}}
    path.write_text(yaml.safe_dump({"recipe_version": 1, "name": name, "source": {"uri": "x"}, **settings}))
    return load_recipe(path)


def test_the_recommendation_is_taken(tmp_path: Path) -> None:
    chosen = reported(tmp_path)["recommendation"]
    size = find_size(recipe(tmp_path, sized_by="report.json"))
    assert size == Size(chosen["instance_type"], chosen["instances"], chosen["workers"])
    assert chosen["instances"] > 1
    deploy = sized(Deploy(sized_by="report.json", deployment="green"), size)
    assert Size(deploy.instance_type, deploy.instance_count, deploy.workers) == size
    assert deploy.deployment == "green"
    assert find_size(recipe(tmp_path)) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, "cannot read the report that sizes the deployment: no such file"),
        ("{", "is no report of `package report`"),
        ({"kind": "packager.benchmark"}, "is no report of `package report`"),
        ({"name": "other"}, "was made of another bundle"),
        ({"recommendation": None}, "recommends no instance type"),
    ],
)
def test_what_recommends_nothing_is_refused(change: Any, words: str, tmp_path: Path) -> None:
    document = reported(tmp_path)
    path = tmp_path / "report.json"
    if change is None:
        path.unlink()
    else:
        path.write_text(change if isinstance(change, str) else json.dumps({**document, **change}))
    with pytest.raises(RecipeError) as caught:
        find_size(recipe(tmp_path, sized_by="report.json"))
    assert words in str(caught.value)
    assert "recipe.yml:3 bundle.deploy.sized_by" in str(caught.value)


@pytest.mark.parametrize("key", ["instance_type", "instance_count", "workers"])
def test_a_size_is_said_once(key: str, tmp_path: Path) -> None:
    values = {"instance_type": "Standard_DS3_v2", "instance_count": 2, "workers": 2}
    with pytest.raises(RecipeError, match="holds both sized_by and"):
        recipe(tmp_path, sized_by="report.json", **{key: values[key]})
    recipe(tmp_path, sized_by=None, **{key: values[key]})


def test_a_size_is_locked_and_read_back(tmp_path: Path) -> None:
    lock = Lock("fraud", "3", "a" * 64, "b" * 64, "fp64", size=Size("Standard_F4s_v2", 3, 4))
    (tmp_path / "recipe.lock.yml").write_text(lock.text())
    assert find_lock(recipe(tmp_path), tmp_path) == lock
    assert "size" not in replace(lock, size=None).text()


@pytest.mark.parametrize("size", [{"instance_type": "x"}, {"instance_type": 1, "instance_count": 1, "workers": 1}, [1]])
def test_a_size_that_is_none_is_refused(size: object, tmp_path: Path) -> None:
    lock = Lock("fraud", "3", "a" * 64, "b" * 64, "fp64")
    (tmp_path / "recipe.lock.yml").write_text(f"{lock.text()}size: {json.dumps(size)}\n")
    with pytest.raises(RecipeError, match="is not a lock"):
        find_lock(recipe(tmp_path), tmp_path)


def test_a_build_takes_it_and_replays_it_without_the_report(tmp_path: Path) -> None:
    space, rows = Workspace(tmp_path), labelled_rows()
    space.save(LogisticRegression().fit(rows.drop(columns="target"), rows["target"]), rows)
    chosen = reported(tmp_path, name="sample")["recommendation"]

    def built(*, locked: bool) -> BuildReport:
        path = space.recipe(bundle={"deploy": {"sized_by": "report.json"}})
        return build(load_recipe(path), Options(out=tmp_path / "dist", locked=locked), Console())

    first = built(locked=False)
    assert first.ok, first.error
    deployment = yaml.safe_load((tmp_path / "dist" / "sample-1" / "bundle" / "deploy" / "deployment.yml").read_text())
    assert (deployment["instance_type"], deployment["instance_count"]) == (chosen["instance_type"], chosen["instances"])
    assert deployment["environment_variables"]["WORKER_COUNT"] == str(chosen["workers"])
    (tmp_path / "report.json").unlink()
    again = built(locked=True)
    assert again.ok, again.error
    assert first.bundle is not None
    assert again.bundle == first.bundle
    assert built(locked=False).exit_code == 2
