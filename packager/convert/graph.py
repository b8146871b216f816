"""The few graph-building words that emitters need, so that they do not depend on who builds the graph.

Rows travel through a graph as one tensor of numbers, [rows, columns], or as a `Table` where some columns are text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, overload

import numpy as np
import numpy.typing as npt

from packager.artifact import MISSING_TEXT as MISSING_TEXT

Array = npt.NDArray[np.generic]
Method = Literal["predict", "predict_proba", "decision_function", "transform", "score_samples"]
ML_DOMAIN = "ai.onnx.ml"


class UnsupportedModel(ValueError):
    """The model uses something that has no exact form here; the message says what."""


@dataclass(frozen=True)
class Part:
    """Some neighbouring columns of a table: a tensor of shape [rows, width] of numbers or of text.

    Missing text is MISSING_TEXT and a missing number NaN. To the model either is None where `holds_none`, else NaN.
    """

    tensor: str
    kind: Literal["number", "text"]
    width: int
    holds_none: bool = False


@dataclass(frozen=True)
class Table:
    """Columns side by side, as a step reads them."""

    parts: tuple[Part, ...]

    @property
    def width(self) -> int:
        return sum(part.width for part in self.parts)

    @property
    def has_text(self) -> bool:
        return any(part.kind == "text" for part in self.parts)

    @property
    def is_plain(self) -> bool:
        """Tell whether one tensor of numbers holds all there is to know of the columns."""
        return not any(part.kind == "text" or part.holds_none for part in self.parts)


Rows = str | Table
# Numbers or labels; a table where a step leaves text; several where the estimator itself answers with a list.
Answer = str | Table | tuple[str, ...]


class Graph(Protocol):
    """A graph under construction. Names of tensors go in and come out."""

    # What the graph computes in: float64 for the baseline, float32 for the form that reduced precisions start from.
    dtype: np.dtype[np.floating]

    def constant(self, value: Array) -> str:
        """Add an initializer and return its name."""

    def node(self, op_type: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Add a node with one output and return the output's name."""

    def several(
        self, op_type: str, *inputs: str, outputs: int, domain: str = "", **attributes: object
    ) -> tuple[str, ...]:
        """Add a node with several outputs and return their names."""

    def ask(self, model: Any, method: Method, rows: Rows, *, name: str = "") -> Answer:
        """Add what `model.method` answers for the rows. `name` is what the asking step calls the model."""


def ask_one(graph: Graph, model: Any, method: Method, rows: Rows, *, name: str = "") -> str:
    """Return the one tensor that the model answers with; UnsupportedModel where it answers with several."""
    answer = graph.ask(model, method, rows, name=name)
    if isinstance(answer, tuple):
        raise UnsupportedModel(f"{type(model).__name__} answers with one array per output")
    return numbers(graph, answer)


def transformed(graph: Graph, step: Any, rows: Rows, *, name: str = "") -> Rows:
    """Return the rows after a transforming step, text among them; None and `passthrough` leave them alone."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return rows
    answer = graph.ask(step, "transform", rows, name=name)
    if isinstance(answer, tuple):
        raise UnsupportedModel(f"{type(step).__name__} answers with one array per output")
    return answer


def numbers(graph: Graph, rows: Rows) -> str:
    """Return the rows as one tensor of numbers; UnsupportedModel where a column is text."""
    if isinstance(rows, str):
        return rows
    if rows.has_text:
        raise UnsupportedModel("it reads a text column as numbers")
    return beside(graph, [part.tensor for part in rows.parts])


@overload
def take(graph: Graph, rows: Table, columns: Sequence[int]) -> Table: ...
@overload
def take(graph: Graph, rows: Rows, columns: Sequence[int]) -> Rows: ...


def take(graph: Graph, rows: Rows, columns: Sequence[int]) -> Rows:
    """Return the columns at the given positions, in the given order."""
    wanted = [int(column) for column in columns]
    if isinstance(rows, str):
        return _pick(graph, rows, wanted)
    places = [(part, index) for part in rows.parts for index in range(part.width)]
    runs: list[tuple[Part, list[int]]] = []
    for part, index in (places[column] for column in wanted):
        if runs and runs[-1][0] is part:
            runs[-1][1].append(index)
        else:
            runs.append((part, [index]))
    parts = []
    for part, indices in runs:
        whole = indices == list(range(part.width))
        tensor = part.tensor if whole else _pick(graph, part.tensor, indices)
        parts.append(replace(part, tensor=tensor, width=len(indices)))
    return Table(tuple(parts))


def beside(graph: Graph, tensors: Sequence[str]) -> str:
    """Return tensors of shape [rows, n] side by side."""
    return tensors[0] if len(tensors) == 1 else graph.node("Concat", *tensors, axis=1)


def side_by_side(graph: Graph, pieces: Sequence[Rows]) -> Rows:
    """Return the columns of all pieces in order: one tensor where all are numbers."""
    if all(isinstance(piece, str) or piece.is_plain for piece in pieces):
        return beside(graph, [numbers(graph, piece) for piece in pieces])
    if any(isinstance(piece, str) for piece in pieces):
        raise UnsupportedModel("it puts text, or None, beside the numbers of a step")
    return Table(tuple(part for piece in pieces if not isinstance(piece, str) for part in piece.parts))


def scalar(graph: Graph, value: float) -> str:
    """Return a constant of the graph's own dtype."""
    return graph.constant(np.array(value, dtype=graph.dtype))


def vector(graph: Graph, values: npt.ArrayLike) -> str:
    """Return an array as a constant of the graph's own dtype, of the shape that it has."""
    return graph.constant(np.ascontiguousarray(np.asarray(values), dtype=graph.dtype))


def integers(graph: Graph, values: npt.ArrayLike) -> str:
    """Return a constant of int64: axes, indices, shapes."""
    return graph.constant(np.asarray(values, dtype=np.int64))


def refusing(graph: Graph, tensor: str, is_fine: str) -> str:
    """Return a tensor of numbers as it is, in a graph that fails to run where any of the truths in `is_fine` is false.

    For rows that the original refuses: an index lies beyond its constant then.
    """
    faults = cast(graph, graph.node("Not", is_fine), np.int64)
    index = graph.node("ReduceMax", faults, keepdims=0)
    return graph.node("Add", tensor, graph.node("Gather", vector(graph, [0.0]), index, axis=0))


def cast(graph: Graph, name: str, dtype: npt.DTypeLike) -> str:
    """Return `name` cast to a numpy dtype."""
    from onnx.helper import np_dtype_to_tensor_dtype

    return graph.node("Cast", name, to=int(np_dtype_to_tensor_dtype(np.dtype(dtype))))


def through(graph: Graph, name: str, dtype: npt.DTypeLike) -> str:
    """Return `name` rounded to a dtype and back: what a step that computes in float32 sees of a double."""
    if np.dtype(dtype) == graph.dtype or np.dtype(dtype) == np.float64:
        return name
    return cast(graph, cast(graph, name, dtype), graph.dtype)


def _pick(graph: Graph, tensor: str, columns: list[int]) -> str:
    return graph.node("Gather", tensor, integers(graph, columns), axis=1)
