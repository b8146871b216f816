"""The generated score.py: what it takes, what it refuses and how it says so, asked directly."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packager.artifact import MISSING_TEXT

from . import models
from .scripts import ask, load

ROW = [1.0, 2.0, 3.0]
NAMES = ["amount", "hour", "age"]
NAMED = dict(zip(NAMES, ROW, strict=True))
TABLE = {"columns": NAMES, "data": [ROW, ROW]}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ModuleType]:
    """Return score.py of one of the kinds of model, loaded once."""
    folder = tmp_path_factory.mktemp("scripts")
    known: dict[str, ModuleType] = {}

    def get(kind: str) -> ModuleType:
        if kind not in known:
            (folder / kind).mkdir()
            plan = models.with_settings(models.KINDS[kind](folder / kind), max_batch=8)
            known[kind] = load(models.bundled(plan, folder / kind / "bundle"))
        return known[kind]

    return get


VALID = {
    "arrays": {"features": [ROW, ROW]},
    "objects": {"features": [NAMED, dict(reversed(NAMED.items()))]},
    "both forms": {"features": [ROW, NAMED]},
    "data": {"data": [ROW, ROW]},
    "data as table": {"data": TABLE},
    "input_data": {"input_data": [ROW, ROW]},
    "input_data as table": {"input_data": {**TABLE, "index": [0, 1]}},
    "inputs": {"inputs": [ROW, ROW]},
    "instances": {"instances": [NAMED, ROW]},
    "dataframe_split": {"dataframe_split": {**TABLE, "index": ["a", "b"]}},
    "dataframe_split without index": {"dataframe_split": TABLE},
    "dataframe_records": {"dataframe_records": [NAMED, NAMED]},
    "columns in another order": {
        "input_data": {"columns": ["age", "amount", "hour"], "data": [[3.0, 1.0, 2.0], [3, 1, 2]]}
    },
    "integers": {"features": [[1, 2, 3], [1, 2, 3]]},
    "exponents": b'{"features": [[1e0, 0.2E1, 30e-1], [1, 2, 3]]}',
    "white space": b' \r\n\t{ "features" :\n[ [1,2 ,3],[ 1, 2,3] ] } \n',
    "an escaped key": b'{"\\u0066eatures": [[1, 2, 3], [1, 2, 3]]}',
    "text": '{"features": [[1, 2, 3], [1, 2, 3]]}',
}


@pytest.mark.parametrize("form", VALID)
def test_every_form_of_the_same_rows_gets_the_same_answer(script: Callable[[str], ModuleType], form: str) -> None:
    scored = script("classifier")
    assert ask(scored, VALID[form]) == ask(scored, {"features": [ROW, ROW]})
    assert ask(scored, VALID[form])[0] == 200


def _nested(depth: int) -> bytes:
    return b'{"features": ' + b"[" * depth + b"]" * depth + b"}"


# Bad requests for the classifier: status, code, and what the error says about the place.
INVALID: dict[str, tuple[object, int, str, dict[str, object]]] = {
    "empty body": (b"", 400, "malformed_json", {}),
    "no JSON": (b"features=1", 400, "malformed_json", {}),
    "cut short": (b'{"features": [[1, 2, 3]', 400, "malformed_json", {}),
    "trailing bytes": (b'{"features": [[1, 2, 3]]} x', 400, "malformed_json", {}),
    "two documents": (b'{"features": [[1, 2, 3]]}{"features": [[1, 2, 3]]}', 400, "malformed_json", {}),
    "byte order mark": (b'\xef\xbb\xbf{"features": [[1, 2, 3]]}', 400, "malformed_json", {}),
    "not UTF-8": (b'{"features": [[1, 2, 3]], "\xff": 1}', 400, "malformed_json", {}),
    "not UTF-8 as key": (b'{"\xff": [[1, 2, 3]]}', 400, "malformed_json", {}),
    "UTF-16": ('{"features": [[1, 2, 3]]}'.encode("utf-16"), 400, "malformed_json", {}),
    "a lone surrogate in text": ('{"\ud800": [[1, 2, 3]]}', 400, "malformed_json", {}),
    "NaN": (b'{"features": [[NaN, 2, 3]]}', 400, "malformed_json", {}),
    "Infinity": (b'{"features": [[1, Infinity, 3]]}', 400, "malformed_json", {}),
    "-Infinity": (b'{"features": [[1, -Infinity, 3]]}', 400, "malformed_json", {}),
    "deep nesting": (_nested(100_000), 400, "malformed_json", {}),
    "nesting of ten": (_nested(10), 400, "schema_mismatch", {"row": 0, "expected": "3 cells", "found": "1 cells"}),
    "leading zero": (b'{"features": [[01, 2, 3]]}', 400, "malformed_json", {}),
    "single quotes": (b"{'features': [[1, 2, 3]]}", 400, "malformed_json", {}),
    "an array": ([[1, 2, 3]], 400, "wrong_key", {"expected": "features", "found": "array"}),
    "a number": (b"1", 400, "wrong_key", {"found": "number"}),
    "null": (b"null", 400, "wrong_key", {"found": "null"}),
    "a string of JSON": ('"{\\"features\\": [[1, 2, 3]]}"', 400, "wrong_key", {"found": "string"}),
    "no key": ({}, 400, "wrong_key", {"expected": "features"}),
    "a wrong key": ({"feature": [ROW]}, 400, "wrong_key", {"expected": "features"}),
    "an extra key": ({"features": [ROW], "x": 1}, 400, "wrong_key", {"expected": "features"}),
    "two known keys": ({"features": [ROW], "data": [ROW]}, 400, "wrong_key", {"expected": "features"}),
    "the key twice": (b'{"features": [[1, 2, 3]], "features": [[1, 2, 3]]}', 400, "duplicate_key", {}),
    "the key twice, once escaped": (b'{"features": [[1,2,3]], "f\\u0065atures": [[1,2,3]]}', 400, "duplicate_key", {}),
    "a column twice": (b'{"features": [{"amount":1,"amount":1,"hour":2,"age":3}]}', 400, "duplicate_key", {}),
    "rows: null": ({"features": None}, 400, "schema_mismatch", {"expected": "array of rows", "found": "null"}),
    "rows: an object": ({"features": NAMED}, 400, "schema_mismatch", {"found": "object"}),
    "rows: a table where none is taken": ({"features": TABLE}, 400, "schema_mismatch", {"found": "object"}),
    "rows: one bare row": ({"features": ROW}, 400, "schema_mismatch", {"row": 0, "found": "number"}),
    "rows: text": ({"features": "1,2,3"}, 400, "schema_mismatch", {"found": "string"}),
    "too few cells": ({"features": [ROW, [1, 2]]}, 400, "schema_mismatch", {"row": 1, "found": "2 cells"}),
    "too many cells": ({"features": [[*ROW, 4]]}, 400, "schema_mismatch", {"row": 0, "expected": "3 cells"}),
    "no cells": ({"features": [[]]}, 400, "schema_mismatch", {"found": "0 cells"}),
    "text for a number": (
        {"features": [ROW, [1, "2", 3]]},
        400,
        "schema_mismatch",
        {"row": 1, "column": "hour", "found": "string"},
    ),
    "true": ({"features": [[1, 2, True]]}, 400, "schema_mismatch", {"row": 0, "column": "age", "found": "boolean"}),
    "null cell": ({"features": [[None, 2, 3]]}, 400, "schema_mismatch", {"column": "amount", "found": "null"}),
    "array cell": ({"features": [[[1], 2, 3]]}, 400, "schema_mismatch", {"column": "amount", "found": "array"}),
    "object cell": ({"features": [[{}, 2, 3]]}, 400, "schema_mismatch", {"column": "amount", "found": "object"}),
    "1e400": (
        b'{"features": [[1, 1e400, 3]]}',
        400,
        "schema_mismatch",
        {"column": "hour", "found": "number out of range"},
    ),
    "-1e400": (b'{"features": [[1, -1e400, 3]]}', 400, "schema_mismatch", {"column": "hour"}),
    "an integer of 5000 digits": (
        b'{"features": [[' + b"9" * 5000 + b", 2, 3]]}",
        400,
        "schema_mismatch",
        {"column": "amount"},
    ),
    "an object without a column": (
        {"features": [{"amount": 1, "hour": 2}]},
        400,
        "schema_mismatch",
        {"row": 0, "column": "age"},
    ),
    "an object with another column": ({"features": [{**NAMED, "x": 1}]}, 400, "schema_mismatch", {"row": 0}),
    "an object with a bad cell": (
        {"features": [NAMED, {**NAMED, "hour": "2"}]},
        400,
        "schema_mismatch",
        {"row": 1, "column": "hour"},
    ),
    "records as arrays": (
        {"dataframe_records": [ROW]},
        400,
        "schema_mismatch",
        {"expected": "object", "found": "array"},
    ),
    "split as rows": ({"dataframe_split": [ROW]}, 400, "schema_mismatch", {"found": "array"}),
    "a table of objects": ({"data": {**TABLE, "data": [NAMED]}}, 400, "schema_mismatch", {"expected": "array"}),
    "a table without data": ({"data": {"columns": NAMES}}, 400, "schema_mismatch", {}),
    "a table with a stranger": ({"data": {**TABLE, "dtypes": []}}, 400, "schema_mismatch", {}),
    "a table lacking a column": (
        {"data": {"columns": NAMES[:2], "data": [[1, 2]]}},
        400,
        "schema_mismatch",
        {"column": "age"},
    ),
    "a table with a column twice": ({"data": {**TABLE, "columns": [*NAMES, "age"]}}, 400, "schema_mismatch", {}),
    "a table with a column unknown": ({"data": {**TABLE, "columns": [*NAMES, "x"]}}, 400, "schema_mismatch", {}),
    "a table with a name that is none": (
        {"data": {**TABLE, "columns": ["amount", "hour", [1]]}},
        400,
        "schema_mismatch",
        {"column": "age"},
    ),
    "a table with a short index": ({"data": {**TABLE, "index": [0]}}, 400, "schema_mismatch", {}),
    "a table with text for index": ({"data": {**TABLE, "index": "ab"}}, 400, "schema_mismatch", {"found": "string"}),
    "too many rows": (
        {"features": [ROW] * 9},
        413,
        "too_many_rows",
        {"expected": "at most 8 rows", "found": "9 rows"},
    ),
    "too many rows in a table": ({"data": {**TABLE, "data": [ROW] * 9}}, 413, "too_many_rows", {}),
    "too many rows, bad ones too": ({"features": [["x"]] * 9}, 413, "too_many_rows", {}),
}


@pytest.mark.parametrize("case", INVALID)
def test_a_bad_request_is_refused_with_its_place_named(script: Callable[[str], ModuleType], case: str) -> None:
    request, status, code, where = INVALID[case]
    found, body = ask(script("classifier"), request)
    assert (found, body["error"]["code"]) == (status, code)
    assert body["error"].items() >= where.items()
    assert body.keys() == {"error"}
    assert body["error"]["message"]


def test_a_wrong_key_is_answered_with_the_right_one(script: Callable[[str], ModuleType]) -> None:
    assert '"features"' in ask(script("classifier"), {"rows": [ROW]})[1]["error"]["message"]


def test_no_rows_get_an_empty_answer(script: Callable[[str], ModuleType]) -> None:
    assert ask(script("classifier"), {"features": []}) == (200, {"prediction": [], "probability": []})
    assert ask(script("text"), {"dataframe_records": []}) == (200, {"prediction": []})
    assert ask(script("outliers"), {"features": []}) == (200, {"prediction": [[], []]})


def test_answers_by_kind_of_model(script: Callable[[str], ModuleType]) -> None:
    status, body = ask(script("classifier"), {"features": [ROW]})
    assert status == 200
    assert body.keys() == {"prediction", "probability"}
    assert body["prediction"] == [0]
    assert sum(body["probability"][0]) == pytest.approx(1)
    assert ask(script("regressor"), {"features": [[1.0, 2.0, 3.0]]})[1]["prediction"] == pytest.approx([-1.35])
    transformed = ask(script("transformer"), {"features": [ROW, ROW]})[1]["prediction"]
    assert np.shape(transformed) == (2, 2)
    assert transformed[0] == pytest.approx([-1.35, -2.7], rel=1e-6)
    assert ask(script("outliers"), {"features": [ROW, [4, 0, 1]]})[1]["prediction"][0] == [-1, 1]


@pytest.mark.parametrize("classes", [(False, True), ("no", "yes\u2028"), (0.5, 1.5), (-(2**62), 2**62)])
def test_labels_are_the_models_own(tmp_path: Path, classes: tuple[bool | int | float | str, ...]) -> None:
    scored = load(models.bundled(models.classifier(tmp_path, classes=classes), tmp_path / "bundle"))
    labels = ask(scored, {"features": [ROW, [9, 0, 0]]})[1]["prediction"]
    assert labels == list(classes)
    assert [type(label) for label in labels] == [type(label) for label in classes]


def test_missing_numbers_are_taken_where_the_model_takes_them(script: Callable[[str], ModuleType]) -> None:
    scored = script("missing")
    answers = ask(scored, {"features": [[1, None, 3], [1, -1, 3]]})[1]["prediction"]
    assert answers[0] == answers[1]
    assert ask(scored, {"features": [{"z": 3, "y": None, "x": 1}]})[1]["prediction"] == answers[:1]
    status, body = ask(scored, {"features": [[None, 2, 3]]})
    assert (status, body["error"]["column"], body["error"]["found"]) == (400, "x", "null")
    assert ask(scored, {"features": [[1, "x", 3]]})[1]["error"]["expected"].endswith(" or null")


def test_text_columns(script: Callable[[str], ModuleType]) -> None:
    scored = script("text")
    rows = [[1, "Bern", 2], [1, "Z\u00fcrich", None], [1, 'a "quoted" \\ one', 0], [1, "", 0], [1, "\x00", 0]]
    expected = [4.0, 2.0, 1.5, 1.5, 1.5]
    for request in ({"features": rows}, json.dumps({"features": rows}, ensure_ascii=False)):
        assert ask(scored, request) == (200, {"prediction": expected})
    records = [dict(zip(("amount", "city", "age"), row, strict=True)) for row in rows]
    assert ask(scored, {"dataframe_records": records}) == (200, {"prediction": expected})
    for cell, found in ((1, "number"), (None, "null"), (True, "boolean"), (["Bern"], "array")):
        status, body = ask(scored, {"features": [[1, cell, 2]]})
        assert (status, body["error"]["column"], body["error"]["found"]) == (400, "city", found)
    assert ask(scored, b'{"features": [[1, "\\ud800", 2]]}')[1]["error"]["found"] == "string"
    assert ask(scored, b'{"features": [[1, "\xff", 2]]}')[1]["error"]["code"] == "malformed_json"


def test_missing_text_is_null_and_nothing_else(script: Callable[[str], ModuleType]) -> None:
    scored = script("strict")
    assert ask(scored, {"features": [[None, 10], ["Bern", 20]]}) == (200, {"prediction": [19.0, 21.0]})
    assert ask(scored, {"features": [{"code": 10, "city": None}]}) == (200, {"prediction": [19.0]})
    for kind, row in (
        ("strict", [MISSING_TEXT, 10]),
        ("text", [1, MISSING_TEXT, 2]),
        ("text", [1, f"a{MISSING_TEXT}b", 2]),
    ):
        for ensure_ascii in (True, False):
            request = json.dumps({"features": [row]}, ensure_ascii=ensure_ascii)
            status, body = ask(script(kind), request)
            assert (status, body["error"]["column"]) == (400, "city")


def test_a_value_that_the_model_refuses_is_refused(script: Callable[[str], ModuleType]) -> None:
    scored = script("strict")
    for row, column, expected in (
        (["Basel", 10], "city", "one of the 3 strings that the model knows or null"),
        (["Bern", 10.5], "code", "one of the 2 numbers that the model knows"),
    ):
        status, body = ask(scored, {"features": [["Bern", 10], row]})
        assert (status, body["error"]["row"], body["error"]["column"]) == (400, 1, column)
        assert body["error"]["expected"] == expected
        assert str(row) not in json.dumps(body)
    assert ask(scored, {"features": [["Bern", "10"]]})[1]["error"]["found"] == "string"
    assert ask(scored, {"features": [[None, 10], ["Bern", None]]})[1]["error"]["found"] == "null"


@pytest.mark.parametrize("key", ["features", "f\\u0065atures"])  # decoded quickly, and read exactly
def test_true_and_false_are_1_and_0_where_the_model_knows_them(script: Callable[[str], ModuleType], key: str) -> None:
    scored = script("truths")
    true, one = (ask(scored, f'{{"{key}": {json.dumps(rows)}}}') for rows in ([[True, False, 3]], [[1, 0, 3]]))
    assert true == one
    assert true[0] == 200
    status, body = ask(scored, f'{{"{key}": [[true, false, true]]}}')
    assert (status, body["error"]["column"], body["error"]["found"]) == (400, "z", "boolean")


def test_a_cell_that_spells_the_key_is_no_second_key(script: Callable[[str], ModuleType]) -> None:
    assert ask(script("text"), {"features": [[1, "features", 2]]}) == (200, {"prediction": [3.5]})


def test_a_number_beyond_the_columns_limit_is_refused(script: Callable[[str], ModuleType]) -> None:
    scored = script("text")
    assert ask(scored, {"features": [[1e6, "Bern", 0], [-1e6, "Bern", 0]]})[0] == 200
    for value in (1000000.0000001, -1e7):
        status, body = ask(scored, {"features": [[0, "Bern", 0], [value, "Bern", 0]]})
        assert (status, body["error"]["row"], body["error"]["column"]) == (400, 1, "amount")
        assert body["error"]["expected"] == "number from -1000000.0 to 1000000.0"


def test_a_number_that_overflows_the_graphs_float32_is_refused(script: Callable[[str], ModuleType]) -> None:
    scored = script("regressor")
    largest = scored.INFO["columns"][0]["max_abs"]
    assert 1e30 < largest < float(np.finfo(np.float32).max)  # its sums stay within too
    assert ask(scored, {"features": [[largest, 0, 0]]})[0] == 200
    status, body = ask(scored, {"features": [[math.nextafter(largest, math.inf), 0, 0]]})
    assert (status, body["error"]["column"]) == (400, "x")


def test_an_answer_that_json_cannot_carry_is_refused_with_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packager.bundle.write.within_reach", lambda signature, *_: signature)
    scored = load(models.bundled(models.KINDS["transformer"](tmp_path), tmp_path / "bundle"))
    status, body = ask(scored, {"features": [[1, 1, 1], [3e38, -3e38, 3e38]]})
    assert status == 400
    assert body["error"].keys() == {"code", "message", "row"}
    assert (body["error"]["code"], body["error"]["row"]) == ("unrepresentable_output", 1)


def test_an_unexpected_failure_tells_its_type_to_the_log_alone(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scored = script("classifier")

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret 1.0")

    monkeypatch.setattr(scored, "_infer", fail)
    with caplog.at_level(logging.INFO, "azmlinfsrv.score"):
        status, body = ask(scored, {"features": [ROW]})
    assert status == 500
    assert body["error"]["code"] == "internal"
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text + str(body)


def test_logs_and_answers_hold_no_input_value(
    script: Callable[[str], ModuleType], caplog: pytest.LogCaptureFixture
) -> None:
    secret = "271828182845"
    requests = [
        {"features": [[secret, 2, 3]]},
        {"features": [[int(secret), 2, None]]},
        {secret: [[1, 2, 3]]},
        {"features": [{**NAMED, secret: 1}]},
        {"data": {"columns": [secret, "hour", "age"], "data": [ROW]}},
        f"[{secret}",
        f'{{"features": [[{secret}, 2, 3]]}}',
    ]
    with caplog.at_level(logging.DEBUG):
        bodies = [json.dumps(ask(script("classifier"), request)[1]) for request in requests]
    assert len(caplog.records) == len(requests)
    assert secret not in caplog.text + "".join(bodies)
    assert "scored status=200 rows=1 parse_ms=" in caplog.text


CELLS = st.floats(-1e12, 1e12, allow_nan=False)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8))
def test_answers_equal_the_sessions_bit_for_bit(
    script: Callable[[str], ModuleType], rows: list[tuple[float, float, float]]
) -> None:
    scored = script("classifier")
    status, body = ask(scored, {"features": rows})
    label, probabilities = scored.SESSION.run(["label", "probabilities"], {"features": np.array(rows)})
    assert status == 200
    assert body["prediction"] == label.tolist()
    assert np.array(body["probability"]).tobytes() == probabilities.tobytes()
    records = [dict(zip(NAMES, row, strict=True)) for row in rows]
    assert ask(scored, {"dataframe_records": records}) == (status, body)


ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(["features", "data", "dataframe_split", "dataframe_records", "columns", "index", *NAMES, "x"])
DOCUMENTS = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=15,
)
NEAR_ROWS = st.lists(st.lists(ATOMS | st.floats(-9, 9), min_size=2, max_size=4), max_size=10)
NEAR = st.dictionaries(KEYS, NEAR_ROWS, min_size=1, max_size=2)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=DOCUMENTS | NEAR, kind=st.sampled_from(["classifier", "missing", "text", "strict"]))
def test_any_json_gets_200_or_a_clean_refusal(script: Callable[[str], ModuleType], document: object, kind: str) -> None:
    status, body = ask(script(kind), json.dumps(document))
    assert status in (200, 400, 413)
    assert ("error" in body) == (status != 200)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_get_200_or_a_clean_refusal(script: Callable[[str], ModuleType], data: st.DataObject) -> None:
    body = bytearray(json.dumps({"features": [ROW, [4.5, -0.25, 1e3]]}).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        body[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    assert ask(script("classifier"), bytes(body))[0] in (200, 400, 413)


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
TOKENS = NUMBERS | st.sampled_from(["null", "true", '"x"', '"\\u0061"', "[]", "1e400", "-0", "-0.0", "01", "1.", "+1"])


def _read_exactly(scored: ModuleType, body: bytes) -> object:
    """Return the document as the script reads what its quick decoder does not take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scored, "DECODE", _no_decoder)
        return scored._parse(body)


