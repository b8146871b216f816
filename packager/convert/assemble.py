"""A fitted model in, its graph out: our emitters step by step, skl2onnx for a step that we have none for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from packager.artifact import Output, Signature, Task
from packager.convert.builder import Builder
from packager.convert.emitter import Emitter
from packager.convert.emitters import EMITTERS
from packager.convert.graph import ML_DOMAIN, Graph, Method, Part, Table, UnsupportedModel, numbers, take
from packager.convert.stock import OPSET, convert_whole, graft
from packager.convert.wire import LargeArrays
from packager.training.columns import columns_of_none

if TYPE_CHECKING:
    from onnx import ModelProto

_STRING = 8  # onnx.TensorProto.STRING
_ML_OPSET = 4  # LabelEncoder maps to double from 4 on; `finish` raises it where our trees are in the graph


@dataclass(frozen=True)
class Choices:
    """What the recipe's convert section decides: the main opset, None for ours, and whose converters run.

    `custom`: full names of the classes that the user's own converters convert, whatever we have for them.
    """

    opset: int | None = None
    engine: Literal["own", "stock"] = "own"
    custom: frozenset[str] = frozenset()

    def emitters(self) -> dict[str, Emitter]:
        """Return the emitters of ours that are to be used."""
        return {name: emitter for name, emitter in EMITTERS.items() if name not in self.custom}


@dataclass(frozen=True)
class Assembled:
    """A graph under its own names, and the arrays that go into its file past protobuf."""

    model: ModelProto
    large: LargeArrays


def assemble(model: Any, signature: Signature, dtype: np.dtype[np.floating], *, choices: Choices) -> Assembled:
    """Convert a fitted estimator or pipeline; numbers are computed in `dtype`.

    The graph's outputs are the signature's, in order; `finish` gives it its final form. Raises UnsupportedModel,
    which names the step, where there is no form.
    """
    if choices.engine == "stock":
        return Assembled(convert_whole(model, signature, dtype, opset=choices.opset), LargeArrays())
    from onnx import helper

    builder = Builder(dtype, choices.emitters(), graft)
    number = int(helper.np_dtype_to_tensor_dtype(dtype))
    table = input_table(signature)
    inputs = [
        helper.make_tensor_value_info(part.tensor, _STRING if part.kind == "text" else number, [None, part.width])
        for part in table.parts
    ]
    rows = with_none(builder, table, columns_of_none(model))
    outputs = [
        helper.make_tensor_value_info(_answer(builder, model, output, signature, rows), 0, None)
        for output in signature.outputs
    ]
    body = helper.make_graph(builder.nodes, "model", inputs, outputs, builder.initializers)
    opsets = [helper.make_opsetid("", choices.opset or OPSET), helper.make_opsetid(ML_DOMAIN, _ML_OPSET)]
    opsets.append(helper.make_opsetid("com.microsoft", 1))
    return Assembled(helper.make_model(body, opset_imports=opsets), builder.large)


def input_table(signature: Signature) -> Table:
    """Return the graph's inputs as the table that the model reads."""
    if signature.layout == "tensor":
        return Table((Part("features", "number", len(signature.columns)),))
    kinds: list[Literal["number", "text"]] = [
        "text" if column.dtype == "string" else "number" for column in signature.columns
    ]
    return Table(tuple(Part(name, kind, 1) for name, kind in zip(signature.input_names, kinds, strict=True)))


def with_none(graph: Graph, table: Table, none: frozenset[int]) -> Table:
    """Return the table with the columns marked whose missing cells are None to the model."""
    if not none:
        return table
    singles = [take(graph, table, [index]).parts[0] for index in range(table.width)]
    return Table(tuple(replace(part, holds_none=index in none) for index, part in enumerate(singles)))


def method_of(output: Output, task: Task) -> Method:
    """Return the method of the model that gives an output."""
    if output.name.startswith("variable"):
        return "transform" if task == "transformer" else "predict"
    return "predict_proba" if output.name.startswith("probabilities") else "predict"


def _answer(builder: Builder, model: Any, output: Output, signature: Signature, rows: Table) -> str:
    """Add one output of the signature; the n-th of several like ones is `name_n`."""
    answer = builder.ask(model, method_of(output, signature.task), rows)
    if isinstance(answer, tuple):
        return answer[int(output.name.partition("_")[2])]
    if isinstance(answer, Table) and answer.has_text:
        if len({part.kind for part in answer.parts}) > 1:
            raise UnsupportedModel(f"{type(model).__name__} answers with numbers beside text")
        return builder.node("Concat", *(part.tensor for part in answer.parts), axis=1)
    return numbers(builder, answer)
