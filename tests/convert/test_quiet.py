"""ONNX Runtime has nothing to say, at its ordinary level of warnings, when a converted graph is loaded and run.

A warning per request fills the logs of a service; it comes of an output that is declared in another shape than it has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.convert.trace import structure_of
from packager.training.native import NativeModel, signature_of
from packager.verify.probes import make_probes
from tests.coverage.cases import BY_NAME

_WARNINGS = 2
# Of each family, and of each kind of answer: labels, probabilities, numbers, several outputs, columns, text.
SAMPLE = (
    "LogisticRegression", "LinearRegression", "MultiTaskLasso", "RidgeClassifier", "SVC", "LinearSVR",
    "RandomForestClassifier", "ExtraTreesRegressor", "HistGradientBoostingClassifier", "IsolationForest",
    "forest, one class", "LightGBM binary, missing", "LightGBM multiclassova", "LightGBM regression",
    "KNeighborsClassifier", "KNeighborsRegressor", "GaussianNB", "GaussianMixture", "GaussianProcessRegressor",
    "MLPClassifier", "MLPRegressor", "KMeans", "Birch", "PCA", "SparsePCA", "KernelPCA", "PLSRegression",
    "StandardScaler", "OneHotEncoder", "OrdinalEncoder", "LabelEncoder", "LabelBinarizer", "SimpleImputer",
    "TfidfVectorizer", "MultiOutputClassifier", "ClassifierChain", "VotingClassifier", "StackingRegressor",
    "CalibratedClassifierCV", "QuadraticDiscriminantAnalysis", "Pipeline", "ColumnTransformer",
)  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.filterwarnings("ignore")
def test_loading_and_running_print_nothing(
    name: str, dtype: type[np.floating], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = BY_NAME[name].make().model
    native = NativeModel(model)
    signature = signature_of(native)
    path = tmp_path / "model.onnx"
    convert(model, signature, path, dtype=np.dtype(dtype), choices=Choices())
    rows = make_probes(structure_of(model, signature), signature).rows
    _, taken = native.tolerant_answers(rows.take(slice(0, 8)))
    answered = rows.take(np.flatnonzero(taken))
    assert len(answered)
    capfd.readouterr()
    session = _session(path)
    for count in (1, len(answered)):
        session.run(None, answered.take(slice(0, count)).feeds(signature, np.dtype(dtype)))
    assert capfd.readouterr().err == ""


def test_a_shape_that_is_not_so_would_be_heard(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from onnx import TensorProto, helper, save

    values = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in "xy"]
    flat = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    graph = helper.make_graph([flat], "flat", values[:1], values[1:], [axes])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), str(tmp_path / "m.onnx"))
    capfd.readouterr()
    _session(tmp_path / "m.onnx").run(None, {"x": np.zeros((2, 1))})
    assert "shape" in capfd.readouterr().err


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _WARNINGS
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
