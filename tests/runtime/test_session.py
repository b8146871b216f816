"""A session runs on the provider that was asked for, or says why not; it answers as the native model does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from packager.artifact import Column, Output, Signature
from packager.dataset.rows import Rows
from packager.runtime import session as module
from packager.runtime.graph import operator_counts
from packager.runtime.machine import describe_machine, library_versions
from packager.runtime.session import (
    CPU_PROVIDER,
    ExecutionProvider,
    NoKernel,
    ProviderUnavailable,
    RunFailed,
    open_session,
)

from .graphs import INF, regressor, row_sums, write


@pytest.mark.parametrize(("number", "dtype"), [(TensorProto.DOUBLE, np.float64), (TensorProto.FLOAT, np.float32)])
def test_answers_are_flat_and_computed_in_the_graphs_own_type(number: int, dtype: type, tmp_path: Path) -> None:
    opened = open_session(row_sums(tmp_path / "sums.onnx", number), regressor())
    assert opened.input_dtype == dtype
    answers = opened.answers(Rows(np.array([[1.0, 2.0], [0.1, 0.2]])))
    assert answers["variable"].shape == (2,)
    assert answers["variable"].dtype == dtype
    assert answers["variable"].tolist() == [3.0, dtype(0.1) + dtype(0.2)]


def test_placement_counts_the_nodes_of_each_provider(tmp_path: Path) -> None:
    assert open_session(row_sums(tmp_path / "sums.onnx"), regressor()).placement == {CPU_PROVIDER: 1}


@pytest.mark.parametrize("provider", ["CUDAExecutionProvider", "OpenVINOExecutionProvider", "MisspelledProvider"])
def test_a_provider_that_is_not_here_is_an_error_and_never_the_cpu(provider: str, tmp_path: Path) -> None:
    assert provider not in onnxruntime.get_available_providers()
    with pytest.raises(ProviderUnavailable, match=f"{provider} is not in the installed onnxruntime"):
        open_session(row_sums(tmp_path / "sums.onnx"), regressor(), provider=ExecutionProvider(provider))


def test_an_operator_without_a_kernel_is_named(tmp_path: Path) -> None:
    nodes = [helper.make_node("Erf", ["features"], ["bent"]), helper.make_node("ReduceSum", ["bent"], ["variable"])]
    with pytest.raises(NoKernel, match="Erf") as caught:
        open_session(write(tmp_path / "erf.onnx", nodes), regressor())
    assert "\n" not in str(caught.value)


def test_types_that_do_not_fit_are_told(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["features", "one"], ["variable"])]
    path = write(tmp_path / "mixed.onnx", nodes, one=np.ones(1, dtype=np.float32))
    with pytest.raises(NoKernel, match="Type"):
        open_session(path, regressor())


def test_rows_that_fail_in_the_graph_are_told(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["features", "shape"], ["variable"])]
    path = write(tmp_path / "reshape.onnx", nodes, shape=np.array([7, 1], dtype=np.int64))
    with pytest.raises(RunFailed, match="Reshape"):
        open_session(path, regressor()).answers(Rows(np.zeros((2, 2))))


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 15])
def test_many_rows_run_in_parts_and_come_back_in_order(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROWS_PER_RUN", 7)
    opened = open_session(row_sums(tmp_path / "sums.onnx"), regressor())
    numbers = np.arange(2.0 * count).reshape(count, 2)
    np.testing.assert_array_equal(opened.answers(Rows(numbers))["variable"], numbers.sum(axis=1))


def test_columns_of_text_and_numbers_are_fed_one_by_one(tmp_path: Path) -> None:
    import onnx

    columns = (Column("a", "float64", False, INF), Column("b", "string", False, INF))
    signature = Signature(
        "transformer", "columns", columns, (Output("variable", "value", 1), Output("text", "value", 1))
    )
    graph = helper.make_graph(
        [helper.make_node("Abs", ["column_0"], ["variable"]), helper.make_node("Identity", ["column_1"], ["text"])],
        "two",
        [
            helper.make_tensor_value_info("column_0", TensorProto.DOUBLE, [None, 1]),
            helper.make_tensor_value_info("column_1", TensorProto.STRING, [None, 1]),
        ],
        [
            helper.make_tensor_value_info("variable", TensorProto.DOUBLE, [None, 1]),
            helper.make_tensor_value_info("text", TensorProto.STRING, [None, 1]),
        ],
    )
    path = tmp_path / "two.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), str(path))
    rows = Rows(np.array([[-1.0, np.nan], [2.0, np.nan]]), {1: np.array(["Zürich", "東京"], dtype=object)})
    answers = open_session(path, signature).answers(rows)
    assert answers["variable"].tolist() == [[1.0], [2.0]]
    assert answers["text"].tolist() == [["Zürich"], ["東京"]]


def test_operators_are_counted_by_name(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Neg", ["features"], ["a"]),
        helper.make_node("Neg", ["a"], ["b"]),
        helper.make_node("ReduceSum", ["b"], ["variable"]),
    ]
    assert operator_counts(write(tmp_path / "graph.onnx", nodes)) == {"Neg": 2, "ReduceSum": 1}


def test_the_machine_is_told_in_plain_values() -> None:
    machine = describe_machine()
    assert machine["cores_usable"] >= 1
    assert machine["memory_bytes"] > 2**27
    assert machine["processor"]
    versions = library_versions()
    assert {"packager", "python", "onnx", "onnxruntime", "numpy"} <= versions.keys()
    assert versions["onnxruntime"] == onnxruntime.__version__
