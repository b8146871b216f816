"""Squared lengths to the last bit, and the error function near it, against the libraries that they stand for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
import scipy.special
from onnx import TensorProto, helper
from threadpoolctl import threadpool_info

from packager.convert.arithmetic import norms
from packager.convert.arithmetic.error_function import erf
from packager.convert.builder import Builder
from packager.convert.graph import Graph

Doubles = npt.NDArray[np.float64]
HAS_AVX512 = any(library.get("architecture") == "SkylakeX" for library in threadpool_info())


def _answer(emit: Callable[[Graph, str], str], rows: Doubles) -> Doubles:
    builder = Builder(np.dtype(np.float64), {})
    output = emit(builder, "rows")
    value = helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, rows.shape[1]])
    found = helper.make_tensor_value_info(output, TensorProto.DOUBLE, [None, None])
    graph = helper.make_graph(builder.nodes, "one", [value], [found], builder.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    answer: Doubles = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"rows": rows})[0]
    return answer


def _far(width: int) -> Doubles:
    return np.random.default_rng(width).normal(size=(40, width)) + 1e4


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 23, 40, 100])
def test_sums_of_einsum(width: int) -> None:
    rows = _far(width)
    found = _answer(lambda graph, name: norms.by_einsum(graph, name, width), rows)
    np.testing.assert_array_equal(found[:, 0], np.einsum("ij,ij->i", rows, rows))


@pytest.mark.skipif(not HAS_AVX512, reason="OpenBLAS adds in another order without AVX512")
@pytest.mark.parametrize("width", [1, 2, 5, 15, 16, 17, 31, 32, 33, 50, 64, 100])
def test_sums_of_ddot(width: int) -> None:
    from scipy.linalg.blas import ddot

    rows = _far(width)
    found = _answer(lambda graph, name: norms.by_dot(graph, name, width), rows)
    np.testing.assert_array_equal(found[:, 0], [ddot(row, row) for row in rows])


def test_error_function() -> None:
    numbers = np.concatenate([np.linspace(-8, 8, 4001), [0.0, 1e-300, -1e-9, 1e300, -np.inf, np.inf]])[:, None]
    np.testing.assert_allclose(_answer(erf, numbers), scipy.special.erf(numbers), rtol=6e-15, atol=0)