def _validated(scored: ModuleType, read: Callable[[ModuleType, bytes], object], body: bytes) -> Any:
    """Return the count of rows and the graph's inputs, or the error that the client reads."""
    try:
        return scored._validate(read(scored, body))
    except scored.Refused as refused:
        return refused.error


def _no_decoder(_: bytes) -> None:
    raise ValueError


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(TOKENS, min_size=3, max_size=3), min_size=1, max_size=3),
    kind=st.sampled_from(["classifier", "missing", "text"]),
)
def test_the_quick_reading_and_the_exact_one_agree(
    script: Callable[[str], ModuleType], rows: list[list[str]], kind: str
) -> None:
    scored = script(kind)
    body = ('{"features": [' + ", ".join(f"[{', '.join(row)}]" for row in rows) + "]}").encode()
    exact, quick = (
        _validated(scored, read, body) for read in (_read_exactly, lambda scored, body: scored._parse(body))
    )
    if isinstance(exact, dict) or isinstance(quick, dict):
        assert quick == exact
    else:
        (count, inputs), (rows, quickly) = exact, quick
        assert count == rows
        assert quickly.keys() == inputs.keys()
        for name, values in quickly.items():
            same = values.tolist() == inputs[name].tolist() if values.dtype == object else None
            assert same if same is not None else values.tobytes() == inputs[name].tobytes()


