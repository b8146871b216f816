"""Limits that rows at them get answers for: lowered where the model's own arithmetic overflows, and nowhere else."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from packager.artifact import Signature
from packager.bundle.graph import open_served
from packager.bundle.plan import BundlePlan
from packager.bundle.reach import within_reach
from packager.dataset.rows import Rows

from . import models
from .scripts import ask, load


def reached(plan: BundlePlan) -> Signature:
    assert plan.model.path is not None
    return within_reach(plan.signature, open_served(plan.model.path, plan.signature), plan.golden.rows)


def test_a_model_that_answers_whatever_comes_keeps_its_limits(tmp_path: Path) -> None:
    plan = models.classifier(tmp_path)
    assert reached(plan) == plan.signature


@pytest.mark.parametrize("kind", ["regressor", "missing", "outliers"])
def test_a_sum_that_overflows_lowers_the_limits_until_rows_at_them_are_answered(kind: str, tmp_path: Path) -> None:
    bundle = models.bundled(models.KINDS[kind](tmp_path), tmp_path / "bundle")
    script = load(bundle)
    limits = [column["max_abs"] for column in script.INFO["columns"] if column["dtype"] == "float64"]
    assert all(1e5 < limit < 1e308 for limit in limits)
    for sign in (1, -1):
        assert ask(script, {"features": [[sign * limit for limit in limits]]})[0] == 200
    beyond = [math.nextafter(limit, math.inf) for limit in limits]
    status, body = ask(script, {"features": [beyond]})
    assert (status, body["error"]["code"]) == (400, "schema_mismatch")


def test_rows_that_are_answered_stay_within_the_limits(tmp_path: Path) -> None:
    plan = models.regressor(tmp_path)
    far = replace(plan, golden=replace(plan.golden, rows=Rows(np.array([[1e37, 0.0, 0.0], [1.0, 1.0, 1.0]]))))
    assert {column.max_abs for column in reached(far).columns} == {1e37}
