"""Pairwise coupling stops as early as libsvm does, each row for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from packager.convert.arithmetic.coupling import coupled
from packager.convert.builder import Builder

Doubles = npt.NDArray[np.float64]


def one_by_one(pairwise: Doubles, classes: int) -> tuple[Doubles, int]:
    """Couple one row as the paper's algorithm 2 says; return the shares and how many sweeps it took."""
    r = np.zeros((classes, classes))
    r[np.triu_indices(classes, 1)] = pairwise
    r += np.tril(1 - r.T, -1)
    q = -r * r.T + np.diag((r**2).sum(axis=0))
    shares = np.full(classes, 1 / classes)
    for sweep in range(100):
        gradient = q @ shares
        energy = shares @ gradient
        if np.abs(gradient - energy).max() < 0.005 / classes:
            return shares, sweep
        for t in range(classes):
            step = (energy - gradient[t]) / q[t, t]
            shares[t] += step
            energy = (energy + step * (step * q[t, t] + 2 * gradient[t])) / (1 + step) ** 2
            gradient = (gradient + step * q[t]) / (1 + step)
            shares /= 1 + step
    return shares, 100


def in_a_graph(pairwise: Doubles, classes: int) -> Any:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    builder = Builder(np.dtype(np.float64), {})
    name = coupled(builder, "pairwise", classes)
    given = helper.make_tensor_value_info("pairwise", TensorProto.DOUBLE, [None, pairwise.shape[1]])
    answer = helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, classes])
    graph = helper.make_graph(builder.nodes, "coupling", [given], [answer], builder.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"pairwise": pairwise})[0]


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_each_row_takes_its_own_number_of_sweeps(classes: int) -> None:
    random = np.random.default_rng(classes)
    pairs = classes * (classes - 1) // 2
    pairwise = np.concatenate(
        [random.uniform(1e-7, 1 - 1e-7, (40, pairs)), np.full((1, pairs), 0.5), np.full((1, pairs), 1e-7)]
    )
    expected, sweeps = zip(*(one_by_one(row, classes) for row in pairwise), strict=True)
    assert min(sweeps) == 0 < max(sweeps)
    np.testing.assert_allclose(in_a_graph(pairwise, classes), np.array(expected), rtol=0, atol=1e-13)


def test_no_rows_are_no_answers() -> None:
    assert in_a_graph(np.zeros((0, 3)), 3).shape == (0, 3)
