"""model_info.json: all that score.py and a replay must know of the model, checked against the ONNX file itself.

The plan and the graph's inputs and outputs go in, one document comes out; what does not fit together is refused.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from packager.artifact import (
    Column,
    Output,
    OutputDtype,
    Role,
    Scalar,
    SessionSettings,
    Signature,
    column_from,
    settings_from,
)
from packager.bundle.fast_path import BINNED_FILE, FastPath, fast_path_from
from packager.bundle.manifest import Json
from packager.bundle.samples import json_rows
from packager.errors import BundleError

if TYPE_CHECKING:
    from packager.bundle.graph import Graph
    from packager.bundle.plan import BundlePlan

Form = Literal["arrays", "objects", "table"]

MODEL_FILE = "model.onnx"
# The keys whose rows must be objects or tables: a body of plain rows can't lie under them.
_TAKEN_KEYS = ("dataframe_split", "dataframe_records")
# JSON's numbers end at 1.8e308: a limit near it is none worth telling.
_NEARLY_ALL = 1e308
# What each key of a request takes, beside the recipe's own: rows as arrays, rows as objects by column name, or a table
# of columns and data.
_ALIASES: dict[str, tuple[Form, ...]] = {
    "data": ("arrays", "objects", "table"),
    "input_data": ("arrays", "objects", "table"),
    "inputs": ("arrays", "objects"),
    "instances": ("arrays", "objects"),
    "dataframe_split": ("table",),
    "dataframe_records": ("objects",),
}
_FIELDS = {"label": "prediction", "value": "prediction", "probability": "probability"}
_DTYPES: dict[OutputDtype, str] = {"bool": "bool", "int64": "int64", "float64": "float64", "string": "object"}
_LABEL_DTYPES: dict[type, str] = {bool: "bool", int: "int64", float: "float64", str: "object"}
# What Azure ML's front takes of a request; longer ones never come to a deployment.
_FRONT_BYTES = 10_000_000
# Room for a cell: every digit of a double and white space; a long text.
_CELL_BYTES = (40, 4096)
_NUMBER_DTYPES = ("float64", "float32", "float16")


@dataclass(frozen=True)
class ServedOutput:
    """One output as it is answered: under `field`, as `dtype`, of `shape` beyond the rows."""

    name: str
    role: Role
    field: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelInfo:
    """The served model. Each column's `max_abs` is the largest magnitude that the graph itself takes too.

    `fast_path`: how a binned form serves in the ONNX model's place, None where there is none.
    """

    signature: Signature
    graph_dtype: str
    outputs: tuple[ServedOutput, ...]
    request_key: str
    max_batch: int
    sha256: str
    size: int
    warm_up: list[Json]
    session: SessionSettings
    name: str
    version: str
    log_id: str | None
    fast_path: FastPath | None = None

    @property
    def served_file(self) -> str:
        """Return the name of the file in model/ that serves where it can."""
        return MODEL_FILE if self.fast_path is None else BINNED_FILE

    @property
    def forms(self) -> dict[str, tuple[Form, ...]]:
        """Return what may lie under each key of a request."""
        return {self.request_key: ("arrays", "objects"), **_ALIASES}

    @property
    def max_body_bytes(self) -> int:
        """Return how long a request may be: `max_batch` rows by name fit, and what Azure ML's front lets through."""
        columns = self.signature.columns
        row = sum(len(json.dumps(column.name)) + _CELL_BYTES[column.dtype == "string"] for column in columns)
        return max(_FRONT_BYTES, self.max_batch * row)

    def document(self) -> dict[str, Json]:
        """Return model_info.json."""
        signature = self.signature
        fast: dict[str, Json] = {} if self.fast_path is None else {"fast_path": self.fast_path.document()}
        return {
            **fast,
            "bundle": {"name": self.name, "version": self.version},
            "columns": [{**vars(column), **_cell(column)} for column in signature.columns],
            "forms": {key: list(forms) for key, forms in self.forms.items()},
            "graph_dtype": self.graph_dtype,
            "inputs": list(signature.input_names),
            "layout": signature.layout,
            "log_id": self.log_id,
            "max_batch": self.max_batch,
            "max_body_bytes": self.max_body_bytes,
            "model": {"file": MODEL_FILE, "sha256": self.sha256, "size": self.size},
            "outputs": [{**vars(output), "shape": list(output.shape)} for output in self.outputs],
            "request_key": self.request_key,
            "classes": None if signature.classes is None else list(signature.classes),
            "task": signature.task,
            "session": dict(sorted(vars(self.session).items())),
            "warm_up": self.warm_up,
        }


