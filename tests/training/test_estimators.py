"""What an estimator holds is found wherever it holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from packager.errors import SourceError
from packager.training import describe, estimators, load
from packager.training.native import NativeModel

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(60, 2))
TARGET = (ROWS[:, 0] > 0).astype(int)


def test_nested_estimators_are_found_once_each() -> None:
    shared = LogisticRegression().fit(ROWS, TARGET)
    voting = VotingClassifier([("a", shared), ("b", RandomForestClassifier(3))]).fit(ROWS, TARGET)
    found = estimators.nested_estimators(make_pipeline(StandardScaler(), voting))
    kinds = [type(estimator).__name__ for estimator in found]
    assert kinds.count("StandardScaler") == 1
    assert kinds.count("VotingClassifier") == 1
    assert kinds.count("DecisionTreeClassifier") >= 3
    assert len({id(estimator) for estimator in found}) == len(found)


def test_what_is_calibrated_is_found() -> None:
    model = CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2).fit(ROWS, TARGET)
    kinds = [type(estimator).__name__ for estimator in estimators.nested_estimators(model)]
    assert kinds.count("LogisticRegression") == 3
    assert kinds.count("IsotonicRegression") == 2


def test_the_step_tree_names_each_level_and_counts_trees() -> None:
    model = make_pipeline(StandardScaler(), RandomForestClassifier(7)).fit(ROWS, TARGET)
    assert estimators.step_tree(model) == (
        "Pipeline",
        "  standardscaler: StandardScaler",
        "  randomforestclassifier: RandomForestClassifier (7 trees)",
    )
    searched = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2).fit(ROWS, TARGET)
    assert estimators.step_tree(searched) == ("GridSearchCV", "  best_estimator: DecisionTreeClassifier")


def test_fitted_is_told_from_not_fitted() -> None:
    assert not estimators.is_fitted(LogisticRegression())
    assert not estimators.is_fitted(make_pipeline(StandardScaler(), LogisticRegression()))
    assert estimators.is_fitted(make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET))
    assert not estimators.is_fitted(LGBMClassifier())


def test_names_are_found_behind_an_idle_step() -> None:
    table = pd.DataFrame({"kind": pd.Categorical(["a", "b"] * 20), "size": np.arange(40.0)})
    model = make_pipeline("passthrough", LGBMClassifier(n_estimators=2, verbose=-1)).fit(table, np.arange(40) % 2)
    assert estimators.own_feature_names(model) == NativeModel(model).names == ("kind", "size")


def test_names_that_lightgbm_makes_up_are_no_names() -> None:
    assert estimators.own_feature_names(LGBMClassifier(n_estimators=1, verbose=-1).fit(ROWS, TARGET)) is None
    named = pd.DataFrame(ROWS, columns=["a", "b"])
    assert estimators.own_feature_names(LGBMClassifier(n_estimators=1, verbose=-1).fit(named, TARGET)) == ("a", "b")


@pytest.mark.parametrize(
    ("model", "framework"),
    [
        (LogisticRegression(), "scikit-learn"),
        (LGBMClassifier(n_estimators=1, verbose=-1), "lightgbm"),
        (make_pipeline(StandardScaler(), LGBMClassifier(n_estimators=1, verbose=-1)), "lightgbm"),
        (CalibratedClassifierCV(LogisticRegression(), cv=2), "scikit-learn"),
    ],
    ids=["sklearn", "lightgbm", "lightgbm in a pipeline", "calibrated"],
)
def test_a_description_is_plain_and_true(model: Any, framework: str) -> None:
    found = describe.describe(NativeModel(model.fit(ROWS, TARGET)))
    assert found.framework == framework
    assert found.estimators[0] == type(model).__name__
    assert {"scikit-learn", "lightgbm", "numpy"} <= found.versions.keys()
    assert not found.names_are_own
    named = describe.describe(NativeModel(model.fit(pd.DataFrame(ROWS, columns=["a", "b"]), TARGET)))
    assert named.names_are_own


@pytest.mark.parametrize("compress", [0, 3])
def test_a_joblib_file_loads(compress: int, tmp_path: Path) -> None:
    model = LogisticRegression().fit(ROWS, TARGET)
    joblib.dump(model, tmp_path / "model.joblib", compress=compress)
    loaded = load.load_model(tmp_path / "model.joblib", "joblib")
    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict(ROWS))


def test_a_model_text_loads(tmp_path: Path) -> None:
    booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(ROWS, TARGET), num_boost_round=2)
    booster.save_model(tmp_path / "model.txt")
    loaded = load.load_model(tmp_path / "model.txt", "lightgbm-text")
    np.testing.assert_array_equal(loaded.predict(ROWS), booster.predict(ROWS))


def test_a_broken_model_text_is_refused_in_few_words(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("tree\nversion=v4\n")
    with pytest.raises(SourceError, match="does not load"):
        load.load_model(tmp_path / "model.txt", "lightgbm-text")


def test_what_is_no_model_is_refused_by_its_kind(tmp_path: Path) -> None:
    joblib.dump({"weights": ROWS}, tmp_path / "model.joblib")
    with pytest.raises(SourceError, match=r"builtins\.dict"):
        load.load_model(tmp_path / "model.joblib", "joblib")


def test_what_does_not_load_is_refused_in_few_words(tmp_path: Path) -> None:
    joblib.dump(LogisticRegression().fit(ROWS, TARGET), tmp_path / "model.joblib")
    whole = (tmp_path / "model.joblib").read_bytes()
    (tmp_path / "model.joblib").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError) as caught:
        load.load_model(tmp_path / "model.joblib", "joblib")
    assert len(str(caught.value)) < 1_000
