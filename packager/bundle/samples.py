"""Rows as JSON, exactly: the golden set, the sample request, and the numbers read back bit for bit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from packager.bundle.manifest import Json
from packager.dataset.rows import Rows
from packager.errors import BundleError

if TYPE_CHECKING:
    from packager.artifact import Column, Signature
    from packager.bundle.model_info import ModelInfo
    from packager.bundle.plan import BundlePlan

# Enough to show a batch, small enough to read.
SAMPLE_ROWS = 2


def json_rows(rows: Rows, signature: Signature) -> list[list[Json]]:
    """Return rows as JSON cells in column order; BundleError for a cell that the scoring script would refuse."""
    cells = [_json_column(rows, index, column) for index, column in enumerate(signature.columns)]
    return [list(row) for row in zip(*cells, strict=True)]


def rows_of(cells: list[list[Json]], signature: Signature) -> Rows:
    """Return JSON cells as rows again: what `json_rows` wrote."""
    numbers = np.full((len(cells), len(signature.columns)), np.nan)
    strings = {}
    for index, column in enumerate(signature.columns):
        values = [row[index] for row in cells]
        if column.dtype == "string":
            strings[index] = np.array([*values, None], dtype=object)[:-1]
        else:
            numbers[:, index] = np.array(values, dtype=np.float64)
    return Rows(numbers, strings)


def sample_request(plan: BundlePlan, info: ModelInfo) -> dict[str, Json]:
    """Return a small request: the first golden rows."""
    rows = plan.golden.rows.take(slice(0, min(SAMPLE_ROWS, info.max_batch)))
    return {info.request_key: list(json_rows(rows, info.signature))}


def golden_document(plan: BundlePlan, info: ModelInfo) -> dict[str, Json]:
    """Return golden.json: requests that are ready to send, the native answers, the limits that they must keep."""
    cells = json_rows(plan.golden.rows, info.signature)
    starts = range(0, len(cells), info.max_batch)
    tolerance = plan.tolerance
    return {
        "requests": [{info.request_key: list(cells[start : start + info.max_batch])} for start in starts],
        "outputs": {
            output.name: _json_output(output.name, plan.golden.outputs.get(output.name), len(cells))
            for output in info.signature.outputs
        },
        "tolerance": {"atol": tolerance.atol, "rtol": tolerance.rtol, "label_mismatch": tolerance.label_mismatch},
    }


def _json_column(rows: Rows, index: int, column: Column) -> list[Json]:
    values = rows.strings[index].tolist() if column.dtype == "string" else rows.numbers[:, index].tolist()
    cells: list[Json] = []
    for number, value in enumerate(values):
        missing = value is None or column.dtype == "any" or (column.dtype == "float64" and math.isnan(value))
        if missing and not column.accepts_missing:
            raise _unservable(number, column, "a missing cell", "none are taken")
        beyond = not missing and column.dtype == "float64" and not column.least <= value <= column.max_abs
        if beyond or value in (math.inf, -math.inf):
            raise _unservable(number, column, "a number out of range", f"from {column.least} to {column.max_abs}")
        if not missing and column.known is not None and value not in column.known:
            raise _unservable(number, column, "a value that the model refuses", f"{len(column.known)} known ones")
        cells.append(None if missing else value)
    return cells


def _unservable(number: int, column: Column, measured: str, limit: str) -> BundleError:
    message = f"Golden row {number} can't be served, column {column.name!r}"
    return BundleError(message, measured=measured, limit=limit, hint="golden rows must be ones the model takes")


def _json_output(name: str, values: npt.NDArray[np.generic] | None, rows: int) -> Json:
    if values is None or len(values) != rows:
        measured = "none" if values is None else f"{len(values)} answers"
        message = f"The golden rows lack native answers for {name!r}"
        raise BundleError(message, measured=measured, limit=f"{rows} answers")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BundleError(f"A native answer for {name!r} is not finite, and JSON can't carry it")
    listed: Json = values.tolist()
    return listed
