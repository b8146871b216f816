"""What one method of a fitted estimator answers in its ONNX form, decision functions and scores among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.builder import Builder
from packager.convert.emitters import EMITTERS
from packager.convert.graph import Method, Part, Table, numbers
from packager.convert.scales import keep_scales

METHODS: tuple[Method, ...] = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
# Relative to 1 + the size of the score.
TOLERANCE = 1e-11
Answers = dict[str, Any]


def asked(
    model: Any, columns: int, *, dtype: Any = np.float64, methods: Sequence[Method] = METHODS
) -> Callable[[npt.NDArray[Any]], Answers]:
    """Return a function from rows of numbers to the answers of those methods that the estimator has."""
    import onnx
    import onnxruntime
    from onnx import helper

    builder = Builder(np.dtype(dtype), EMITTERS)
    rows = Table((Part("features", "number", columns),))
    found = {method: builder.ask(model, method, rows) for method in methods if hasattr(model, method)}
    each = {
        method: answer if isinstance(answer, tuple) else (numbers(builder, answer),) for method, answer in found.items()
    }
    names = list(dict.fromkeys(str(name) for answer in each.values() for name in answer))
    number = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    features = helper.make_tensor_value_info("features", number, [None, columns])
    outputs = [onnx.ValueInfoProto(name=name) for name in names]
    graph = helper.make_graph(builder.nodes, "asked", [features], outputs, builder.initializers)
    keep_scales(graph)
    for part in (*graph.node, *graph.initializer):
        part.MergeFromString(b"".join(builder.large.pieces.get(part.name, [])))
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def answer(cells: npt.NDArray[Any]) -> Answers:
        values = dict(zip(names, session.run(names, {"features": cells.astype(dtype)}), strict=True))
        parts = {method: [values[str(name)] for name in answer] for method, answer in each.items()}
        return {method: several if len(several) > 1 else several[0] for method, several in parts.items()}

    return answer


def unlike(
    model: Any, numbers: npt.NDArray[Any], *, tolerance: float = TOLERANCE, methods: Sequence[Method] = METHODS
) -> list[str]:
    """Return in words what the ONNX form answers otherwise than the estimator."""
    found = asked(model, numbers.shape[1], methods=methods)(numbers)
    told = []
    for method, answer in found.items():
        native = getattr(model, method)(numbers)
        pairs = zip(native, answer, strict=True) if isinstance(answer, list) else [(native, answer)]
        for expected, got in pairs:
            expected = expected.toarray() if hasattr(expected, "toarray") else np.asarray(expected)
            if bad := _differing(expected, np.asarray(got), tolerance):
                told.append(f"{method}: {bad} of {len(numbers)} rows")
    return told


def _differing(expected: npt.NDArray[Any], got: npt.NDArray[Any], tolerance: float) -> int:
    expected, got = expected.reshape(len(expected), -1), got.reshape(len(got), -1)
    assert expected.shape == got.shape, f"{got.shape} in place of {expected.shape}"
    if expected.dtype.kind in "fc":
        same = np.isclose(got, expected, rtol=tolerance, atol=tolerance, equal_nan=True)
    else:
        same = expected == got
    return int((~same).any(axis=1).sum())
