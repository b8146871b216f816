"""Defects of other libraries that we work around, one test each: when one fails, they mended it, and ours can go.

Every test names in its docstring what to drop.
"""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from onnxruntime.capi import onnxruntime_pybind11_state as state
from onnxruntime.quantization import quantize_dynamic
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from packager.errors import ConvertError

from . import lightgbm_cases, sklearn_cases
from .cases import codes, numbers
from .pairs import pair, random_rows


def stock(model: Any, *, double: bool = False, ml_opset: int = 3) -> onnx.ModelProto:
    """Convert with skl2onnx as it comes."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    number = DoubleTensorType if double else FloatTensorType
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        options = {id(model): {"zipmap": False}} if hasattr(model, "predict_proba") else None
        types = [("features", number([None, 5]))]
        opsets = {"": 21, "ai.onnx.ml": ml_opset}
        return convert_sklearn(model, initial_types=types, options=options, target_opset=opsets)


def test_skl2onnx_still_fails_on_hist_gradient_boosting(tmp_path: Path) -> None:
    """protobuf takes no bool for an int, and the refusal prints the whole model: the cut in `convert._reason`."""
    model = HistGradientBoostingClassifier(max_iter=3).fit(numbers(), codes(numbers(), 2))
    with pytest.raises((TypeError, ValueError)) as caught:
        stock(model)
    assert len(str(caught.value)) > 5_000
    with pytest.raises(ConvertError) as refused:
        pair(model, tmp_path, dtype=np.float32, engine="stock")
    assert len(str(refused.value)) < 1_000


def test_skl2onnx_still_names_an_operator_set_twice(tmp_path: Path) -> None:
    """The counting in `finish._opsets`."""
    model = stock(LogisticRegression(max_iter=2000).fit(numbers(), codes(numbers(), 2)))
    assert max(Counter(entry.domain for entry in model.opset_import).values()) > 1
    onnx.save(model, str(tmp_path / "twice.onnx"))
    with pytest.raises((ValueError, RuntimeError), match=r"opset|domain"):
        quantize_dynamic(str(tmp_path / "twice.onnx"), str(tmp_path / "int8.onnx"))


def test_onnxruntime_still_has_no_double_imputer() -> None:
    """The emitter of SimpleImputer, as far as it fills with numbers.

    https://github.com/microsoft/onnxruntime/issues/8373 is about it, and closed.
    """
    node = helper.make_node(
        "Imputer", ["x"], ["y"], domain="ai.onnx.ml", imputed_value_floats=[1.0], replaced_value_float=float("nan")
    )
    values = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in "xy"]
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    body = helper.make_graph([node], "imputer", values[:1], values[1:])
    model = helper.make_model(body, opset_imports=imports, ir_version=10)
    with pytest.raises((state.NotImplemented, state.Fail, state.InvalidGraph)):
        onnxruntime.InferenceSession(model.SerializeToString())


def test_skl2onnx_still_fills_in_float32(tmp_path: Path) -> None:
    """The emitter of SimpleImputer."""
    model = make_pipeline(SimpleImputer(), StandardScaler()).fit(numbers(missing=True))
    with pytest.raises((RuntimeError, state.NotImplemented, state.Fail)):
        onnxruntime.InferenceSession(stock(model, double=True).SerializeToString())


def test_skl2onnx_still_writes_the_old_tree_operator() -> None:
    """Our trees, and raising the import in `finish._opsets`."""
    model = stock(RandomForestClassifier(3).fit(numbers(), codes(numbers(), 2)), ml_opset=5)
    assert [node.op_type for node in model.graph.node] == ["TreeEnsembleClassifier"]
    assert {entry.domain: entry.version for entry in model.opset_import}["ai.onnx.ml"] < 5


def test_skl2onnx_still_misstates_the_type_of_a_double_output() -> None:
    """The cast in `stock.insert_step`, and taking the types away in `lint`."""
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(numbers().round(), codes(numbers(), 2))
    graph = stock(model, double=True)
    assert graph.graph.output[1].type.tensor_type.elem_type == TensorProto.DOUBLE
    for output in graph.graph.output:
        output.ClearField("type")
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    assert session.get_outputs()[1].type == "tensor(float)"


def test_skl2onnx_still_has_no_double_form_of_a_decision() -> None:
    """The emitters of linear classifiers without probabilities."""
    with pytest.raises(NotImplementedError, match="double"):
        stock(LinearSVC().fit(numbers(), codes(numbers(), 2)), double=True)


@pytest.mark.parametrize(
    "name",
    [
        "forest, text labels",
        "scaled forest",
        "tree, missing",
        "lightgbm regression, missing, boosting_type=rf, bagging_freq=1, bagging_fraction=0.7, feature_fraction=0.8",
        "lightgbm regression, reg_sqrt=True",
        "lightgbm regression, missing, zero_as_missing=True",
        "lightgbm 2 classes, sigmoid=2.5",
    ],
)
def test_the_stock_converters_still_answer_differently(name: str, tmp_path: Path) -> None:
    """Nothing: these are why trees are ours. One that fails is a reason less."""
    case = next(case for case in (*sklearn_cases.CASES, *lightgbm_cases.CASES) if case.name == name)
    try:
        converted = pair(case.fit(), tmp_path, dtype=np.float32, engine="stock")
    except ConvertError:
        return
    differs = converted.differences(converted.probes().rows, 1e-4) + converted.differences(
        random_rows(converted, 2_000), 1e-4
    )
    assert differs != []
