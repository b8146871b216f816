"""The models that faults are planted in: trees of every maker, behind other steps or bare, and models without trees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

Doubles = npt.NDArray[np.float64]
COLUMNS = 30
CATEGORIES = 24
CITIES = np.array(["Aachen", "Bonn", "Celle", "Düren", "Erfurt", "Fulda", "Gera"], dtype=object)


@dataclass(frozen=True)
class Data:
    """`table` holds numbers, `city` text, `code` small whole numbers; `target` a number that depends on them."""

    table: pd.DataFrame
    target: Doubles

    @property
    def numbers(self) -> Doubles:
        return np.asarray(self.table.drop(columns=["city", "code"]).to_numpy(dtype=np.float64))

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """Return three classes."""
        return np.asarray(np.digitize(self.target, np.quantile(self.target, [0.4, 0.75])), dtype=np.int64)


@cache
def data(rows: int = 20_000, seed: int = 0) -> Data:
    """Return made rows; another seed gives rows that no model was fitted on."""
    random = np.random.default_rng(seed)
    numbers = random.normal(size=(rows, COLUMNS)) * np.logspace(-1, 2, COLUMNS) + np.linspace(-5, 5, COLUMNS)
    numbers[:, 5] = np.round(numbers[:, 5] * 4)
    code, city = random.integers(CATEGORIES, size=rows), random.integers(len(CITIES), size=rows)
    scaled = (numbers - np.linspace(-5, 5, COLUMNS)) / np.logspace(-1, 2, COLUMNS)
    target = scaled[:, 0] * scaled[:, 1] + np.sin(scaled[:, 2] * 2) + (code % 5) / 4 + (city % 3) / 3
    table = pd.DataFrame(numbers, columns=[f"x{index}" for index in range(COLUMNS)])
    table["city"], table["code"] = CITIES[city], code
    return Data(table, target + random.normal(size=rows) / 2)


def _with_holes(numbers: Doubles) -> Doubles:
    holes = np.random.default_rng(3).random(numbers.shape) < 0.1
    return np.where(holes, np.nan, numbers)


def _coded(rows: int) -> Doubles:
    """Return ten columns of numbers and the codes, some missing, as the last one."""
    numbers = data().numbers[:rows, :10]
    coded = np.column_stack([numbers, data().table["code"].to_numpy(dtype=np.float64)[:rows]])
    return _with_holes(coded)


def _columns_apart() -> Any:
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["code"]),
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), [f"x{index}" for index in range(10)]),
    )


def _fit(model: Any, features: Any, target: Any) -> Callable[[], Any]:
    return lambda: model.fit(features() if callable(features) else features, target())


def _is_high() -> npt.NDArray[np.int64]:
    return np.asarray(data().target > 0.8, dtype=np.int64)


_QUIET: dict[str, Any] = {"verbose": -1, "random_state": 0, "n_jobs": 2}
MODELS: dict[str, Callable[[], Any]] = {
    "lightgbm 500x31": _fit(LGBMClassifier(n_estimators=500, **_QUIET), lambda: data().numbers, _is_high),
    "lightgbm 3 classes, missing": _fit(
        LGBMClassifier(n_estimators=100, **_QUIET), lambda: _with_holes(data().numbers), lambda: data().classes
    ),
    "lightgbm value, categories, missing": _fit(
        LGBMRegressor(n_estimators=200, categorical_feature=[10], **_QUIET),
        lambda: _coded(20_000),
        lambda: data().target,
    ),
    "forest 200x14": _fit(
        RandomForestClassifier(200, max_depth=14, random_state=0, n_jobs=2), lambda: data().numbers, _is_high
    ),
    "forest, 100 whole trees, text labels": _fit(
        RandomForestClassifier(100, random_state=0, n_jobs=2),
        lambda: data().numbers[:4_000],
        lambda: np.array(["low", "middle", "high"])[data().classes[:4_000]],
    ),
    "extra trees, value, missing": _fit(
        ExtraTreesRegressor(50, max_depth=10, random_state=0),
        lambda: _with_holes(data().numbers[:4_000]),
        lambda: data().target[:4_000],
    ),
    "boosting, 3 classes": _fit(
        GradientBoostingClassifier(n_estimators=60, random_state=0),
        lambda: data().numbers[:4_000, :10],
        lambda: data().classes[:4_000],
    ),
    "hist, categories, missing": _fit(
        HistGradientBoostingClassifier(categorical_features=[10], random_state=0), lambda: _coded(20_000), _is_high
    ),
    "ada": _fit(AdaBoostClassifier(random_state=0), lambda: data().numbers[:4_000, :10], lambda: _is_high()[:4_000]),
    "isolation": _fit(IsolationForest(random_state=0), lambda: data().numbers[:4_000, :10], lambda: None),
    "scaled forest": _fit(
        make_pipeline(StandardScaler(), RandomForestClassifier(100, max_depth=10, random_state=0)),
        lambda: data().numbers[:8_000],
        lambda: _is_high()[:8_000],
    ),
    "columns apart, lightgbm": _fit(
        make_pipeline(_columns_apart(), LGBMClassifier(n_estimators=100, **_QUIET)), lambda: data().table, _is_high
    ),
    "columns apart, forest": _fit(
        make_pipeline(_columns_apart(), RandomForestClassifier(60, max_depth=8, random_state=0)),
        lambda: data().table,
        _is_high,
    ),
    "columns apart, logistic": _fit(
        make_pipeline(_columns_apart(), LogisticRegression(max_iter=500)), lambda: data().table, _is_high
    ),
    "network": _fit(
        make_pipeline(StandardScaler(), MLPClassifier((64, 64), max_iter=15, random_state=0)),
        lambda: data().numbers,
        lambda: data().classes,
    ),
}