def _cell(column: Column) -> dict[str, Json]:
    """Return what score.py reads a column's cells by: the JSON types, the least number, and how a person is told."""
    kinds = {"float64": ["number"], "string": ["string"], "any": ["number", "string", "boolean"]}[column.dtype]
    takes: list[Json] = [*kinds, *["boolean"] * column.truth, *["null"] * column.accepts_missing]
    return {"expected": _expected(column, kinds), "least": column.least, "takes": takes}


def _expected(column: Column, kinds: list[str]) -> str:
    limited = column.dtype == "float64" and column.least >= -_NEARLY_ALL
    expected = f"number from {column.least} to {column.max_abs}" if limited else ", ".join(kinds)
    if column.known is not None:
        expected = f"one of the {len(column.known)} {kinds[0]}s that the model knows"
    elif column.dtype == "string":
        expected = "string of Unicode characters"
    return expected + " or true or false" * column.truth + " or null" * column.accepts_missing


def _without_cell(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("expected", "least", "takes")}


def describe(plan: BundlePlan, graph: Graph, *, size: int, sha256: str) -> ModelInfo:
    """Return what score.py must know; BundleError where the signature, the settings and the graph disagree."""
    _check_settings(plan)
    graph_dtype = _check_inputs(plan.signature, graph)
    signature = _bounded(plan.signature, graph_dtype)
    if not len(plan.golden.rows):
        raise BundleError("A bundle needs at least one golden row", hint="give verification rows, or golden: made")
    return ModelInfo(
        signature=signature,
        graph_dtype=graph_dtype,
        outputs=tuple(_served(output, signature, graph) for output in signature.outputs),
        request_key=plan.settings.request_key,
        max_batch=plan.settings.max_batch,
        sha256=sha256,
        size=size,
        warm_up=json_rows(plan.golden.rows.take(slice(0, 1)), signature)[0],
        session=plan.session,
        name=plan.name,
        version=plan.version,
        log_id=plan.settings.log_id,
    )


