"""What `package check` says of a model's steps: short where much is alike, and nothing left out."""

from __future__ import annotations

from typing import Any

import pytest

from packager.commands import check

LOGISTIC = "sklearn.linear_model.LogisticRegression"


def step(path: str, estimator: str = LOGISTIC, status: str = "exact", reason: str = "") -> dict[str, str]:
    return {"path": path, "estimator": estimator, "status": status, "reason": reason}


def result(*steps: dict[str, str], **forms: str) -> dict[str, Any]:
    found = {"recipe": "a.yml", "ok": True, "name": "a", "version": "1", "columns": 3, "steps": list(steps)}
    return {**found, "forms": {"fp64": "converts", "fp32": "converts", **forms}}


def told(found: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[str]:
    check._tell(found)
    return capsys.readouterr().out.splitlines()


def test_members_that_differ_in_their_name_alone_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    members = [part for at in range(1_200) for part in (step(f"bag.{at}"), step(f"bag.{at}.final", "my_pkg.Final"))]
    assert told(result(step("(model)"), *members), capsys)[2:] == [
        "(model)                     LogisticRegression  exact",
        "bag.0 and 1,199 more        LogisticRegression  exact",
        "bag.0.final and 1,199 more  my_pkg.Final        exact",
    ]


def test_what_does_not_convert_is_never_among_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    members = [step(f"bag.{at}") for at in range(5)]
    members[3] = step("bag.3", status="float32-only", reason="Erf")
    assert told(result(*members, fp64="no kernel of Erf"), capsys) == [
        "a.yml: a-1, 3 columns, converts in fp32",
        "no fp64: no kernel of Erf",
        "step              estimator           converts      why",
        "bag.0 and 3 more  LogisticRegression  exact",
        "bag.3             LogisticRegression  float32-only  Erf",
    ]


def test_a_few_alike_are_told_each(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [step("vote.a"), step("vote.b"), step("other.c"), step("other.d")]
    assert [line.split()[0] for line in told(result(*steps), capsys)[2:]] == ["vote.a", "vote.b", "other.c", "other.d"]
