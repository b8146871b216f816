"""The operations of openapi.json: scoring, the health probe and the description itself, with what each answers.

Examples go in as score.py really answered them; statuses are those of the script and of the server around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from packager.bundle.fast_path import FORM_HEADER, FastPath
from packager.bundle.manifest import Json

Schema = dict[str, Json]

_ERRORS = {
    "400": "The body is not JSON or does not match the schema. `row` counts from 0; the value itself is never told.",
    "413": "More rows than one request may hold, or a longer body.",
    "500": "A fault of the service. The body tells no internals.",
}
# The server's own version numbers of a description; all give this one.
_VERSIONS: list[Json] = ["2", "3", "3.1"]
# A body of more rows says no more than the message does.
_MOST_ROWS_SHOWN = 10_000


@dataclass(frozen=True)
class Examples:
    """A request, its answer, and per status the bodies that score.py refused others with, by their error code."""

    request: Json
    response: Json
    refusals: dict[str, dict[str, Json]] = field(default_factory=dict)


def bad_bodies(request_key: str, max_batch: int) -> Iterator[str]:
    """Yield bodies that no bundle takes, one for each thing that clients get wrong most."""
    yield "{"
    yield json.dumps({"rows" if request_key != "rows" else "cells": []})
    yield json.dumps({request_key: [[]]})
    yield json.dumps({request_key: [{}]})
    yield '{"a": 1, "a": 2}'
    if max_batch < _MOST_ROWS_SHOWN:
        yield json.dumps({request_key: [[]] * (max_batch + 1)})


def paths(examples: Examples, fast_path: FastPath | None) -> Schema:
    """Return all paths that the server answers."""
    other = "Methods that are not described here get 405."
    return {
        "/score": {"description": other, "post": _score(examples, fast_path)},
        "/": {"description": other, "get": _health()},
        "/swagger.json": {"description": other, "get": _description()},
    }


def _score(examples: Examples, fast_path: FastPath | None) -> Schema:
    body: Schema = {"schema": {"$ref": "#/components/schemas/Request"}, "example": examples.request}
    answer: Schema = {"schema": {"$ref": "#/components/schemas/Response"}, "example": examples.response}
    milliseconds: Schema = {"type": "string", "pattern": r"^[0-9]+\.[0-9]{3}$"}
    form = {} if fast_path is None else _form(fast_path)
    responses: Schema = {
        "200": {
            "description": "One answer for each row",
            "headers": {
                "x-ms-run-fn-exec-ms": {"description": "Milliseconds in the scoring script", "schema": milliseconds},
                **form,
            },
            "content": {"application/json": answer},
        }
    }
    for status, description in _ERRORS.items():
        error: Schema = {"schema": {"$ref": "#/components/schemas/Error"}}
        if shown := examples.refusals.get(status):
            error["examples"] = {name: {"value": value} for name, value in shown.items()}
        headers: Schema = {"headers": form} if form else {}
        responses[status] = {"description": description, **headers, "content": {"application/json": error}}
    return {
        "operationId": "score",
        "summary": "Score rows",
        "security": [{}, {"key": []}],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": responses,
    }


def _form(fast_path: FastPath) -> Schema:
    """Return the header that tells which form of the model has answered."""
    told = "Which form of the model gives the answer, and why not the binned one"
    return {FORM_HEADER: {"description": told, "schema": {"type": "string", "pattern": fast_path.forms}}}


def _health() -> Schema:
    up: Schema = {"description": "Up", "content": {"text/html": {"schema": {"type": "string"}}}}
    return {"operationId": "health", "summary": "Tell that the service is up", "responses": {"200": up}}


def _description() -> Schema:
    message: Schema = {
        "type": "object",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
        "additionalProperties": False,
    }
    return {
        "operationId": "describe",
        "summary": "Give this description",
        "parameters": [{"name": "version", "in": "query", "required": False, "schema": {"enum": _VERSIONS}}],
        "responses": {
            "200": {
                "description": "This description, whichever version is asked for",
                "content": {"application/json": {"schema": {"type": "object", "required": ["openapi", "paths"]}}},
            },
            "404": {
                "description": "No description of that version",
                "content": {"application/json": {"schema": message}},
            },
        },
    }
