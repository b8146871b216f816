"""Bagging and AdaBoost over trees, which become one ensemble, and over anything else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor, BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

from packager.convert.builder import Builder
from packager.convert.emitters import EMITTERS
from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS, SIGNAL, TWO_OUTPUTS, labels

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
HOLES = np.where(np.random.default_rng(3).random(NUMBERS.shape) < 0.2, np.nan, NUMBERS)
SEED: dict[str, Any] = {"random_state": 1}
COLUMNS = ({}, {"max_features": 0.5}, {"max_features": 3, "bootstrap_features": True}, {"max_samples": 6})


@pytest.mark.parametrize("settings", COLUMNS, ids=str)
@pytest.mark.parametrize(
    "member", [DecisionTreeClassifier(), ExtraTreeClassifier(max_depth=3), GaussianNB(), LinearSVC()], ids=str
)
def test_bagged_classes(member: Any, settings: dict[str, Any]) -> None:
    y = labels("a", "b", "c")
    model = BaggingClassifier(member, n_estimators=5, **SEED, **settings).fit(NUMBERS, y)
    assert unlike(model, NEAR, methods=("predict", "predict_proba")) == []


def test_members_that_have_not_seen_every_class() -> None:
    nearest = KNeighborsClassifier(1)  # it takes no weights, so that bagging leaves rows out
    model = BaggingClassifier(nearest, n_estimators=6, max_samples=6, **SEED).fit(NUMBERS, labels(0, 1, 2, 3))
    assert {len(member.classes_) for member in model.estimators_} != {4}, "the example needs a class to be missing"
    assert unlike(model, NEAR) == []


@pytest.mark.parametrize("settings", COLUMNS[:3], ids=str)
@pytest.mark.parametrize("target", [SIGNAL, TWO_OUTPUTS], ids=["one", "two"])
@pytest.mark.parametrize("member", [DecisionTreeRegressor(max_depth=4), Ridge()], ids=str)
def test_bagged_values(member: Any, target: Any, settings: dict[str, Any]) -> None:
    assert unlike(BaggingRegressor(member, n_estimators=5, **SEED, **settings).fit(NUMBERS, target), NEAR) == []


@pytest.mark.parametrize(
    "member", [DecisionTreeClassifier(), LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1)], ids=str
)
def test_members_take_missing_cells_as_they_do_alone(member: Any) -> None:
    assert unlike(BaggingClassifier(member, n_estimators=4, **SEED).fit(HOLES, labels(0, 1)), HOLES) == []


def test_pipelines_are_members_too() -> None:
    inner = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=3))
    assert unlike(BaggingClassifier(inner, n_estimators=3, **SEED).fit(NUMBERS, labels(0, 1)), NEAR) == []


def test_bagged_decisions() -> None:
    model = BaggingClassifier(LogisticRegression(), n_estimators=3, **SEED).fit(NUMBERS, labels(0, 1))
    assert unlike(model, NEAR) == []


@pytest.mark.parametrize("names", [(0, 1), ("a", "b", "c"), (False, True), (2, 5, 9, 11), (7,)], ids=str)
@pytest.mark.parametrize("member", [DecisionTreeClassifier(max_depth=2), GaussianNB()], ids=str)
def test_boosted_classes(member: Any, names: tuple[Any, ...]) -> None:
    model = AdaBoostClassifier(member, n_estimators=8, **SEED).fit(NUMBERS, labels(*names))
    assert unlike(model, NEAR) == []


def test_boosting_that_ends_with_a_perfect_tree() -> None:
    model = AdaBoostClassifier(DecisionTreeClassifier(), n_estimators=5, **SEED).fit(NUMBERS, labels(0, 1))
    assert len(model.estimators_) == 1
    assert unlike(model, NEAR) == []


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("names", [(0, 1), ("a", "b", "c", "d")], ids=str)
def test_bagged_boosting_of_one_tree_breaks_equal_sums_as_numpy_does(names: tuple[Any, ...], depth: int) -> None:
    boosted = AdaBoostClassifier(DecisionTreeClassifier(max_depth=depth), n_estimators=1, **SEED)
    model = BaggingClassifier(boosted, n_estimators=5, max_features=0.5, **SEED).fit(NUMBERS, labels(*names))
    assert unlike(model, NEAR) == []


@pytest.mark.parametrize("count", [1, 2, 9, 40])
@pytest.mark.parametrize("member", [DecisionTreeRegressor(max_depth=3), Ridge()], ids=str)
def test_boosted_values_are_a_weighted_median(member: Any, count: int) -> None:
    assert unlike(AdaBoostRegressor(member, n_estimators=count, **SEED).fit(NUMBERS, SIGNAL), NEAR) == []


@pytest.mark.parametrize("kind", [AdaBoostClassifier, BaggingClassifier])
def test_trees_become_one_ensemble(kind: Any) -> None:
    builder = Builder(np.dtype(np.float64), EMITTERS)
    builder.ask(kind(n_estimators=20, **SEED).fit(NUMBERS, labels(0, 1, 2)), "predict_proba", "features")
    assert [node.op_type for node in builder.nodes].count("TreeEnsemble") == 1