def test_init_finds_the_model_however_the_platform_mounts_it(tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    deep = tmp_path / "models" / "fraud" / "3"
    deep.parent.mkdir(parents=True)
    deep.symlink_to(bundle)
    for folder in (bundle / "model", bundle, deep.parent):
        assert ask(load(bundle, model_dir=folder), {"features": [ROW]})[0] == 200
    with pytest.raises(FileNotFoundError, match="AZUREML_MODEL_DIR holds no single"):
        load(bundle, model_dir=tmp_path / "bundle" / "code")


def test_init_refuses_a_changed_model_and_changed_facts(tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    model, facts = bundle / "model" / "model.onnx", bundle / "code" / "model_info.json"
    original = model.read_bytes()
    for changed in (original[:-1], original + b"\x00", original[:99] + bytes([original[99] ^ 1]) + original[100:]):
        model.write_bytes(changed)
        with pytest.raises(RuntimeError, match="model file was changed"):
            load(bundle)
    model.write_bytes(original)
    facts.write_text(facts.read_text().replace('"max_batch": 1000', '"max_batch": 9999'))
    with pytest.raises(RuntimeError, match="is not the file that"):
        load(bundle)


def test_the_script_imports_nothing_of_the_building_side(tmp_path: Path) -> None:
    bundle = models.bundled(models.text_taker(tmp_path), tmp_path / "bundle")
    source = (bundle / "code" / "score.py").read_text(encoding="utf-8")
    imported = {
        line.split()[1].partition(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))
    }
    third = {"msgspec", "numpy", "onnxruntime", "orjson", "azureml_inference_server_http", "flask"}
    own = {"hashlib", "itertools", "json", "logging", "os", "pathlib", "re", "time", "typing"}
    assert imported - third <= own | {"contextlib", "gc", "socket", "struct", "threading"}


def test_run_needs_text_or_bytes(script: Callable[[str], ModuleType]) -> None:
    scored = script("classifier")
    for given_value in ({"features": [ROW]}, None, 1):
        assert scored.run(given_value).status_code == 400
    assert scored.run(bytearray(b'{"features": [[1, 2, 3]]}')).status_code == 200
