"""Rows as JSON, exactly: the cells of requests, and the numbers read back bit for bit."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from packager.artifact import NO_TEXT
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


def _json_column(rows: Rows, index: int, column: Column) -> list[Json]:
    values = rows.strings[index].tolist() if column.dtype == "string" else rows.numbers[:, index].tolist()
    known = None if column.known is None else frozenset(column.known)
    cells: list[Json] = []
    for number, value in enumerate(values):
        missing = value is None or column.dtype == "any" or (column.dtype == "float64" and math.isnan(value))
        if missing and not column.accepts_missing:
            raise _unservable(number, column, "a missing cell", "none are taken")
        beyond = not missing and column.dtype == "float64" and not column.least <= value <= column.max_abs
        if beyond or value in (math.inf, -math.inf):
            raise _unservable(number, column, "a number out of range", f"from {column.least} to {column.max_abs}")
        if isinstance(value, str) and re.search(NO_TEXT, value):
            raise _unservable(number, column, "a text that is no Unicode", "text")
        if not missing and known is not None and value not in known:
            raise _unservable(number, column, "a value that the model refuses", f"{len(known)} known ones")
        cells.append(None if missing else value)
    return cells


def _unservable(number: int, column: Column, measured: str, limit: str) -> BundleError:
    message = f"Golden row {number} can't be served, column {column.name!r}"
    return BundleError(message, measured=measured, limit=limit, hint="golden rows must be ones the model takes")
