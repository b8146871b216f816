"""Fitted models of every kind of tree ensemble, what they say themselves, and rows where a wrong form would show."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from lightgbm import Booster, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.ensemble._iforest import _average_path_length
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from packager.binned.graph_view import GraphView
from packager.binned.library import LibraryUnavailable, library
from packager.binned.model_file import packed_model
from packager.binned.scorer import BinnedModel, read_header
from packager.dataset.rows import Rows
from tests.convert.cases import EXACT, Case, Doubles, codes, numbers, values, with_category
from tests.convert.lightgbm_cases import CASES as LIGHTGBM
from tests.convert.lightgbm_cases import SMALL
from tests.convert.pairs import Pair, pair, random_rows
from tests.convert.sklearn_cases import BOOSTING, PIPELINES, TREES

Array = npt.NDArray[Any]
# LightGBM's zero zone ends here, and float32 ends there.
_ZERO_ZONE = float(np.float32(1e-35))
_HUGE = float(np.finfo(np.float32).max)
_SPECIAL = (0.0, -0.0, 5e-324, -5e-324, 1e-35, -1e-35, _ZERO_ZONE, -_ZERO_ZONE, 1.1e-35, -1.1e-35, 1e9, -1e9, 1e30)
_BEYOND = (_HUGE, -_HUGE, 3.5e38, -3.5e38, 1e300, -1e300, np.inf, -np.inf)
_NO_CATEGORIES = (-7.0, -1.0, -0.5, 0.5, 0.999, 39.5, 40.0, 255.0, 2147483647.0, 2147483648.0)


def _instruction_sets() -> tuple[str, ...]:
    try:
        return tuple(library().instruction_sets())
    except LibraryUnavailable:
        return ()


INSTRUCTION_SETS = _instruction_sets()
needs_library = pytest.mark.skipif(not INSTRUCTION_SETS, reason="not compiled: python -m packager.binned.compile")


@dataclass(frozen=True)
class Binned:
    """A fitted model, its ONNX form in double, and the file of its binned form."""

    native: Any
    both: Pair
    view: GraphView
    data: bytes

    @property
    def header(self) -> dict[str, Any]:
        return read_header(self.data)

    def ensemble(self, index: int = 0) -> bytes:
        """Return the bytes of one ensemble."""
        entry = self.header["ensembles"][index]
        return self.data[entry["offset"] : entry["offset"] + entry["size"]]

    def scored_by_it(self) -> Pair:
        """Return the pair with the binned form in the ONNX form's place."""
        model = BinnedModel(self.data, library())
        return replace(self.both, session=replace(self.both.session, inference=model))

    def rows(self, count: int = 400, *, seed: int = 1) -> Rows:
        """Return rows as a native model takes them: ordinary ones, on thresholds and beside, zeros, huge, missing."""
        made = random_rows(self.both, count, seed=seed)
        random = np.random.default_rng(seed)
        for index, column in enumerate(self.both.signature.columns):
            if column.dtype != "float64":
                continue
            pool = np.concatenate([_beside(self._thresholds(index)), _SPECIAL, _NO_CATEGORIES, _BEYOND])
            pool = pool[(np.abs(pool) <= column.max_abs) & (pool >= column.least)]
            if column.accepts_missing:
                pool = np.append(pool, [np.nan] * (1 + len(pool) // 10))
            chosen = random.random(count) < 0.5
            made.numbers[chosen, index] = random.choice(pool, int(chosen.sum()))
        return made

    def _thresholds(self, column: int) -> Doubles:
        trees = self.both.structure.trees
        if trees is None:
            return np.zeros(0)
        members = [trees.categories[index] for index in trees.category_set[trees.feature == column] if index >= 0]
        return np.concatenate([trees.threshold[trees.feature == column], *members])


def _beside(thresholds: Doubles) -> Doubles:
    """Return numbers, and those next to them in double and in float32."""
    near = thresholds.astype(np.float32)
    floats = [near, *(np.nextafter(near, np.float32(toward)) for toward in (-np.inf, np.inf))]
    doubles = [thresholds, *(np.nextafter(thresholds, toward) for toward in (-np.inf, np.inf))]
    return np.unique(np.concatenate([*doubles, *(part.astype(np.float64) for part in floats)]))


def binned(model: Any) -> Binned:
    """Convert a fitted model and pack it."""
    with tempfile.TemporaryDirectory() as folder:
        both = pair(model, Path(folder))
        view = GraphView.load(both.path)
        return Binned(model, both, view, packed_model(view))


def _isolated() -> Any:
    return IsolationForest(n_estimators=20, random_state=3).fit(numbers())


def _with_categories() -> Any:
    rows = with_category(missing=True)
    model = HistGradientBoostingClassifier(max_iter=12, min_samples_leaf=5, categorical_features=[1], random_state=3)
    return model.fit(rows, codes(rows, 3))


def _bagged() -> Any:
    member = DecisionTreeRegressor(max_depth=5)
    return BaggingRegressor(member, n_estimators=9, max_features=0.6, random_state=3).fit(numbers(), values(numbers()))


def _of_classes(model: Any, count: int = 3) -> Callable[[], Any]:
    return lambda: model.fit(numbers(), codes(numbers(), count))


def _of_numbers(model: Any) -> Callable[[], Any]:
    return lambda: model.fit(numbers(), values(numbers()))


def _two_labels() -> Any:
    rows = numbers()
    return _FOREST.fit(rows, np.stack([codes(rows, 2), codes(rows[::-1], 3)], axis=1))


def _embedded() -> Any:
    return make_pipeline(RandomTreesEmbedding(5, max_depth=3, random_state=3), DecisionTreeClassifier(max_depth=4)).fit(
        numbers(), codes(numbers(), 2)
    )


_FOREST = RandomForestClassifier(9, max_depth=5, random_state=3)
_STUMPS = DecisionTreeClassifier(max_depth=3, random_state=3)
_VOTERS = [("forest", _FOREST), ("tree", DecisionTreeClassifier(max_depth=4)), ("linear", GaussianNB())]
_STACKED = [
    ("forest", RandomForestRegressor(9, max_depth=4, random_state=3)),
    ("tree", DecisionTreeRegressor(max_depth=4)),
]

# One ensemble that reads the rows as they come, whose sums the model itself tells.
ALONE = (
    *TREES,
    *BOOSTING,
    *(case for case in LIGHTGBM if "scaled" not in case.name),
    Case("isolation forest", _isolated),
    Case("hist, categories", _with_categories, EXACT),
    Case("bagged trees over some columns", _bagged),
)
# Something before the trees, several of them, or more behind them than a link.
AROUND = (
    *(case for case in PIPELINES if "logistic" not in case.name),
    *(case for case in LIGHTGBM if "scaled" in case.name),
    Case("boosted trees' votes", _of_classes(AdaBoostClassifier(_STUMPS, n_estimators=9, random_state=3)), EXACT),
    Case("boosted trees' median", _of_numbers(AdaBoostRegressor(n_estimators=9, random_state=3))),
    Case("voting", _of_classes(VotingClassifier(_VOTERS, voting="soft")), EXACT),
    Case("calibrated", _of_classes(CalibratedClassifierCV(_FOREST, cv=2)), EXACT),
    Case("one against the rest", _of_classes(OneVsRestClassifier(_FOREST)), EXACT),
    Case("stacked", _of_numbers(StackingRegressor(_STACKED, DecisionTreeRegressor(max_depth=3), cv=2))),
    Case("from a tree", _of_numbers(GradientBoostingRegressor(n_estimators=9, init=_STACKED[1][1], random_state=3))),
    Case("two labels", _two_labels),
    Case("embedded by trees", _embedded),
    Case("linear leaves", _of_numbers(LGBMRegressor(linear_tree=True, **SMALL)), EXACT),
)


@cache
def model_of(name: str) -> Binned:
    """Return the model of a case, fitted once."""
    return binned(next(case for case in (*ALONE, *AROUND) if case.name == name).fit())


def native_raw(model: Any, rows: Doubles) -> tuple[Doubles, Callable[[Doubles, float], Doubles]]:
    """Return what a model says that is nearest to its sums, [rows, numbers], and what makes that of our sums."""
    booster = getattr(model, "booster_", model)
    if isinstance(booster, Booster):
        return _upright(booster.predict(rows, raw_score=True, num_threads=1)), lambda raw, _: raw
    if isinstance(model, IsolationForest):
        longest = len(model.estimators_) * _average_path_length([model._max_samples])[0]
        return _upright(model.score_samples(rows)), lambda raw, _: -(2 ** -(raw / longest))
    if hasattr(model, "_raw_predict"):
        # GradientBoosting's own takes float32 alone.
        told = getattr(
            model, "decision_function", model._raw_predict if hasattr(model, "_predictors") else model.predict
        )
        return _upright(told(rows)), lambda raw, _: raw
    told = model.predict_proba if hasattr(model, "predict_proba") else model.predict
    return _upright(told(rows)), lambda raw, divisor: raw / divisor


def _upright(told: Any) -> Doubles:
    return np.asarray(told).reshape(len(told), -1)
