"""Check an OpenAPI document: `python api_process.py FILE` prints a JSON list of what is wrong with it, as text.

It runs where openapi-spec-validator is: a valid document, and examples that keep to their own schemas.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_MOST = 5


def main() -> None:
    """Read the document, and say in a line of JSON what is wrong."""
    document = json.loads(Path(sys.argv[1]).read_bytes())
    from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

    kind = OpenAPIV31SpecValidator if str(document.get("openapi", "")).startswith("3.1") else OpenAPIV30SpecValidator
    problems = [f"{_place(error.absolute_path)}: {error.message}" for error in kind(document).iter_errors()]
    if not problems:
        problems = list(_examples(document))
    print(json.dumps([problem[:300] for problem in problems[:_MOST]]))


def _examples(document: dict[str, Any]) -> Iterator[str]:
    """Yield where an example of a request or an answer does not keep to its schema."""
    from jsonschema import Draft202012Validator

    for place, media in _media(document.get("paths", {}), ()):
        examples = [media["example"]] if "example" in media else []
        examples += [
            one["value"] for one in media.get("examples", {}).values() if isinstance(one, dict) and "value" in one
        ]
        # References of the schema lead into the document: it is given a copy of what they lead to.
        schema = {**media["schema"], "components": document.get("components", {})}
        for example in examples:
            for error in Draft202012Validator(schema).iter_errors(example):
                yield f"{_place(place)}: the example does not keep to its schema at {_place(error.absolute_path)}"


def _media(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every media type that has a schema, and its place."""
    if isinstance(value, dict):
        if isinstance(value.get("schema"), dict) and ("example" in value or "examples" in value):
            yield place, value
        for key, inner in value.items():
            yield from _media(inner, (*place, key))


def _place(parts: Iterable[object]) -> str:
    return "/".join(str(part) for part in parts) or "the document"


if __name__ == "__main__":
    main()
