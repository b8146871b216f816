"""Artifacts that hold no usable model: each is refused by name, in few words, with the exit code of what is wrong."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import yaml
from lightgbm import LGBMClassifier
from sklearn.cluster import DBSCAN
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import CategoricalNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.workspace import Workspace, labelled_rows

FEATURES = labelled_rows(60).drop(columns="target")
TARGET = labelled_rows(60)["target"]


def fitted(model: Any, rows: Any = FEATURES) -> Any:
    return model.fit(rows, TARGET)


def with_state(model: Any, **state: Any) -> Any:
    """Return a fitted model with attributes that no fit leaves."""
    vars(model).update(state)
    return model


def of_mixed_categories() -> Any:
    column = pd.Categorical([1, "x", 2.5, "y"] * 15)
    return fitted(LGBMClassifier(n_estimators=2, verbose=-1), pd.DataFrame({"kind": column, "f0": FEATURES["f0"]}))


def of_dates() -> Any:
    dates = pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-01-02"] * 30)})
    return fitted(make_pipeline(OneHotEncoder(), LogisticRegression()), dates)


# name: what makes the object, exit code, words of the message, and more of the recipe.
CASES: dict[str, tuple[Callable[[], Any], int, tuple[str, ...], dict[str, Any]]] = {
    "unfitted": (RandomForestClassifier, 4, ("RandomForestClassifier is not fitted",), {}),
    "unfitted-pipeline": (
        lambda: make_pipeline(StandardScaler(), LogisticRegression()), 4, ("Pipeline is not fitted",), {},
    ),
    "unfitted-last": (
        lambda: Pipeline([("scale", StandardScaler().fit(FEATURES)), ("score", LogisticRegression())]),
        4, ("not fitted", "score (LogisticRegression)"), {},
    ),
    "unfitted-first": (
        lambda: Pipeline([("scale", StandardScaler()), ("score", fitted(LogisticRegression()))]),
        4, ("not fitted", "scale (StandardScaler)"), {},
    ),
    "unfitted-search": (lambda: GridSearchCV(LogisticRegression(), {"C": [1]}), 4, ("GridSearchCV is not fitted",), {}),
    "unfitted-boosting": (LGBMClassifier, 4, ("LGBMClassifier is not fitted",), {}),
    "other-columns": (
        lambda: fitted(LogisticRegression()), 4, ("5 columns", "gives 3: a, b, c", "data.features"),
        {"data": {"features": ["a", "b", "c"]}},
    ),
    "no-columns": (
        lambda: DummyClassifier().fit(np.empty((60, 0)), TARGET), 4, ("DummyClassifier", "no columns at all"), {},
    ),
    "twice-the-same-name": (
        lambda: with_state(fitted(LogisticRegression()), feature_names_in_=np.array(list("aabcd"), dtype=object)),
        4, ("two columns of the model have the same name",), {},
    ),
    "mixed-categories": (of_mixed_categories, 4, ("column 0", "mixed types"), {}),
    "dates": (of_dates, 4, ("datetime",), {}),
    "torn-state": (
        lambda: with_state(fitted(LogisticRegression()), coef_=np.ones((1, 2))),
        3, ("LogisticRegression", "answers none"), {},
    ),
    "a-dictionary": (lambda: {"model": fitted(LogisticRegression())}, 3, ("builtins.dict", "LogisticRegression"), {}),
    "a-list": (lambda: [fitted(LogisticRegression())] * 2, 3, ("builtins.list", "one model an artifact"), {}),
    "an-array": (lambda: np.arange(2_000.0), 3, ("numpy.ndarray", "neither predict nor transform"), {}),
    "nothing": (lambda: None, 3, ("NoneType",), {}),
    "no-prediction": (lambda: DBSCAN().fit(FEATURES), 3, ("DBSCAN", "says nothing about rows"), {}),
    "no-refit": (
        lambda: fitted(GridSearchCV(LogisticRegression(), {"C": [1, 2]}, refit=False)), 3, ("refit=True",), {},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what one `package check` of all cases says of each."""
    space = Workspace(tmp_path_factory.mktemp("bad"))
    for name, (make, *_, more) in CASES.items():
        joblib.dump(make(), space.folder / f"{name}.joblib")
        write_recipe(space.folder, name, f"{name}.joblib", **more)
    ran = space.package("check", *(f"{name}.yml" for name in CASES), "--json")
    assert "Traceback" not in ran.err
    return dict(zip(CASES, ran.json(), strict=True))


