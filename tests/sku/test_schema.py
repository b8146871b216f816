"""The published schemas are current, and say what is written."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from packager.sku.schema import schema_text

from .samples import load, result

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["benchmark", "sku"])
def test_the_file_is_current(name: str) -> None:
    current = (DOCS / f"{name}.schema.json").read_text(encoding="utf-8")
    assert current == schema_text(name), f"python -m packager.sku.schema {name} > docs/{name}.schema.json"


@pytest.mark.parametrize("name", ["benchmark", "sku"])
def test_it_is_a_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text(name)))


def test_a_result_is_what_its_schema_says() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema_text("benchmark")))
    document = json.loads(result(load(2)).model_dump_json())
    validator.validate(document)
    document["machine"]["colour"] = "grey"
    assert not validator.is_valid(document)
