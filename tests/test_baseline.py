"""A baseline is a bundle whose model can be timed here, or a report whose figures hold for its machine, or an error."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from sklearn.ensemble import RandomForestClassifier

from packager.baseline import find_baseline
from packager.errors import BenchmarkError, PackagerError, RecipeError
from packager.recipe.load import load_recipe
from packager.recipe.model import Recipe

from .bundle import binned, models
from .workspace import Workspace, labelled_rows


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a small forest, built and published."""
    space = Workspace(tmp_path_factory.mktemp("baseline"))
    rows = labelled_rows()
    space.save(
        RandomForestClassifier(5, max_depth=3, random_state=0).fit(rows.drop(columns="target"), rows.target), rows
    )
    space.recipe(publish=[{"to": "registry://earlier/1"}], optimize={"precisions": ["fp64"]})
    ran = space.package("build", "recipe.yml")
    assert ran.code == 0, ran.err
    return space


@pytest.fixture
def earlier(built: Workspace, tmp_path: Path) -> Path:
    """A copy of the earlier build's folder that a test may spoil."""
    shutil.copytree(built.folder / "dist" / "sample-1", tmp_path / "sample-1")
    return tmp_path / "sample-1"


@pytest.fixture
def environ(built: Workspace) -> dict[str, str]:
    return {**os.environ, "PACKAGE_REGISTRY": str(built.folder / "registry")}


def naming(baseline: object, folder: Path) -> Recipe:
    path = folder / "recipe.yml"
    path.write_text(
        f"recipe_version: 1\nname: sample\nsource: {{uri: model.joblib}}\nbenchmark:\n  baseline: {baseline}\n"
    )
    return load_recipe(path)


def refused(recipe: Recipe, environ: dict[str, str], kind: type[PackagerError]) -> str:
    with pytest.raises(kind) as caught:
        find_baseline(recipe, environ=environ)
    assert str(caught.value.key).endswith("recipe.yml:5 benchmark.baseline")
    return str(caught.value)


