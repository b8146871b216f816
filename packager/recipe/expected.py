"""What a key takes and what was found there, in words read off the JSON Schema: for problems and the reference."""

from __future__ import annotations

import re
from typing import cast

from pydantic import JsonValue

from packager.recipe.schema import Schema, alternatives, resolved

# Text is shown only if it is short and plain: a URI may carry a password, other text a person's data.
_HARMLESS = re.compile(r"[\w .,+${}()'-]{0,40}")


def expected(part: Schema, root: Schema) -> str:
    """Return what the schema `part` takes, as words that follow "expected"."""
    part = resolved(part, root)
    if isinstance(message := part.get("errorMessage"), str):
        return message.removeprefix("expected ")
    if choices := alternatives(part):
        return " or ".join(expected(choice, root) for choice in choices)
    if isinstance(names := part.get("enum", [part["const"]] if "const" in part else None), list):
        return one_of([str(name) for name in names])
    match part.get("type"):
        case "integer":
            return "a whole number" + _range(part)
        case "number":
            return "a number" + _range(part)
        case "string":
            return "text"
        case "array":
            least = " with at least one entry" if part.get("minItems") else ""
            return f"a list{least}, each {expected(cast(Schema, part['items']), root)}"
        case _:
            keys = list(cast(Schema, part.get("properties", {})))
            return f"with the key{'s' * (len(keys) > 1)} {', '.join(keys)}" if keys else "names with values"


def one_of(names: list[str]) -> str:
    """Return the names as a choice: `a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def found(value: JsonValue) -> str:
    """Return a value as written, if it is short and harmless, else what kind of value it is."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value}" if len(f"{value}") <= 24 else "a long number"
        case str():
            return f"'{value}'" if _HARMLESS.fullmatch(value) else f"text of {len(value)} characters"
        case list():
            return "a list" if value else "an empty list"
        case _:
            return "keys"


def _range(part: Schema) -> str:
    low, above, high = part.get("minimum"), part.get("exclusiveMinimum"), part.get("maximum")
    if low is not None:
        return f" of at least {low}" if high is None else f" from {low} to {high}"
    if above is not None:
        return f" above {above}" if high is None else f" above {above}, at most {high}"
    return ""
