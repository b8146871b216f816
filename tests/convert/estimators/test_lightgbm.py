"""LightGBM's estimators beyond the plain ones: linear leaves, objectives of one's own, which iterations count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor

from packager.convert.graph import UnsupportedModel
from packager.dataset.rows import Rows
from tests.convert.asked import asked, unlike
from tests.convert.pairs import pair

from .rows import ASKED, NUMBERS, SIGNAL, labels

SMALL: dict[str, Any] = {"n_estimators": 6, "num_leaves": 8, "min_child_samples": 5, "n_jobs": 1, "verbose": -1}
HOLES = np.where(np.random.default_rng(3).random(NUMBERS.shape) < 0.2, np.nan, NUMBERS)
ASKED_HOLES = np.where(np.random.default_rng(4).random(ASKED.shape) < 0.2, np.nan, ASKED)
FOREST: dict[str, Any] = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}


@pytest.mark.parametrize("settings", [{}, FOREST, {"boosting_type": "dart"}], ids=["gbdt", "rf", "dart"])
@pytest.mark.parametrize("names", [(), (0, 1), ("a", "b", "c")], ids=["value", "two", "three"])
def test_linear_leaves(names: tuple[Any, ...], settings: dict[str, Any]) -> None:
    kind = LGBMClassifier if names else LGBMRegressor
    model = kind(linear_tree=True, **SMALL, **settings).fit(HOLES, labels(*names) if names else SIGNAL)
    assert "is_linear=1" in model.booster_.model_to_string()
    assert unlike(model, ASKED_HOLES, methods=("predict", "predict_proba")) == []


def test_the_first_class_of_nan_is_the_largest() -> None:
    model = LGBMClassifier(objective="multiclassova", linear_tree=True, **SMALL).fit(NUMBERS, labels("a", "b", "c"))
    infinite = np.where(np.random.default_rng(5).random(ASKED.shape) < 0.3, np.inf, ASKED)
    holes = np.isnan(model.predict_proba(infinite)).sum(axis=1)
    assert ((holes > 0) & (holes < 3)).any()
    assert unlike(model, infinite, methods=("predict", "predict_proba")) == []


def _logistic(truth: Any, found: Any) -> Any:
    share = 1 / (1 + np.exp(-found))
    return share - truth, share * (1 - share)


def _softmax(truth: Any, found: Any) -> Any:
    share = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)
    return share - np.eye(3)[truth.astype(int)], 2 * share * (1 - share)


@pytest.mark.parametrize(("objective", "names"), [(_logistic, ("a", "b")), (_softmax, (0, 1, 2))])
def test_an_objective_of_ones_own_leaves_raw_scores(objective: Any, names: tuple[Any, ...], tmp_path: Path) -> None:
    model = LGBMClassifier(objective=objective, **SMALL).fit(NUMBERS, labels(*names))
    both = pair(model, tmp_path)
    assert both.signature.classes is None
    assert both.differences(Rows(ASKED)) == []


def test_one_class() -> None:
    model = LGBMClassifier(**SMALL).fit(NUMBERS, labels("only"))
    assert unlike(model, ASKED, methods=("predict", "predict_proba")) == []


def test_stopping_within_the_trees_is_refused() -> None:
    settings: dict[str, Any] = {"pred_early_stop": True, "pred_early_stop_freq": 1, "pred_early_stop_margin": 0.1}
    with pytest.raises(UnsupportedModel, match="pred_early_stop"):
        asked(LGBMClassifier(**SMALL, **settings).fit(NUMBERS, labels(0, 1)), 4)
    value = LGBMRegressor(**SMALL, **settings).fit(NUMBERS, SIGNAL)
    assert unlike(value, ASKED) == []


def test_a_tree_that_is_one_leaf() -> None:
    assert unlike(LGBMRegressor(**SMALL).fit(NUMBERS * 0, SIGNAL), ASKED, methods=("predict",)) == []


@pytest.mark.parametrize("as_text", [False, True])
def test_the_best_iteration_of_a_booster(as_text: bool) -> None:
    table = lightgbm.Dataset(NUMBERS, SIGNAL > 0, params={"verbose": -1})
    model = lightgbm.train({"objective": "binary", "num_leaves": 5, "verbose": -1, "num_threads": 1}, table, 12)
    model.best_iteration = 4
    if as_text:
        model = lightgbm.Booster(model_str=model.model_to_string())
    assert unlike(model, ASKED, methods=("predict",)) == []