@pytest.mark.parametrize("place", ["", "bundle", "report", "report/report.json"])
def test_a_build_is_known_by_its_model_wherever_it_is_named(
    place: str, earlier: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    found = find_baseline(naming(earlier / place, tmp_path), environ=environ)
    assert found is not None
    assert found.model is not None
    assert found.model.path == earlier / "bundle" / "model" / "model.onnx"
    assert found.model.settings.threads == 1


def test_a_published_bundle_needs_no_report(environ: dict[str, str], tmp_path: Path) -> None:
    found = find_baseline(naming("registry://earlier/1", tmp_path), environ=environ)
    assert found is not None
    assert found.model is not None
    assert found.model.path.is_file()


@binned.needs_library
def test_of_a_bundle_with_two_forms_the_one_that_serves_is_the_baseline(tmp_path: Path) -> None:
    bundle = models.bundled(binned.plan(tmp_path), tmp_path / "bundle")
    found = find_baseline(naming(bundle, tmp_path), environ={})
    assert found is not None
    assert found.model is not None
    assert found.model.path == bundle / "model" / "model.binned"


def test_no_baseline_is_none(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "recipe.yml").write_text("recipe_version: 1\nname: sample\nsource: {uri: model.joblib}\n")
    assert find_baseline(load_recipe(tmp_path / "recipe.yml"), environ=environ) is None


def test_a_report_alone_is_its_figures_and_its_machine(earlier: Path, environ: dict[str, str], tmp_path: Path) -> None:
    shutil.rmtree(earlier / "bundle")
    found = find_baseline(naming(earlier, tmp_path), environ=environ)
    assert found is not None
    assert found.model is None
    document = json.loads((earlier / "report" / "report.json").read_text())
    measured = [row for row in document["measurements"] if row["variant"] == document["selected"]]
    assert [row.p50_us for row in found.measurements] == [row["p50_us"] for row in measured]
    found.check(found.signature, document["machine"], "key")


@pytest.mark.parametrize(("name", "value"), [("processor", "another"), ("cores", 3), ("cpu_limit", 1.5)])
def test_figures_of_another_machine_are_refused(
    name: str, value: object, earlier: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    shutil.rmtree(earlier / "bundle")
    found = find_baseline(naming(earlier, tmp_path), environ=environ)
    assert found is not None
    assert found.machine is not None
    with pytest.raises(BenchmarkError, match="measured on another machine") as caught:
        found.check(found.signature, {**found.machine, name: value}, "recipe.yml:5 benchmark.baseline")
    assert "name the bundle instead" in str(caught.value)


def changed(report: Path, **changes: Any) -> None:
    path = report / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_report_beside_another_build_s_bundle_stands_for_itself(
    earlier: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    changed(earlier / "report", bundle={"path": "x", "digest": "0" * 64})
    found = find_baseline(naming(earlier / "report", tmp_path), environ=environ)
    assert found is not None
    assert found.model is None


def test_a_failed_build_s_report_never_takes_the_bundle_beside_it(
    earlier: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    changed(earlier / "report", bundle=None)
    found = find_baseline(naming(earlier / "report", tmp_path), environ=environ)
    assert found is not None
    assert found.model is None


def test_what_is_not_there_is_a_mistake_of_the_recipe(environ: dict[str, str], tmp_path: Path) -> None:
    assert "no-such" in refused(naming("no-such", tmp_path), environ, RecipeError)
    assert "no version 9 of earlier" in refused(naming("registry://earlier/9", tmp_path), environ, RecipeError)
    (tmp_path / "empty").mkdir()
    assert "holds neither" in refused(naming("empty", tmp_path), environ, RecipeError)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"selected": "fp64"}', "\x00", '{"kind": "packager.benchmark"}'])
def test_a_file_that_is_no_report_is_a_mistake_of_the_recipe(
    content: str, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "some.json").write_text(content)
    assert "some.json" in refused(naming("some.json", tmp_path), environ, RecipeError)


def test_a_bundle_that_fails_its_digests_stops_the_build(
    earlier: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    model = earlier / "bundle" / "model" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    assert "changed 'model/model.onnx'" in refused(naming(earlier, tmp_path), environ, BenchmarkError)


def test_a_report_without_figures_stops_the_build(earlier: Path, environ: dict[str, str], tmp_path: Path) -> None:
    shutil.rmtree(earlier / "bundle")
    changed(earlier / "report", measurements=[])
    assert "has no figures" in refused(naming(earlier, tmp_path), environ, BenchmarkError)


@pytest.mark.parametrize(
    "figures",
    [
        {"p50_us": float("nan")},
        {"p50_us": 0},
        {"p50_us": "fast"},
        {"ci95": []},
        {"ci95": [float("nan"), 1e9]},
        {"ci95": [2e9, 1e9]},
        {"batch_size": "many"},
    ],
    ids=str,
)
def test_figures_that_no_clock_gives_are_no_baseline(
    figures: dict[str, object], earlier: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    path = earlier / "report" / "report.json"
    document = json.loads(path.read_bytes())
    for row in document["measurements"]:
        row.update(figures)
    shutil.rmtree(earlier / "bundle")
    path.write_text(json.dumps(document))
    assert "is not a report.json of a build that came to its figures" in refused(
        naming(earlier, tmp_path), environ, RecipeError
    )


def test_a_build_that_is_slower_fails_and_leaves_no_new_bundle(built: Workspace) -> None:
    """A forest of 5 trees is followed by one of 150, on the same columns; and by itself."""
    rows = labelled_rows()
    slow = RandomForestClassifier(150, random_state=0).fit(rows.drop(columns="target"), rows.target)
    built.save(slow, rows, "slow")
    sections = {"name": "slow", "source": {"uri": "slow.joblib"}, "optimize": {"precisions": ["fp64"]}}
    built.recipe(**sections, benchmark={"batch_sizes": [1, 100], "baseline": "dist/sample-1"})
    ran = built.package("build", "recipe.yml")
    assert ran.code == 7, ran.err
    assert "fp64@cpu-1@100 is slower than the baseline dist/sample-1" in ran.err
    assert "benchmark.baseline" in ran.err
    assert not (built.folder / "dist" / "slow-1" / "bundle").exists()
    report = json.loads((built.folder / "dist" / "slow-1" / "report" / "report.json").read_text())
    assert (report["ok"], report["exit_code"], report["bundle"]) == (False, 7, None)
    verdicts = {v["subject"]: v for v in report["verdicts"] if v["check"] == "slower_than_baseline"}
    assert set(verdicts) == {"fp64@cpu-1@1", "fp64@cpu-1@100"}
    assert not verdicts["fp64@cpu-1@100"]["ok"]
    assert verdicts["fp64@cpu-1@100"]["measured"] > 1.1
    assert "both timed here" in verdicts["fp64@cpu-1@100"]["note"]
    built.recipe(
        name="again",
        optimize={"precisions": ["fp64"]},
        benchmark={"baseline": "registry://earlier", "batch_sizes": [100], "max_slowdown": 3},
    )
    ran = built.package("build", "recipe.yml")
    assert ran.code == 0, ran.err


def test_other_columns_are_another_kind_of_model(built: Workspace) -> None:
    rows = labelled_rows(columns=4)
    built.save(RandomForestClassifier(2, random_state=0).fit(rows.drop(columns="target"), rows.target), rows, "other")
    built.recipe(
        name="other",
        source={"uri": "other.joblib"},
        data={"verification": "other.parquet", "label": "target"},
        optimize={"precisions": ["fp64"]},
        benchmark={"baseline": "dist/sample-1", "batch_sizes": [1]},
    )
    ran = built.package("build", "recipe.yml")
    assert ran.code == 7, ran.err
    assert "verify" not in ran.err
    assert "its columns are not this model's" in ran.err
