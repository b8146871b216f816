"""The contract over HTTP: every form of a valid request is answered, and what must be refused is, with its own status.

Marks that occur nowhere else travel in the requests, so that a script which repeats a value is found out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from packager.bundle.finding import Finding
from packager.bundle.manifest import Json
from packager.bundle.model_info import ModelInfo
from packager.bundle.refusals import refusals
from packager.validate.client import Reply, get, post

# In requests and nowhere else: no time, digest or port is likely to hold them.
MARK = "zq7Kx19wv"
_MARKED_NUMBERS = (8675309.4421, 86753.094421, 867.53094421, 8.6753094421, 0.086753094421)
_SCORE_FILE = "code/score.py"
_HINT = "build the bundle anew; `package serve BUNDLE` lets you try the request"
_QUICKLY_S = 10.0


@dataclass(frozen=True)
class Case:
    """A request, what it is in words, and the status that must answer it; None where a model decides."""

    what: str
    body: bytes
    status: int | None
    path: str = "/score"
    method: str = "POST"


@dataclass(frozen=True)
class Answered:
    """A request with its answer."""

    case: Case
    reply: Reply


def ask(url: str, info: ModelInfo, row: list[Json]) -> list[Answered]:
    """Send every case; `row` is one that the model takes. It ends early where the server stops answering."""
    answered: list[Answered] = []
    for case in [*_valid(info, row), *_marked(info, row), *_invalid(info, row)]:
        reply = (
            get(url, case.path) if case.method == "GET" else post(url, case.body, path=case.path, timeout_s=_QUICKLY_S)
        )
        answered.append(Answered(case, reply))
        if sum(one.reply.status == 0 for one in answered) > 2:
            break
    return answered


def judge(answered: list[Answered]) -> list[Finding]:
    """Return what was answered otherwise than the contract says."""
    findings = [found for one in answered if (found := _judged(one)) is not None]
    same = {json.dumps(one.reply.json()) for one in answered if one.case.status == 200 and one.case.what in _FORMS}
    if not findings and len(same) > 1:
        message = "the same row is answered differently in different forms"
        findings.append(Finding("200", "contract", message, _HINT, _SCORE_FILE, f"{len(same)} answers", "1 answer"))
    return findings


def marked_number(info: ModelInfo) -> tuple[int, float] | None:
    """Return a column that takes a number found nowhere else, and the number; None where there is no such column."""
    for index, column in enumerate(info.signature.columns):
        if column.dtype == "float64" and column.known is None and not column.truth:
            for number in _MARKED_NUMBERS:
                if column.least <= number <= column.max_abs:
                    return index, number
    return None


_FORMS = frozenset(
    ["rows under the bundle's key"]
    + [f"rows under {key}" for key in ("data", "input_data", "inputs", "instances")]
    + [f"a table under {key}" for key in ("data", "input_data", "dataframe_split")]
    + ["objects under the bundle's key", "objects under dataframe_records"]
)


def _valid(info: ModelInfo, row: list[Json]) -> Iterator[Case]:
    names = [column.name for column in info.signature.columns]
    named: Json = dict(zip(names, row, strict=True))
    table: Json = {"columns": list(names), "data": [list(row)]}
    yield _case("rows under the bundle's key", info.request_key, [list(row)])
    yield _case("objects under the bundle's key", info.request_key, [named])
    for key in ("data", "input_data", "inputs", "instances"):
        yield _case(f"rows under {key}", key, [list(row)])
    for key in ("data", "input_data", "dataframe_split"):
        if key != info.request_key:
            yield _case(f"a table under {key}", key, table)
    yield _case("objects under dataframe_records", "dataframe_records", [named])


def _marked(info: ModelInfo, row: list[Json]) -> Iterator[Case]:
    cells: list[Json]
    if (found := marked_number(info)) is not None:
        index, number = found
        cells = [*row[:index], number, *row[index + 1 :]]
        yield _case("a number found nowhere else", info.request_key, [cells], None)
    for index, column in enumerate(info.signature.columns):
        wrong = column.dtype == "float64" or column.known is not None
        free = column.dtype == "string" and column.known is None
        if wrong or free:
            cells = [*row[:index], MARK, *row[index + 1 :]]
            yield _case(
                f"a text found nowhere else in column {index}", info.request_key, [cells], 400 if wrong else 200
            )
            break
    yield Case("a mark in malformed JSON", f'{{"{info.request_key}": [[{MARK}]]}}'.encode(), 400)
    yield _case("a wrong key", MARK, [list(row)], 400)
    good = json.dumps({info.request_key: [row]}).encode()
    yield Case("a mark in the address", good, 200, path=f"/score?{MARK}=1")


def _invalid(info: ModelInfo, row: list[Json]) -> Iterator[Case]:
    for one in refusals(info, row):
        yield Case(one.what, one.body.encode("utf-8", "surrogatepass"), one.status)
    key = json.dumps(info.request_key)
    yield Case("NaN", f"{{{key}: [[{', '.join(['NaN'] * len(row))}]]}}".encode(), 400)
    yield Case("the same key twice", f"{{{key}: [], {key}: []}}".encode(), 400)
    yield Case("no UTF-8", b'{"features": "\xff"}', 400)
    yield Case("deep nesting", b"[" * 100_000, 400)
    yield Case("garbage", b"\x00\x01garbage", 400)
    yield Case("a GET of /score", b"", 405, method="GET")


def _case(what: str, key: str, rows: Json, status: int | None = 200) -> Case:
    return Case(what, json.dumps({key: rows}).encode(), status)


def _judged(one: Answered) -> Finding | None:
    case, reply = one.case, one.reply
    measured, limit = reply.status or "no answer", case.status
    if limit is None:
        if reply.status in (200, 400):
            return None
        message = f"neither answered nor refused: {case.what}"
        return Finding("424", "contract", message, _HINT, _SCORE_FILE, measured, "200 or 400")
    if reply.status != case.status:
        if case.status == 200:
            message = f"a valid request is not answered: {case.what}{_said(reply)}"
            return Finding("424", "contract", message, _HINT, _SCORE_FILE, measured, limit)
        if reply.status == 200:
            message = f"a request that must be refused is scored: {case.what}"
            return Finding("200", "contract", message, _HINT, _SCORE_FILE, measured, limit)
        message = f"a request is refused with another status than the contract says: {case.what}"
        return Finding("424", "contract", message, _HINT, _SCORE_FILE, measured, limit)
    if case.status == 200:
        return None
    body = reply.json()
    error = body.get("error") if isinstance(body, dict) else None
    if case.method == "POST" and not (isinstance(error, dict) and {"code", "message"} <= error.keys()):
        message = f"a refusal does not say what is wrong: {case.what}"
        return Finding("424", "contract", message, _HINT, _SCORE_FILE, "no error.code and error.message")
    return None


def _said(reply: Reply) -> str:
    """Return the error's code, which is one of a few words; its message may be anything."""
    body = reply.json()
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return f" ({code})" if isinstance(code, str) and code.isidentifier() and len(code) < 40 else ""
