"""What has no exact form is refused by name, in few words, and leaves no file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import LabelPropagation

from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.convert.trace import structure_of
from packager.errors import ConvertError
from packager.training.native import NativeModel, signature_of

from .cases import codes, numbers, values, with_category
from .lightgbm_cases import SMALL

ROWS = numbers()
VALUES, CLASSES = values(ROWS), codes(ROWS, 2)


class Doubler(TransformerMixin, BaseEstimator):
    """A step that only this module knows."""

    def fit(self, rows: Any, target: Any = None) -> Doubler:
        self.n_features_in_ = rows.shape[1]
        return self

    def transform(self, rows: Any) -> Any:
        return rows * 2


def _custom_objective() -> Any:
    def objective(truth: Any, found: Any) -> Any:
        return found - truth, np.ones_like(truth)

    return LGBMClassifier(objective=objective, **SMALL).fit(ROWS, CLASSES)


def _quietly(model: Any, rows: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return model.fit(rows, VALUES)


REFUSED = {
    "linear trees": (
        lambda: LGBMRegressor(linear_tree=True, **SMALL).fit(ROWS, VALUES),
        "LGBMRegressor",
        "linear trees",
    ),
    "custom objective": (_custom_objective, "LGBMClassifier", "objective"),
    "categories of HistGradientBoosting": (
        lambda: HistGradientBoostingRegressor(categorical_features=[1], max_iter=5).fit(with_category(), VALUES),
        "HistGradientBoostingRegressor",
        "categorical",
    ),
    "boosting from another model": (
        lambda: GradientBoostingClassifier(init=LogisticRegression(), n_estimators=3).fit(ROWS, CLASSES),
        "GradientBoostingClassifier",
        "LogisticRegression",
    ),
    "several labels a row": (
        lambda: RandomForestClassifier(3).fit(ROWS, np.stack([CLASSES, 1 - CLASSES], 1)),
        "RandomForestClassifier",
        "several",
    ),
    "several outputs": (
        lambda: MultiOutputClassifier(RidgeClassifier()).fit(ROWS, np.stack([CLASSES, 1 - CLASSES], 1)),
        "MultiOutputClassifier",
        "several",
    ),
    "a step of one's own": (
        lambda: make_pipeline(StandardScaler(), Doubler(), LinearRegression()).fit(ROWS, VALUES),
        "Doubler",
        "no converter",
    ),
    "a function": (
        lambda: make_pipeline(FunctionTransformer(np.abs), LinearRegression()).fit(ROWS, VALUES),
        "FunctionTransformer",
        "",
    ),
    "an indicator": (
        lambda: make_pipeline(SimpleImputer(add_indicator=True), LinearRegression()).fit(numbers(missing=True), VALUES),
        "SimpleImputer",
        "add_indicator",
    ),
    "an empty column": (
        lambda: _quietly(
            make_pipeline(SimpleImputer(keep_empty_features=False), LinearRegression()),
            np.column_stack([ROWS, np.full(len(ROWS), np.nan)]),
        ),
        "SimpleImputer",
        "without values",
    ),
    "no converter": (lambda: LabelPropagation().fit(ROWS, CLASSES), "LabelPropagation", "no converter"),
    "not fitted": (lambda: RandomForestRegressor(), "RandomForestRegressor", "not fitted"),
    "not fitted in a pipeline": (lambda: make_pipeline(StandardScaler(), LinearRegression()), "Pipeline", "not fitted"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_refuses_by_name_in_few_words(what: str, dtype: type, tmp_path: Path) -> None:
    fit, name, reason = REFUSED[what]
    path = tmp_path / "model.onnx"
    with pytest.raises(ConvertError) as caught:
        _convert(fit(), path, dtype)
    message = str(caught.value)
    assert name in message
    assert reason in message
    assert len(message) < 2000
    assert "array(" not in message
    assert message.count("\n") <= 3
    assert not path.exists()


def test_a_model_of_many_numbers_is_refused_without_them(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(400, 30))
    model = make_pipeline(StandardScaler(), KNNImputer(), Doubler(), GaussianProcessRegressor()).fit(rows, rows[:, 0])
    with pytest.raises(ConvertError) as caught:
        _convert(model, tmp_path / "model.onnx", np.float64)
    assert len(str(caught.value)) < 2000
    assert "KNNImputer" in str(caught.value)


@pytest.mark.parametrize("what", ["linear trees", "categories of HistGradientBoosting"])
def test_what_is_refused_can_still_be_described(what: str) -> None:
    model = REFUSED[what][0]()
    structure = structure_of(model, signature_of(NativeModel(model)))
    assert structure.trees is None
    assert structure.gap is not None


def _convert(model: Any, path: Path, dtype: type) -> None:
    signature = signature_of(NativeModel(model))
    convert(model, signature, path, dtype=np.dtype(dtype), choices=Choices())
