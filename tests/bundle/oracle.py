"""Which requests are valid, written from what bundles promise over HTTP and not from score.py: a second opinion."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any

from packager.artifact import NO_TEXT, Column

# Per key: whether rows may be arrays, whether they may be objects, whether a table of columns and data may stand there.
FORMS = {
    "data": (True, True, True),
    "input_data": (True, True, True),
    "inputs": (True, True, False),
    "instances": (True, True, False),
    "dataframe_split": (False, False, True),
    "dataframe_records": (False, True, False),
}


class Invalid(Exception):
    """A request that must not be scored."""


class TooMany(Exception):
    """A request with more rows than one may hold."""


def expected_status(body: bytes, columns: Sequence[Column], *, request_key: str, max_batch: int) -> tuple[int, int]:
    """Return the status that a POST of `body` as JSON must get, and its rows where it is 200."""
    try:
        rows = _rows(_parsed(body), columns, {request_key: (True, True, False), **FORMS}, max_batch)
    except Invalid:
        return 400, 0
    except TooMany:
        return 413, 0
    return 200, rows


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_unique, parse_int=float, parse_float=float, parse_constant=_refuse
        )
    except (ValueError, RecursionError):
        raise Invalid from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise Invalid
    return dict(pairs)


def _refuse(_: str) -> None:
    raise Invalid


def _rows(document: Any, columns: Sequence[Column], keys: dict[str, tuple[bool, bool, bool]], most: int) -> int:
    if type(document) is not dict or len(document) != 1:
        raise Invalid
    ((key, rows),) = document.items()
    if key not in keys:
        raise Invalid
    arrays, objects, table = keys[key]
    names = [column.name for column in columns]
    if table and type(rows) is dict:
        names, rows = _table(rows, names)
        arrays, objects = True, False
    elif not (arrays or objects) or type(rows) is not list:
        raise Invalid
    if len(rows) > most:
        raise TooMany
    by_name = {column.name: column for column in columns}
    for row in rows:
        if type(row) is list and arrays and len(row) == len(names):
            cells = dict(zip(names, row, strict=True))
        elif type(row) is dict and objects:
            # A column that no step reads may be left out.
            cells = {**{column.name: None for column in columns if column.dtype == "any"}, **row}
        else:
            raise Invalid
        if cells.keys() != by_name.keys() or not all(_takes(by_name[name], cells[name]) for name in cells):
            raise Invalid
    return len(rows)


def _table(table: dict[str, Any], names: list[str]) -> tuple[list[str], Any]:
    if not {"columns", "data"} <= table.keys() <= {"columns", "data", "index"}:
        raise Invalid
    columns, rows, index = table["columns"], table["data"], table.get("index", table["data"])
    if not type(columns) is type(rows) is type(index) is list or len(index) != len(rows):
        raise Invalid
    if not all(type(name) is str for name in columns) or sorted(columns) != sorted(names):
        raise Invalid
    return columns, rows


def _takes(column: Column, cell: Any) -> bool:
    if cell is None:
        return column.accepts_missing
    if column.dtype == "any":
        return type(cell) in (float, str, bool)
    if type(cell) is bool:
        return column.truth and (column.known is None or cell in column.known)
    if type(cell) is not (str if column.dtype == "string" else float):
        return False
    if column.known is not None:
        return cell in column.known
    if column.dtype == "string":
        return not re.search(NO_TEXT, cell)
    return math.isfinite(cell) and column.least <= cell <= column.max_abs
