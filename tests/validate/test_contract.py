"""The contract holds for every kind of column, and its requests tell each other apart."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from packager.bundle.golden import read_golden
from packager.bundle.model_info import read_info
from packager.bundle.serve import served
from packager.validate import answers, api, contract
from packager.validate.client import Reply
from packager.validate.contract import Answered, Case
from packager.validate.silence import silence_findings
from tests.bundle import models


@pytest.mark.parametrize("kind", ["missing", "text", "strict", "truths"])
def test_a_true_bundle_of_any_columns_keeps_it(kind: str, tmp_path: Path) -> None:
    plan = models.with_settings(models.KINDS[kind](tmp_path), max_batch=4)
    bundle = models.bundled(plan, tmp_path / "bundle")
    info = read_info(bundle / "code")
    golden = read_golden(bundle, info)
    with tempfile.TemporaryFile() as log:
        with served(bundle, log=log) as server:
            answered = contract.ask(server.url, info, golden.cells[0])
            findings = answers.golden_findings(server.url, info, golden)
            findings += answers.sample_findings(server.url, bundle, info, golden)
            findings += api.served_findings(server.url, bundle)
        log.seek(0)
        findings += silence_findings(log.read(), answered, info, golden)
    assert [*contract.judge(answered), *findings] == []
    assert len(answered) > 30
    assert {one.reply.status for one in answered} == {200, 400, 405, 413}


ERROR = b'{"error": {"code": "schema_mismatch", "message": "row 0: expected 3 cells, found 2 cells"}}'


@pytest.mark.parametrize(
    ("status", "reply", "code", "words"),
    [
        (200, Reply(500, b'{"error": {"code": "internal"}}'), "424", "a valid request is not answered: it (internal)"),
        (200, Reply(0), "424", "a valid request is not answered: it"),
        (400, Reply(200, b"{}"), "200", "a request that must be refused is scored: it"),
        (400, Reply(500, ERROR), "424", "refused with another status than the contract says: it"),
        (413, Reply(400, ERROR), "424", "refused with another status than the contract says: it"),
        (400, Reply(400, b"no JSON"), "424", "a refusal does not say what is wrong: it"),
        (400, Reply(400, b'{"error": "bad"}'), "424", "a refusal does not say what is wrong: it"),
        (None, Reply(500, ERROR), "424", "neither answered nor refused: it"),
    ],
)
def test_what_breaks_it_is_told(status: int | None, reply: Reply, code: str, words: str) -> None:
    (found,) = contract.judge([Answered(Case("it", b"", status), reply)])
    assert (found.code, found.check) == (code, "contract")
    assert words in found.message
    assert found.hint


@pytest.mark.parametrize(("status", "reply"), [(200, Reply(200)), (400, Reply(400, ERROR)), (None, Reply(400, ERROR))])
def test_what_keeps_it_is_not(status: int | None, reply: Reply) -> None:
    assert contract.judge([Answered(Case("it", b"", status), reply)]) == []


def test_forms_that_are_answered_unlike_are_told() -> None:
    cases = [Case(what, b"", 200) for what in ("rows under the bundle's key", "rows under data")]
    (found,) = contract.judge(
        [Answered(case, Reply(200, body)) for case, body in zip(cases, (b"[1]", b"[2]"), strict=True)]
    )
    assert (found.code, found.message) == ("200", "the same row is answered differently in different forms")