def write_recipe(folder: Path, name: str, uri: str, **more: Any) -> None:
    document = {"recipe_version": 1, "name": name, "version": "1", "source": {"uri": uri}, **more}
    (folder / f"{name}.yml").write_text(yaml.safe_dump(document), encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_refused_by_name_in_few_words(name: str, told: dict[str, dict[str, Any]]) -> None:
    _, code, words, _ = CASES[name]
    found = told[name]
    assert (found["exit_code"], found["ok"]) == (code, False), found
    for word in words:
        assert word in found["error"]
    assert len(found["error"].encode()) < 1_000
    assert "array(" not in found["error"]
    assert "hint: " in found["error"] or name == "dates"


def test_two_models_in_one_file_are_damage(tmp_path: Path) -> None:
    one = pickle.dumps(fitted(LogisticRegression()))
    (tmp_path / "two.pkl").write_bytes(one + one)
    write_recipe(tmp_path, "two", "two.pkl")
    ran = Workspace(tmp_path).package("build", "two.yml")
    assert ran.code == 3
    assert "a second pickle perhaps" in ran.err


def test_a_model_of_another_library_is_named_until_it_is_trusted(tmp_path: Path) -> None:
    package = tmp_path / "otherlib"
    package.mkdir()
    (package / "__init__.py").write_text(
        "class Regressor:\n    def predict(self, rows):\n        return [0.0] * len(rows)\n"
    )
    # The pickle of an object of that class, without importing it here.
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04cotherlib\nRegressor\n)\x81.")
    write_recipe(tmp_path, "unknown", "model.pkl")
    space = Workspace(tmp_path)
    unknown = space.package("check", "unknown.yml")
    assert unknown.code == 3
    assert "source.trust: [otherlib.Regressor]" in unknown.err
    document = yaml.safe_load((tmp_path / "unknown.yml").read_text())
    document["source"]["trust"] = ["otherlib.Regressor"]
    (tmp_path / "trusted.yml").write_text(yaml.safe_dump(document))
    trusted = space.package("check", "trusted.yml")
    assert trusted.code == 4
    assert "Regressor does not say how many columns it takes" in trusted.err


def test_a_step_that_counts_no_columns_is_counted_by_the_next(tmp_path: Path) -> None:
    package = tmp_path / "otherlib"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from sklearn.base import BaseEstimator, TransformerMixin\n"
        "class Doubler(TransformerMixin, BaseEstimator):\n"
        "    def fit(self, rows, target=None):\n        return self\n"
        "    def transform(self, rows):\n        return rows * 2\n"
    )
    (tmp_path / "train.py").write_text(
        "import joblib, numpy as np, otherlib\n"
        "from sklearn.linear_model import LinearRegression\nfrom sklearn.pipeline import make_pipeline\n"
        "rows = np.random.default_rng(0).normal(size=(40, 3))\n"
        "joblib.dump(make_pipeline(otherlib.Doubler(), LinearRegression()).fit(rows, rows[:, 0]), 'model.joblib')\n"
    )

    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True)
    write_recipe(tmp_path, "counted", "model.joblib", source={"uri": "model.joblib", "trust": ["otherlib.Doubler"]})
    found = Workspace(tmp_path).package("check", "counted.yml", "--json").json()
    assert found["columns"] == 3
    assert [step["path"] for step in found["steps"] if step["status"] == "unsupported"] == ["doubler"]


def test_a_model_that_refuses_most_rows_is_measured_on_those_that_it_takes(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 4, (100, 3))
    joblib.dump(CategoricalNB().fit(rows, rows[:, 0] > 1), tmp_path / "model.joblib")
    write_recipe(tmp_path, "counts", "model.joblib", benchmark={"batch_sizes": [1]})
    ran = Workspace(tmp_path).package("build", "counts.yml", "--json")
    assert ran.code == 0, ran.err
    assert {row["variant"] for row in ran.json()["measurements"] if row["p50_us"]} >= {"native", "fp64"}


@pytest.mark.parametrize(("python", "words"), [("3.9", "does not run on Python 3.9"), ("3.77", "names none as new")])
@pytest.mark.parametrize("command", ["check", "build"])
def test_a_wrong_python_of_the_bundle_is_told_at_once(command: str, python: str, words: str, tmp_path: Path) -> None:
    joblib.dump(fitted(LogisticRegression()), tmp_path / "model.joblib")
    write_recipe(tmp_path, "wrong", "model.joblib", bundle={"python": python})
    line = (tmp_path / "wrong.yml").read_text().splitlines().index(f"  python: '{python}'") + 1
    ran = Workspace(tmp_path).package(command, "wrong.yml")
    assert ran.code == 8
    for told in ("bundle: ", words, f"measured {python}, limit ", f"wrong.yml:{line} bundle.python", "hint: leave"):
        assert told in ran.err
    assert not list(tmp_path.glob("dist/*/bundle"))
    write_recipe(tmp_path, "wrong", "model.joblib", bundle={})
    assert Workspace(tmp_path).package("check", "wrong.yml").code == 0  # the hint works
