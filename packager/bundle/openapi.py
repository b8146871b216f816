"""openapi.json: exactly the requests that score.py takes and the answers it gives, in OpenAPI 3.1.

Made from the same facts as score.py; every form, limit, label and status is said here once.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from packager.artifact import MISSING_TEXT
from packager.bundle.manifest import Json
from packager.bundle.operations import Examples, Schema, paths

if TYPE_CHECKING:
    from packager.artifact import Column
    from packager.bundle.model_info import Form, ModelInfo

_JSON_TYPES = {"float64": "number", "int64": "integer", "bool": "boolean", "object": "string"}
_ARRAYS, _OBJECTS, _TABLE = "#/components/schemas/Rows", "#/components/schemas/Records", "#/components/schemas/Table"
_CODES: list[Json] = [
    "body_too_large",
    "content_encoding",
    "content_type",
    "duplicate_key",
    "incomplete_body",
    "internal",
    "malformed_json",
    "method_not_allowed",
    "schema_mismatch",
    "refused_by_model",
    "too_many_rows",
    "unrepresentable_output",
    "wrong_key",
]


def describe_api(info: ModelInfo, *, title: str, version: str, examples: Examples) -> Schema:
    """Return the OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "description": "Scores rows with one model."},
        "paths": paths(examples, info.fast_path),
        "components": {
            "schemas": {**_request_schemas(info), "Response": _response(info), "Error": _error()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "Asked for in the cloud."}},
        },
    }


def _request_schemas(info: ModelInfo) -> Schema:
    columns = info.signature.columns
    names: list[Json] = [column.name for column in columns]
    cells: list[Json] = [_cell(column) for column in columns]
    width = len(columns)
    rows: Schema = {"type": "array", "maxItems": info.max_batch}
    return {
        "Request": {"oneOf": [_keyed(key, forms) for key, forms in info.forms.items()]},
        "Rows": {
            **rows,
            "description": "Rows in any of the two forms; no rows get an empty answer.",
            "items": {"anyOf": [{"$ref": "#/components/schemas/RowArray"}, {"$ref": "#/components/schemas/RowObject"}]},
        },
        "Records": {**rows, "items": {"$ref": "#/components/schemas/RowObject"}},
        "RowArray": {
            "type": "array",
            "description": "One cell for each column, in this order.",
            "prefixItems": cells,
            "items": False,
            "minItems": width,
            "maxItems": width,
        },
        "RowObject": {
            "type": "object",
            "description": "One cell for each column, by name.",
            "properties": {column.name: cell for column, cell in zip(columns, cells, strict=True)},
            "required": [column.name for column in columns if column.dtype != "any"],
            "additionalProperties": False,
        },
        "Table": _table(names, cells, rows),
    }


def _table(names: list[Json], cells: list[Json], rows: Schema) -> Schema:
    """Return the form of columns and data. A schema can't tie a cell to its column's name, only to its place.

    Columns that all take the same cells are described in any order, others in the model's own; score.py takes any.
    """
    width = len(names)
    sized: Schema = {"type": "array", "minItems": width, "maxItems": width}
    kinds = [{key: value for key, value in cell.items() if key != "title"} for cell in cells if isinstance(cell, dict)]
    if all(kind == kinds[0] for kind in kinds):
        told = "Column names in any order, and rows of cells in that order."
        columns: Schema = {**sized, "items": {"enum": names}, "uniqueItems": True}
        row: Schema = {**sized, "items": kinds[0]}
    else:
        told = "Column names, and rows of cells in their order. Another order of the columns is taken too."
        columns = {**sized, "prefixItems": [{"const": name} for name in names], "items": False}
        row = {"$ref": "#/components/schemas/RowArray"}
    return {
        "type": "object",
        "description": f"{told} The index is not used.",
        "properties": {
            "columns": columns,
            "data": {**rows, "items": row},
            "index": {"type": "array", "description": "As long as data."},
        },
        "required": ["columns", "data"],
        "additionalProperties": False,
    }


def _keyed(key: str, forms: tuple[Form, ...]) -> Schema:
    rows = [_ARRAYS] if "arrays" in forms else [_OBJECTS] if "objects" in forms else []
    references: list[Json] = [{"$ref": form} for form in [*rows, *([_TABLE] if "table" in forms else [])]]
    taken: Json = references[0] if len(references) == 1 else {"oneOf": references}
    return {"type": "object", "properties": {key: taken}, "required": [key], "additionalProperties": False}


def _cell(column: Column) -> Schema:
    if column.dtype == "any":
        return {"title": column.name, "type": ["number", "string", "boolean", "null"]}
    kinds: list[Json] = ["string" if column.dtype == "string" else "number"]
    kinds += ["boolean"] * column.truth + ["null"] * column.accepts_missing
    cell: Schema = {"title": column.name, "type": kinds if len(kinds) > 1 else kinds[0]}
    if column.known is not None:
        missing: list[Json] = [None] if column.accepts_missing else []
        truths: list[Json] = [False, True] if column.truth else []
        cell["enum"] = [*column.known, *truths, *missing]
    elif column.dtype == "string":
        cell["not"] = {"pattern": MISSING_TEXT}  # what stands between texts, and for a missing one
    else:
        cell |= _bounds(column.least, column.max_abs)
    return cell


def _bounds(least: float, most: float) -> Schema:
    """Return the limits of a number; what no double holds needs none."""
    bounds: Schema = {}
    if least > -sys.float_info.max:
        bounds["minimum"] = -furthest(-least)
    if most < sys.float_info.max:
        bounds["maximum"] = furthest(most)
    return bounds


def furthest(limit: float) -> int | float:
    """Return the largest number that a parser of doubles reads as no more than `limit`.

    From 2**53 on neighbours in double precision lie more than 1 apart, and integers between them are rounded.
    """
    if abs(limit) < 2**53:
        return limit
    halfway = (int(limit) + int(math.nextafter(limit, math.inf))) // 2
    return halfway if float(halfway) == limit else halfway - 1


def _response(info: ModelInfo) -> Schema:
    fields: dict[str, list[Json]] = {}
    for output in info.outputs:
        classes = info.signature.classes if output.role == "label" else None
        value: Schema = {"enum": list(classes)} if classes else {"type": _JSON_TYPES[output.dtype]}
        if info.signature.task == "transformer" and output.dtype == "float64":
            value = {"type": ["number", "null"]}  # a missing cell that the model passes on
        for width in output.shape:
            value = {"type": "array", "items": value, "minItems": width, "maxItems": width}
        fields.setdefault(output.field, []).append({"type": "array", "items": value})
    properties: Schema = {field: _lists(lists) for field, lists in fields.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "description": "One entry for each row, in the order of the request.",
    }


def _lists(lists: list[Json]) -> Json:
    if len(lists) == 1:
        return lists[0]
    count = len(lists)
    return {"type": "array", "prefixItems": lists, "items": False, "minItems": count, "maxItems": count}


def _error() -> Schema:
    text: Schema = {"type": "string"}
    where: Schema = {"row": {"type": "integer", "minimum": 0}, "column": text, "expected": text, "found": text}
    error: Schema = {
        "type": "object",
        "properties": {"code": {"enum": _CODES}, "message": text, **where},
        "required": ["code", "message"],
        "additionalProperties": False,
    }
    return {"type": "object", "properties": {"error": error}, "required": ["error"], "additionalProperties": False}
