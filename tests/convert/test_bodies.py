"""A graph of others keeps its meaning within ours: bodies that read the graph around, constants, names left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from onnx.parser import parse_model

from packager.artifact import Column, Output, Signature
from packager.convert.builder import Builder
from packager.convert.finish import finish
from packager.convert.stock import insert_step

SIGNATURE = Signature(
    "regressor", "tensor", (Column("a", "float64", False, 1e9),), (Output("variable", "value", 1),), None
)
HEAD = '<ir_version: 10, opset_import: ["": 21]>\n'
BODIES = """
theirs (double[N, 1] x) => (double[N, 1] out) <double[1] offset = {5}> {
    two = Constant <value = double[1] {2}> ()
    three = Constant <value = double[1] {3}> ()
    truth = Constant <value = bool {1}> ()
    twice = Mul (x, two)
    out = If (truth) <
        then_branch = yes () => (double[N, 1] answer) {
            inner = Add (twice, offset)
            answer = If (truth) <
                then_branch = deep () => (double[N, 1] own) { own = Mul (inner, three) },
                else_branch = flat () => (double[N, 1] same) { same = Identity (inner) }
            >
        },
        else_branch = no () => (double[N, 1] other) { other = Identity (x) }
    >
}"""
LEFT_OUT = """
theirs (double[N, 1] x) => (double[N, 1] out) <int64[1] k = {1}, double top = {4}> {
    , places = TopK (x, k)
    shift = Cast <to = 11> (places)
    moved = Add (x, shift)
    out = Clip (moved, , top)
}"""


def answers(text: str, rows: npt.NDArray[np.float64], path: Path) -> npt.NDArray[np.float64]:
    """Return what a graph of others answers behind a product of ours, in a finished file."""
    builder = Builder(np.dtype(np.float64), {})
    for value in (10.0, 11.0, 12.0):
        builder.constant(np.array([value]))
    doubled = builder.node("Mul", "features", builder.constant(np.array([2.0])))
    theirs = parse_model(HEAD + text)
    before = theirs.SerializeToString(deterministic=True)
    name = insert_step(builder, theirs, object(), "transform", doubled)
    assert theirs.SerializeToString(deterministic=True) == before
    features = helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, 1])
    ours = helper.make_graph(
        builder.nodes, "ours", [features], [helper.make_tensor_value_info(str(name), 0, None)], builder.initializers
    )
    model = helper.make_model(ours, opset_imports=[helper.make_opsetid("", 21)])
    onnx.save(finish(model, SIGNATURE, np.dtype(np.float64)), path)
    onnx.checker.check_model(str(path))
    found: npt.NDArray[np.float64] = ort.InferenceSession(path).run(None, {"features": rows})[0]
    return found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [(BODIES, [[27.0], [-9.0]]), (LEFT_OUT, [[2.0], [-4.0]])],
    ids=["bodies", "left out"],
)
def test_a_graph_of_others_means_the_same_within_ours(text: str, wanted: list[list[float]], tmp_path: Path) -> None:
    assert answers(text, np.array([[1.0], [-2.0]]), tmp_path / "model.onnx").tolist() == wanted
