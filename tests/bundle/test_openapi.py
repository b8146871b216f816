"""openapi.json: a valid description, and the same verdict as score.py on every request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest
from openapi_spec_validator import validate

from packager.artifact import MISSING_TEXT
from packager.bundle.openapi import furthest

from . import models
from .scripts import ask, load
from .test_score import INVALID, VALID


def schema(document: dict[str, Any], name: str) -> jsonschema.Draft202012Validator:
    """Return a validator for one of the document's components."""
    return jsonschema.Draft202012Validator({**document, "$ref": f"#/components/schemas/{name}"})


@pytest.mark.parametrize("kind", models.KINDS)
def test_the_description_is_valid_and_its_examples_fit(kind: str, tmp_path: Path) -> None:
    bundle = models.bundled(models.KINDS[kind](tmp_path), tmp_path / "bundle")
    document = json.loads((bundle / "openapi.json").read_bytes())
    validate(document)
    post = document["paths"]["/score"]["post"]
    request = post["requestBody"]["content"]["application/json"]["example"]
    response = post["responses"]["200"]["content"]["application/json"]["example"]
    schema(document, "Request").validate(request)
    schema(document, "Response").validate(response)
    assert request == json.loads((bundle / "samples" / "request.json").read_bytes())
    assert response == json.loads((bundle / "samples" / "response.json").read_bytes())
    assert set(post["responses"]) == {"200", "400", "413", "500"}


def test_the_description_and_the_script_agree(tmp_path: Path) -> None:
    plan = models.with_settings(models.classifier(tmp_path), max_batch=8)
    bundle = models.bundled(plan, tmp_path / "bundle")
    document = json.loads((bundle / "openapi.json").read_bytes())
    script = load(bundle)
    requests, responses, errors = (schema(document, name) for name in ("Request", "Response", "Error"))
    # A schema speaks of JSON, so what is wrong with the bytes is none of its business; nor is an array's length
    # against another's.
    beyond_schemas = {"a table with a short index", "an integer of 5000 digits", "1e400", "-1e400"}
    for case, request in [*VALID.items(), *((case, entry[0]) for case, entry in INVALID.items())]:
        status, body = ask(script, request)
        (responses if status == 200 else errors).validate(body)
        code = None if status == 200 else body["error"]["code"]
        if code in ("malformed_json", "duplicate_key") or case in beyond_schemas:
            continue
        parsed = json.loads(request) if isinstance(request, str | bytes) else request
        assert requests.is_valid(parsed) == (status == 200), case


def test_refusals_are_shown_as_the_script_gives_them(tmp_path: Path) -> None:
    plan = models.with_settings(models.classifier(tmp_path), max_batch=8)
    bundle = models.bundled(plan, tmp_path / "bundle")
    document = json.loads((bundle / "openapi.json").read_bytes())
    responses = document["paths"]["/score"]["post"]["responses"]
    shown = {status: responses[status]["content"]["application/json"].get("examples", {}) for status in ("400", "413")}
    assert {"malformed_json", "wrong_key", "schema_mismatch", "duplicate_key"} <= shown["400"].keys()
    assert shown["413"]["too_many_rows"]["value"]["error"]["found"] == "9 rows"
    errors = schema(document, "Error")
    for example in (*shown["400"].values(), *shown["413"].values()):
        errors.validate(example["value"])
    script = load(bundle)
    assert ask(script, "{")[1] == shown["400"]["malformed_json"]["value"]


@pytest.mark.parametrize("limit", [1e6, 2.0**53, float(np.finfo(np.float32).max), 1e100, 1e300])
def test_a_limit_is_the_last_number_that_is_read_as_no_more(limit: float) -> None:
    told = furthest(limit)
    assert float(told) == limit
    if limit >= 2**53:
        assert isinstance(told, int)
        assert float(told + 1) > limit


def test_limits_labels_and_missing_cells_are_told(tmp_path: Path) -> None:
    bundle = models.bundled(models.text_taker(tmp_path), tmp_path / "text")
    cells = json.loads((bundle / "openapi.json").read_bytes())["components"]["schemas"]["RowArray"]["prefixItems"]
    assert cells[0] == {"title": "amount", "type": "number", "minimum": -1e6, "maximum": 1e6}
    assert cells[1] == {"title": "city", "type": "string", "not": {"pattern": MISSING_TEXT}}
    assert cells[2]["type"] == ["number", "null"]
    bundle = models.bundled(models.strict_taker(tmp_path), tmp_path / "strict")
    cells = json.loads((bundle / "openapi.json").read_bytes())["components"]["schemas"]["RowArray"]["prefixItems"]
    assert cells[0] == {"title": "city", "type": ["string", "null"], "enum": ["Bern", "Zürich", "東京", None]}
    assert cells[1] == {"title": "code", "type": "number", "enum": [10.0, 20.0]}
    bundle = models.bundled(models.classifier(tmp_path, classes=("no", "yes")), tmp_path / "labels")
    response = json.loads((bundle / "openapi.json").read_bytes())["components"]["schemas"]["Response"]
    assert response["properties"]["prediction"]["items"] == {"enum": ["no", "yes"]}
    assert response["properties"]["probability"]["items"]["minItems"] == 2
