"""Values of requests in logs and refusals: found however they are written, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from packager.bundle.golden import GoldenSet, read_golden
from packager.bundle.model_info import ModelInfo, read_info
from packager.validate.client import Reply
from packager.validate.contract import MARK, Answered, Case, marked_number
from packager.validate.silence import silence_findings

LINE = (
    b"2026-01-01 12:00:00,123 I [77] azmlinfsrv.score - scored status=200 rows=1 parse_ms=0.123 validate_ms=0.023 "
    b"infer_ms=12345.678 serialize_ms=0.004 bundle=fraud/3 request_id=8b1a9953-c461-4f2e-9a3d-57e0bb9c1a22 "
    b"client_request_id=\n"
)


@pytest.fixture(scope="module")
def facts(true_bundle: Path) -> tuple[ModelInfo, GoldenSet]:
    info = read_info(true_bundle / "code")
    return info, replace(read_golden(true_bundle, info), requests=([[1.0, 123.456789012, -0.25]],))


def refused(body: bytes = b"", **headers: str) -> list[Answered]:
    return [Answered(Case("a request", b"", 400), Reply(400, body, tuple(headers.items())))]


def test_an_ordinary_log_is_silent(facts: tuple[ModelInfo, GoldenSet]) -> None:
    assert silence_findings(LINE * 3, refused(b'{"error": {"code": "x", "row": 1}}'), *facts) == []


@pytest.mark.parametrize(
    "told", [MARK.encode(), b"[[8675309.4421]]", b"8675309.44", b"rows=[[1.0 123.45678901 -0.25]]", b"x=123.456789"]
)
def test_a_value_is_found(told: bytes, facts: tuple[ModelInfo, GoldenSet]) -> None:
    assert marked_number(facts[0]) == (0, 8675309.4421)
    (found,) = silence_findings(LINE + b"got " + told + b"\n" + LINE, [], *facts)
    assert (found.code, found.measured, found.limit) == ("200", "1 line", "none")
    assert told.decode() not in f"{found.message}{found.hint}"
    (body,) = silence_findings(LINE, refused(b"no " + told), *facts)
    (header,) = silence_findings(LINE, refused(reason=told.decode()), *facts)
    assert "repeats a value of the request" in body.message
    assert "repeats a value of the request" in header.message
