"""Clients of a bundle in four languages, made from the same facts as score.py and openapi.json.

A model's facts go in, texts of files come out. Data becomes a literal of the language, escaped to ASCII, never code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.bundle.render import environment

if TYPE_CHECKING:
    from packager.bundle.model_info import ModelInfo, ServedOutput

# Where each client lies in a bundle, and its template.
CLIENTS = {
    "clients/python/scoring_client.py": "scoring_client.py.j2",
    "clients/javascript/scoring-client.mjs": "scoring-client.mjs.j2",
    "clients/csharp/ScoringClient.cs": "ScoringClient.cs.j2",
    "clients/csharp/Example.cs": "Example.cs.j2",
    "clients/curl/score.sh": "score.sh.j2",
}
# The endpoint gives up first, so that a client reads why.
_PATIENCE_S = 10
# What a status of the endpoint means where its body does not say so: 401 has a word, 408 and 429 have none at all.
_SAID = (
    (401, ("unauthorized", "The key or token is missing, wrong or expired: set SCORING_KEY.")),
    (403, ("forbidden", "The key or token may not score here.")),
    (404, ("not_found", "There is no such endpoint or deployment: look at SCORING_URI and the deployment.")),
    (408, ("request_timeout", "The model did not answer within the deployment's request_timeout_ms.")),
    (413, ("payload_too_large", "The request is too large: send fewer rows at once.")),
    (424, ("model_error", "The model's container refused the request, or failed.")),
    (429, ("too_many_requests", "The endpoint is busy: more requests are under way than it admits.")),
    (503, ("unavailable", "The endpoint is not ready.")),
)
_PYTHON_TYPES = {"bool": "bool", "int64": "int", "float64": "float", "object": "str"}
_CSHARP_TYPES = {"bool": "bool", "int64": "long", "float64": "double", "object": "string"}
_CSHARP_READERS = {"bool": "Truth", "int64": "Whole", "float64": "Number", "object": "Text"}


@dataclass(frozen=True)
class ClientOutput:
    """One list of an answer: a name for it that is ours, its type, and how it is read, in C#."""

    property: str
    csharp: str
    reader: str


@dataclass(frozen=True)
class ClientField:
    """One field of an answer: prediction or probability, with one output or several."""

    name: str
    python: str
    outputs: tuple[ClientOutput, ...]


def render_clients(info: ModelInfo, *, name: str, version: str, request_timeout_ms: int) -> dict[str, str]:
    """Return the text of each client by its path in the bundle; `request_timeout_ms` is the deployment's."""
    templates = environment()
    templates.filters |= {"python": ascii, "javascript": _json_literal, "csharp": csharp_literal}
    facts = {
        "name": name,
        "version": version,
        "request_key": info.request_key,
        "max_batch": info.max_batch,
        "columns": [column.name for column in info.signature.columns],
        "fields": _fields(info),
        "timeout_s": -(-request_timeout_ms // 1000) + _PATIENCE_S,
        "said": _SAID,
    }
    return {path: templates.get_template(f"clients/{file}").render(facts) for path, file in CLIENTS.items()}


def csharp_literal(text: str) -> str:
    """Return a text as a C# string literal of printable ASCII; what lies beyond goes as UTF-16 units."""
    data = text.encode("utf-16-be", "surrogatepass")
    units = (int.from_bytes(data[place : place + 2], "big") for place in range(0, len(data), 2))
    return '"' + "".join(map(_csharp_unit, units)) + '"'


def _csharp_unit(unit: int) -> str:
    plain = 0x20 <= unit < 0x7F and chr(unit) not in '"\\'
    return chr(unit) if plain else f"\\u{unit:04x}"


def _json_literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=True)


def _fields(info: ModelInfo) -> list[ClientField]:
    names = list(dict.fromkeys(output.field for output in info.outputs))
    return [_field(name, [output for output in info.outputs if output.field == name], info) for name in names]


def _field(name: str, outputs: list[ServedOutput], info: ModelInfo) -> ClientField:
    nullable = info.signature.task == "transformer"
    lists = {f"List[{_python_type(output, nullable)}]" for output in outputs}
    python = lists.pop() if len(outputs) == 1 else f"List[{lists.pop()}]" if len(lists) == 1 else "List[List[Any]]"
    stem = name.capitalize()
    properties = [stem] if len(outputs) == 1 else [f"{stem}{index}" for index in range(len(outputs))]
    return ClientField(
        name,
        python,
        tuple(_output(title, output, nullable) for title, output in zip(properties, outputs, strict=True)),
    )


def _python_type(output: ServedOutput, nullable: bool) -> str:
    kind = _PYTHON_TYPES[output.dtype]
    kind = f"Optional[{kind}]" if nullable and output.dtype == "float64" else kind
    return f"List[{kind}]" if output.shape else kind


def _output(title: str, output: ServedOutput, nullable: bool) -> ClientOutput:
    kind, reader = _CSHARP_TYPES[output.dtype], _CSHARP_READERS[output.dtype]
    if nullable and output.dtype == "float64":
        kind, reader = "double?", "NumberOrNull"
    if output.shape:
        return ClientOutput(title, f"{kind}[][]", f"row => Each(row, {reader})")
    return ClientOutput(title, f"{kind}[]", reader)