def read_info(code: Path) -> ModelInfo:
    """Read model_info.json back from a bundle's code folder; BundleError where it is not one."""
    try:
        return _parse(json.loads((code / "model_info.json").read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{code / 'model_info.json'} does not describe a model ({type(error).__name__})"
        raise BundleError(message, hint="build or fetch the bundle anew") from None


def _parse(values: Any) -> ModelInfo:
    """Return the facts of parsed JSON; ValueError, KeyError or TypeError where it isn't what `document` makes."""
    outputs = tuple(ServedOutput(**{**output, "shape": tuple(output["shape"])}) for output in values["outputs"])
    signature = Signature(
        task=values["task"],
        layout=values["layout"],
        columns=tuple(column_from(_without_cell(column)) for column in values["columns"]),
        outputs=tuple(Output(output.name, output.role, output.shape[0] if output.shape else 0) for output in outputs),
        classes=None if values["classes"] is None else tuple(values["classes"]),
    )
    return ModelInfo(
        signature=signature,
        graph_dtype=values["graph_dtype"],
        outputs=outputs,
        request_key=values["request_key"],
        max_batch=values["max_batch"],
        sha256=values["model"]["sha256"],
        size=values["model"]["size"],
        warm_up=values["warm_up"],
        # Bundles of before settings were tuned tell their threads alone.
        session=settings_from(values.get("session", {"threads": values.get("threads", 1)})),
        # Bundles of before the log told of them lack these.
        name=values.get("bundle", {}).get("name", ""),
        version=values.get("bundle", {}).get("version", ""),
        log_id=values.get("log_id"),
        fast_path=fast_path_from(values["fast_path"]) if "fast_path" in values else None,
    )


def _check_settings(plan: BundlePlan) -> None:
    key = plan.settings.request_key
    if key in _TAKEN_KEYS or not key:
        message = f"The request key {key!r} has a form of its own"
        raise BundleError(message, key="bundle.request_key", hint="choose another, such as features")
    if plan.settings.max_batch < 1:
        message = "A request must be allowed at least one row"
        raise BundleError(message, measured=plan.settings.max_batch, limit=1, key="bundle.max_batch")
    names = [column.name for column in plan.signature.columns]
    if broken := next((name for name in names if re.search("[\ud800-\udfff]", name)), None):
        raise BundleError(f"The column name {broken!r} is not Unicode text, so no request can hold it")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        hint = "rows as objects by column name need unique names: train with unique ones"
        raise BundleError(f"The column name {twice!r} is there twice", hint=hint)


def _check_inputs(signature: Signature, graph: Graph) -> str:
    """Return the dtype of the graph's number inputs after checking that it has the signature's inputs and no more."""
    if set(graph.inputs) != set(signature.input_names):
        raise BundleError(
            "The ONNX model's inputs are not the signature's",
            measured=", ".join(sorted(graph.inputs)),
            limit=", ".join(signature.input_names),
        )
    if signature.layout == "tensor" and any(column.dtype == "string" for column in signature.columns):
        raise BundleError("A single input tensor can't hold text columns", hint="use one input for each column")
    texts = {name for name, dtype in graph.inputs.items() if dtype == "object"}
    if signature.layout == "columns":
        columns = zip(signature.input_names, signature.columns, strict=True)
        wanted = {name for name, column in columns if column.dtype == "string"}
    else:
        wanted = set()
    dtypes = {dtype for name, dtype in graph.inputs.items() if name not in texts}
    if texts != wanted or len(dtypes) > 1 or not dtypes <= set(_NUMBER_DTYPES):
        raise BundleError(
            "The ONNX model's inputs don't take the signature's columns",
            measured=", ".join(f"{name}: {dtype}" for name, dtype in sorted(graph.inputs.items())),
            limit="strings for text columns, and one float type for all numbers",
        )
    return dtypes.pop() if dtypes else "float64"


def _bounded(signature: Signature, graph_dtype: str) -> Signature:
    """Return the signature with each column's limit lowered to what the graph's dtype holds: no cell turns infinite."""
    largest = float(np.finfo(graph_dtype).max)
    columns = tuple(_within(column, largest) for column in signature.columns)
    return replace(signature, columns=columns)


def _within(column: Column, largest: float) -> Column:
    return replace(column, max_abs=min(float(column.max_abs), largest))


def _served(output: Output, signature: Signature, graph: Graph) -> ServedOutput:
    if output.name not in graph.outputs:
        measured = ", ".join(sorted(graph.outputs))
        raise BundleError(f"The ONNX model lacks the output {output.name!r}", measured=measured)
    dtype = graph.outputs[output.name]
    if output.role == "label" and signature.classes:
        dtype = _label_dtype(signature.classes)
    elif output.dtype != "number":
        dtype = _DTYPES[output.dtype]
    elif dtype in _NUMBER_DTYPES:
        dtype = "float64"
    shape = (output.width,) if output.width else ()
    return ServedOutput(output.name, output.role, _FIELDS[output.role], dtype, shape)


def _label_dtype(classes: tuple[Scalar, ...]) -> str:
    kinds = {type(label) for label in classes}
    if len(kinds) != 1 or not kinds <= _LABEL_DTYPES.keys():
        measured = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise BundleError("The model's labels are not of one JSON type", measured=measured)
    return _LABEL_DTYPES[kinds.pop()]
