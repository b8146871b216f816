"""What has no exact form is refused by name, in few words, and leaves no file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import KNNImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.convert.faults import brief
from packager.convert.trace import structure_of
from packager.errors import ConvertError
from packager.training.native import NativeModel, signature_of

from .cases import codes, numbers, values

ROWS = numbers()
VALUES, CLASSES = values(ROWS), codes(ROWS, 2)


class Doubler(TransformerMixin, BaseEstimator):
    """A step that only this module knows."""

    def fit(self, rows: Any, target: Any = None) -> Doubler:
        self.n_features_in_ = rows.shape[1]
        return self

    def transform(self, rows: Any) -> Any:
        return rows * 2


def _gap(near: Any) -> Any:
    return 1 / (1 + near)


REFUSED = {
    "boosting from another model": (
        lambda: GradientBoostingClassifier(init=LogisticRegression(), n_estimators=3).fit(ROWS, CLASSES),
        "GradientBoostingClassifier",
        "LogisticRegression",
    ),
    "a step of one's own": (
        lambda: make_pipeline(StandardScaler(), Doubler(), LinearRegression()).fit(ROWS, VALUES),
        "Doubler (doubler)",
        "no converter for tests.convert.test_refusals.Doubler",
    ),
    "a step of one's own, deep inside": (
        lambda: make_pipeline(FeatureUnion([("left", Doubler())]), LinearRegression()).fit(ROWS, VALUES),
        "Doubler (featureunion.left)",
        "no converter",
    ),
    "a function": (
        lambda: make_pipeline(FunctionTransformer(np.sort), LinearRegression()).fit(ROWS, VALUES),
        "FunctionTransformer",
        "sort",
    ),
    "weights that are code": (
        lambda: KNeighborsClassifier(weights=_gap).fit(ROWS, CLASSES),
        "KNeighborsClassifier",
        "code",
    ),
    "not fitted": (lambda: RandomForestRegressor(), "RandomForestRegressor", "not fitted"),
    "not fitted in a pipeline": (lambda: make_pipeline(StandardScaler(), LinearRegression()), "Pipeline", "not fitted"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_refuses_by_name_in_few_words(what: str, dtype: type, tmp_path: Path) -> None:
    fit, name, reason = REFUSED[what]
    path = tmp_path / "model.onnx"
    with pytest.raises(ConvertError) as caught:
        _convert(_quietly(fit), path, dtype)
    message = str(caught.value)
    assert name in message
    assert reason in message
    assert "hint: " in message
    assert len(message) < 2000
    assert "array(" not in message
    assert message.count("\n") <= 3
    assert not path.exists()


def test_a_class_of_ones_own_is_shown_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConvertError) as caught:
        _convert(_quietly(REFUSED["a step of one's own"][0]), tmp_path / "model.onnx", np.float64)
    assert "convert.converters: {tests.convert.test_refusals.Doubler: YOUR.MODULE}" in str(caught.value.hint)


def test_a_model_of_many_numbers_is_refused_without_them(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(400, 30))
    model = make_pipeline(StandardScaler(), KNNImputer(), Doubler(), GaussianProcessRegressor()).fit(rows, rows[:, 0])
    with pytest.raises(ConvertError) as caught:
        _convert(model, tmp_path / "model.onnx", np.float64)
    assert len(str(caught.value)) < 1000
    assert "Doubler" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"Unable to create node 'Add' with {np.zeros((40, 40))!r}",
        f"bad content {np.arange(50.0).tolist()}",
        f"[[{'1 ' * 900}]]",
        "x" * 5_000,
    ],
    ids=["array", "list", "printed array", "long"],
)
def test_another_librarys_error_is_told_without_its_arrays(text: str) -> None:
    told = brief(ValueError(text))
    assert told.startswith("ValueError: ")
    assert len(told) < 250
    assert told.count("0.") + told.count("1 ") < 6


def test_an_error_of_an_emitter_names_the_model_and_no_arrays(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(ROWS, VALUES)
    signature = signature_of(NativeModel(model))
    model[1].coef_ = np.full((7, 7, 7), "x")  # a state that no fit leaves
    with pytest.raises(ConvertError) as caught:
        convert(model, signature, tmp_path / "model.onnx", dtype=np.dtype(np.float64), choices=Choices())
    assert len(str(caught.value)) < 600
    assert "array(" not in str(caught.value)


@pytest.mark.parametrize("what", ["a step of one's own", "weights that are code"])
def test_what_is_refused_can_still_be_described(what: str) -> None:
    model = REFUSED[what][0]()
    structure = structure_of(model, signature_of(NativeModel(model)))
    assert structure.trees is None


def _quietly(fit: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit()


def _convert(model: Any, path: Path, dtype: type) -> None:
    signature = signature_of(NativeModel(model))
    convert(model, signature, path, dtype=np.dtype(dtype), choices=Choices())
