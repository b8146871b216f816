"""Single trees and forests: several labels a row, ties, missing cells, outliers, embeddings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from packager.convert import trees as emission
from packager.convert.estimators.forests import fractions
from packager.dataset.rows import Rows
from tests.convert.asked import asked, unlike
from tests.convert.pairs import pair

from .rows import ASKED, NUMBERS, SIGNAL, THREE_LABELS, TWO_OUTPUTS, labels

WITHIN = ASKED[np.abs(ASKED).max(axis=1) < 1e38]  # more is no float32
HOLES = np.where(np.random.default_rng(3).random(NUMBERS.shape) < 0.2, np.nan, NUMBERS)
ASKED_HOLES = np.where(np.random.default_rng(4).random(WITHIN.shape) < 0.2, np.nan, WITHIN)
TEXTS = np.stack([labels("x", "longer"), labels("p", "q", "r")[::-1]], axis=1).astype(object)
SMALL: dict[str, Any] = {"n_estimators": 7, "max_depth": 4, "random_state": 2}


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (DecisionTreeClassifier(max_depth=3), THREE_LABELS),
        (DecisionTreeClassifier(max_depth=3), TEXTS),
        (RandomForestClassifier(**SMALL), THREE_LABELS),
        (RandomForestClassifier(**SMALL), TEXTS),
        (ExtraTreesClassifier(**SMALL), np.stack([labels(0, 1, 2, 3), labels(5)], axis=1)),
        (RandomForestRegressor(**SMALL), TWO_OUTPUTS),
        (DecisionTreeRegressor(max_depth=3), TWO_OUTPUTS),
    ],
)
def test_several_outputs(model: Any, target: Any) -> None:
    assert unlike(model.fit(NUMBERS, target), WITHIN, tolerance=0) == []


@pytest.mark.parametrize("names", [(0, 1), ("no", "yes"), (False, True), (-3, 2**40, 2**53 + 1), (1.0, 2.0), (4,)])
def test_labels_of_every_kind(names: tuple[Any, ...]) -> None:
    assert unlike(RandomForestClassifier(**SMALL).fit(NUMBERS, labels(*names)), WITHIN, tolerance=0) == []


def test_missing_cells() -> None:
    assert unlike(RandomForestClassifier(**SMALL).fit(HOLES, labels(0, 1, 2)), ASKED_HOLES, tolerance=0) == []


@pytest.mark.parametrize("count", [2, 20, 50])
def test_ties_of_a_half(count: int) -> None:
    rows = np.round(NUMBERS[:, :2])
    model = RandomForestClassifier(count, random_state=0).fit(rows, labels(0, 1))
    every = np.stack(np.meshgrid(*2 * [np.arange(-3.0, 4)]), axis=-1).reshape(-1, 2)
    assert unlike(model, every, tolerance=0) == []


def test_leaf_vectors_in_parts_add_up_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    model = RandomForestClassifier(23, max_depth=4, random_state=0).fit(NUMBERS, labels(0, 1, 2))
    monkeypatch.setattr(emission, "_GATHERED_AT_ONCE", 15)
    assert unlike(model, WITHIN, tolerance=0) == []


def test_counts_of_older_trees_become_shares() -> None:
    counts = np.array([[[0.25, 0.5]], [[3.0, 1.0]], [[0.0, 0.0]]])
    np.testing.assert_allclose(fractions(counts)[:, 0], [[1 / 3, 2 / 3], [0.75, 0.25], [0, 0]])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"contamination": 0.2},
        {"max_features": 2},
        {"max_features": 0.5, "bootstrap": True},
        {"max_samples": 1},
        {"max_samples": 2},
    ],
    ids=str,
)
def test_outliers(settings: dict[str, Any]) -> None:
    model = IsolationForest(n_estimators=15, random_state=0, **settings).fit(NUMBERS)
    assert unlike(model, WITHIN, tolerance=1e-14) == []
    assert unlike(model, ASKED_HOLES, tolerance=1e-14) == []


@pytest.mark.parametrize("before", [["passthrough"], [], [None]], ids=str)
def test_missing_cells_that_reach_the_trees_in_sparse_rows(before: list[Any], tmp_path: Path) -> None:
    rows = np.column_stack([ASKED_HOLES[:, :2], np.arange(len(ASKED_HOLES)) % 9])
    one_hot = ColumnTransformer([("code", OneHotEncoder(handle_unknown="ignore"), [2])], remainder="passthrough")
    model = make_pipeline(one_hot, *before, IsolationForest(n_estimators=15, random_state=0)).fit(rows)
    assert one_hot.sparse_output_, "the example needs sparse rows"
    assert np.isnan(rows).any()
    assert pair(model, tmp_path).differences(Rows(rows)) == []


def test_a_row_on_the_very_threshold_is_no_outlier_of_ours_alone() -> None:
    model = IsolationForest(n_estimators=15, random_state=0).fit(NUMBERS)
    for offset in np.unique(model.score_samples(NUMBERS))[::7]:
        model.offset_ = offset
        answer = asked(model, 4, methods=("predict",))
        np.testing.assert_array_equal(answer(NUMBERS)["predict"], model.predict(NUMBERS))


@pytest.mark.parametrize("sparse", [False, True])
def test_embeddings(sparse: bool) -> None:
    model = RandomTreesEmbedding(6, max_depth=3, sparse_output=sparse, random_state=0).fit(NUMBERS)
    assert unlike(model, WITHIN, tolerance=0) == []


def test_an_embedding_of_trees_that_are_one_leaf() -> None:
    model = RandomTreesEmbedding(2, min_samples_leaf=100, random_state=0).fit(NUMBERS)
    assert model.transform(NUMBERS).shape[1] == 2, "the example needs trees of one leaf"
    assert unlike(model, WITHIN, tolerance=0) == []


def test_a_forest_beside_its_thresholds() -> None:
    model = RandomForestRegressor(**SMALL).fit(NUMBERS, SIGNAL)
    tree = model.estimators_[0].tree_
    split = tree.children_left >= 0
    near = np.float32(tree.threshold[split])
    floats = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))]
    steps = [np.nextafter(np.float64(side), end) for side in floats for end in (-np.inf, np.inf)]
    cells = np.concatenate([tree.threshold[split], *map(np.float64, floats), *steps])
    rows = np.repeat(NUMBERS[:3], len(cells), axis=0)
    rows[np.arange(len(rows)), np.tile(np.resize(tree.feature[split], len(cells)), 3)] = np.tile(cells, 3)
    assert unlike(model, rows, tolerance=0) == []
