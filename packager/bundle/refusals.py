"""Requests that score.py must refuse: each rule of a model's columns broken once, in a row that it else takes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.bundle.manifest import Json
from packager.bundle.samples import json_rows
from packager.dataset.rows import Rows
from packager.errors import BundleError

if TYPE_CHECKING:
    from packager.artifact import Column, Signature
    from packager.bundle.model_info import ModelInfo

# Columns of the same rules are refused by the same line of score.py; a model has a handful of kinds.
_KINDS = 40


@dataclass(frozen=True)
class Refusal:
    """A body, the status that must answer it, and what is wrong with it."""

    what: str
    body: str
    status: int = 400


def refusals(info: ModelInfo, row: list[Json]) -> Iterator[Refusal]:
    """Yield requests that break one rule each; `row` is one that the model takes."""
    yield Refusal("an empty body", "")
    yield Refusal("a body cut short", _body(info, [row])[:-1])
    yield Refusal("rows without their key", json.dumps([row]))
    yield Refusal("a row with a cell too few", _body(info, [row[:-1]]))
    yield Refusal("a row with a cell too many", _body(info, [[*row, None]]))
    yield Refusal("more rows than max_batch", _body(info, [[]] * (info.max_batch + 1)), 413)
    for index, column in enumerate(_kinds(info.signature)):
        if column is not None:
            for what, cell in _wrong_cells(column):
                changed = [*row[:index], None, *row[index + 1 :]]
                yield Refusal(f"{what} in column {index}", _body(info, [changed], (index, cell)))


def uncarried(rows: Rows, info: ModelInfo) -> Iterator[Refusal]:
    """Yield a request for each of the rows that no request can carry: a number out of range, a missing cell."""
    for number in range(len(rows)):
        row = rows.take(slice(number, number + 1))
        try:
            json_rows(row, info.signature)
        except BundleError:
            yield Refusal("a made row that no request can carry", _body(info, [_cells(row, info.signature)]))


def _cells(row: Rows, signature: Signature) -> list[Json]:
    """Return the one row as it is: infinities stay, which JSON has no word for."""
    cells: list[Json] = [None if math.isnan(cell) else cell for cell in row.numbers[0].tolist()]
    for index, texts in row.strings.items():
        cells[index] = texts[0]
    return [None if column.dtype == "any" else cell for cell, column in zip(cells, signature.columns, strict=True)]


def _body(info: ModelInfo, rows: list[list[Json]], put: tuple[int, str] | None = None) -> str:
    """Return a request; `put` sets one cell of the first row to JSON text, as it stands."""
    if put is None:
        return json.dumps({info.request_key: rows})
    cells = [json.dumps(cell) for cell in rows[0]]
    cells[put[0]] = put[1]
    return f"{{{json.dumps(info.request_key)}: [[{', '.join(cells)}]]}}"


def _kinds(signature: Signature) -> list[Column | None]:
    """Return the columns with all but the first of each kind left out."""
    seen: set[tuple[object, ...]] = set()
    first: list[Column | None] = []
    for column in signature.columns:
        bounds = (column.max_abs, column.minimum, column.known is None, column.truth)
        kind = (column.dtype, column.accepts_missing, *bounds)
        first.append(column if kind not in seen and len(seen) < _KINDS else None)
        seen.add(kind)
    return first


def _wrong_cells(column: Column) -> Iterator[tuple[str, str]]:
    """Yield cells that the column does not take, as JSON text."""
    yield "an array", "[]"
    if not column.accepts_missing:
        yield "a missing cell", "null"
    if column.dtype == "string":
        yield "a number for text", "1"
        yield "half a character", '"\\ud800"'
    elif column.dtype == "float64":
        yield "text for a number", '"1"'
        yield "a number beyond a double", "1e999"
        yield "Infinity", "Infinity"
        if column.max_abs < 1e308:  # the next number is one that JSON can still carry
            yield "a number too large", repr(math.nextafter(column.max_abs, math.inf))
        if column.minimum is not None:
            yield "a number too low", repr(math.nextafter(column.minimum, -math.inf))
        if not column.truth:
            yield "true for a number", "true"
    if column.known is not None:
        texts = [value for value in column.known if isinstance(value, str)]
        numbers = [value for value in column.known if not isinstance(value, str)]
        yield "an unknown value", json.dumps(max(texts, key=len) + "?" if texts else max(numbers, default=0) + 1)
