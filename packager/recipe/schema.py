"""The recipe's JSON Schema (draft 2020-12), made from the model, for editors and for `package schema`.

`python -m packager.recipe.schema` prints what recipes/recipe.schema.json holds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TypeAlias, cast

from pydantic import JsonValue

from packager.recipe.model import Recipe

Schema: TypeAlias = dict[str, JsonValue]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# The one rule between sections that a schema can state: quality is measured against a label.
_QUALITY_NEEDS_LABEL: Schema = {
    "if": {
        "required": ["verify"],
        "properties": {
            "verify": {
                "anyOf": [
                    {"required": [key], "properties": {key: {"type": kind}}}
                    for key, kind in (("drift", "object"), ("segment", "string"), ("champion", "object"))
                ]
            }
        },
    },
    "then": {
        "required": ["data"],
        "properties": {"data": {"required": ["label"], "properties": {"label": {"type": "string"}}}},
    },
}


def schema() -> Schema:
    """Return the JSON Schema of a recipe."""
    made = cast(Schema, Recipe.model_json_schema())
    made.pop("title")
    body = {key: without_titles(value) for key, value in made.items()}
    return {"$schema": DIALECT, "title": "packager recipe, version 1", **body, **_QUALITY_NEEDS_LABEL}


def schema_text() -> str:
    """Return the schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def resolved(part: Schema, root: Schema) -> Schema:
    """Return `part` with its reference and its null alternative taken away; what stands beside them is kept."""
    reference = part.get("$ref")
    if isinstance(reference, str):
        definitions = cast(dict[str, Schema], root["$defs"])
        return {**definitions[reference.rpartition("/")[2]], **{k: v for k, v in part.items() if k != "$ref"}}
    choices = alternatives(part)
    if len(choices) == 1:
        return {**resolved(choices[0], root), **{k: v for k, v in part.items() if k != "anyOf"}}
    return part


def alternatives(part: Schema) -> list[Schema]:
    """Return the alternatives of `part` but null; none if it has none."""
    return [choice for choice in cast(list[Schema], part.get("anyOf", [])) if choice.get("type") != "null"]


def subschema(place: Sequence[str | int], root: Schema) -> Schema | None:
    """Return the schema of the value at `place`, or None if no such key exists."""
    part = resolved(root, root)
    for step in place:
        inner: JsonValue = part.get("items")
        if isinstance(step, str):
            properties = cast(Schema, part.get("properties", {}))
            inner = properties.get(step, part.get("additionalProperties"))
        if not isinstance(inner, dict):
            return None
        part = resolved(inner, root)
    return part


def without_titles(value: JsonValue) -> JsonValue:
    """Drop the titles that pydantic makes from names; a property that is called title is a mapping and stays."""
    if isinstance(value, list):
        return [without_titles(item) for item in value]
    if isinstance(value, dict):
        return {
            key: without_titles(item) for key, item in value.items() if not (key == "title" and isinstance(item, str))
        }
    return value


if __name__ == "__main__":
    sys.stdout.write(schema_text())
