"""`package init`: a recipe that loads, checks and builds as it is written."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import FunctionTransformer

from packager.commands.init import Asked, draft_recipe
from packager.errors import SourceError, VerifyError
from packager.recipe.load import load_recipe
from tests.workspace import Workspace, labelled_rows


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    workspace, rows = Workspace(tmp_path), labelled_rows()
    features = rows.drop(columns="target")
    workspace.save(LogisticRegression().fit(features, rows["target"]), rows)
    return workspace


def test_what_is_written_is_built_as_it_stands(space: Workspace) -> None:
    told = space.package("init", "model.joblib", "--data", "model.parquet")
    assert told.code == 0, told.err
    assert told.err == ""
    assert "LogisticRegression" in told.out
    (space.folder / "recipe.yml").write_text(told.out)
    recipe = load_recipe(space.folder / "recipe.yml")
    assert recipe.data.label == "target"
    assert recipe.verify.drift is not None
    assert recipe.verify.drift.metric == "roc_auc"
    assert recipe.source.sha256 is not None
    built = space.package("build", "recipe.yml", "--out", "dist", "--no-publish")
    assert built.code in (0, 6), built.err  # 300 rows may be too few to decide on drift; nothing else may be wrong
    assert built.code == 0 or "undecided" in built.err or "not enough rows" in built.err


def test_a_file_is_written_once_and_names_paths_from_where_it_lies(space: Workspace) -> None:
    (space.folder / "recipes").mkdir()
    told = space.package("init", "model.joblib", "--data", "model.parquet", "--out", "recipes/model.yml")
    assert (told.code, told.out) == (0, "recipes/model.yml\n")
    recipe = load_recipe(space.folder / "recipes" / "model.yml")
    assert recipe.source.uri == "../model.joblib"
    assert recipe.data.verification == "../model.parquet"
    checked = space.package("check", "recipes/model.yml")
    assert checked.code == 0, checked.err
    again = space.package("init", "model.joblib", "--out", "recipes/model.yml")
    assert again.code == 2
    assert "is there already" in again.err


def test_a_registered_model_brings_its_rows(space: Workspace) -> None:
    assert space.package("register", "model.joblib", "--name", "Fraud", "--data", "model.parquet").code == 0
    told = space.package("init", "registry://Fraud", "--out", "fraud.yml")
    assert told.code == 0, told.err
    recipe = load_recipe(space.folder / "fraud.yml")
    assert (recipe.name, recipe.source.uri, recipe.data.label) == ("fraud", "registry://Fraud/1", "target")
    assert recipe.data.verification is None


def test_nothing_there_and_nothing_known(space: Workspace) -> None:
    told = space.package("init", "modell.joblib")
    assert told.code == 3
    assert "model.joblib" in told.err
    (space.folder / "notes.txt").write_text("a text")
    assert space.package("init", "notes.txt").code == 3


def _kept(model: object, folder: Path) -> str:
    joblib.dump(model, folder / "m.joblib")
    return str(folder / "m.joblib")


def test_a_model_without_names_takes_those_of_the_rows(tmp_path: Path) -> None:
    rows = labelled_rows(50, 3)[["f2", "target", "f0", "f1"]]
    rows.to_csv(tmp_path / "rows.csv", index=False)
    model = _kept(LinearRegression().fit(np.eye(3), [1.0, 2.0, 3.0]), tmp_path)
    (tmp_path / "r.yml").write_text(draft_recipe(model, Asked(str(tmp_path / "rows.csv")), folder=tmp_path))
    recipe = load_recipe(tmp_path / "r.yml")
    assert (recipe.data.label, recipe.data.features) == ("target", ("f2", "f0", "f1"))
    assert recipe.verify.drift is not None
    assert recipe.verify.drift.metric == "rmse"


def test_rows_of_another_model_are_refused(space: Workspace) -> None:
    labelled_rows(20, 3).to_csv(space.folder / "other.csv", index=False)
    with pytest.raises(VerifyError, match="lack columns of the model: f3, f4"):
        draft_recipe(str(space.folder / "model.joblib"), Asked(str(space.folder / "other.csv")), folder=space.folder)


def test_a_transformer_has_no_drift(tmp_path: Path) -> None:
    text = draft_recipe(_kept(FunctionTransformer(np.log1p).fit(np.eye(2)), tmp_path), Asked(), folder=tmp_path)
    assert "\n# verify:" in text


def test_a_name_that_cannot_be_made_is_asked_for(space: Workspace) -> None:
    odd = space.folder / "模型.joblib"
    (space.folder / "model.joblib").rename(odd)
    with pytest.raises(SourceError, match="no name for a bundle"):
        draft_recipe(str(odd), Asked(), folder=space.folder)
    assert "\nname: fraud\n" in draft_recipe(str(odd), Asked(name="fraud"), folder=space.folder)


def test_a_name_that_no_recipe_takes_is_refused(space: Workspace) -> None:
    told = space.package("init", "model.joblib", "--name", "Bad Name!")
    assert (told.code, told.out) == (2, "")
    assert "a-z, 0-9 and -" in told.err
