"""Rehearsal: a true bundle passes, what a request cannot carry is refused, and each planted fault is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from packager.bundle.plan import BundlePlan, Golden
from packager.bundle.rehearse import rehearse
from packager.dataset.rows import Rows
from packager.errors import BundleError

from . import models
from .test_replay import edited

NONE = Rows(np.zeros((0, 3)))


def many(plan: BundlePlan, rows: int = 25) -> Golden:
    """Return the plan's golden rows over and over."""
    index = np.resize(np.arange(len(plan.golden.rows)), rows)
    return Golden(plan.golden.rows.take(index), {name: values[index] for name, values in plan.golden.outputs.items()})


@pytest.mark.parametrize("kind", models.KINDS)
def test_a_true_bundle_passes_and_refuses_what_it_must(kind: str, tmp_path: Path) -> None:
    plan = models.with_settings(models.KINDS[kind](tmp_path), max_batch=10, request_key="rows")
    others = plan.golden.rows.take(np.zeros(0, dtype=np.intp))
    found = rehearse(models.bundled(plan, tmp_path / "bundle"), many(plan), others)
    assert found.faults == []
    assert (found.rows, found.beyond, found.label_mismatches) == (25, 0, 0)
    assert found.refusals >= 10


def test_made_rows_that_no_request_carries_are_refused(tmp_path: Path) -> None:
    plan = models.regressor(tmp_path)
    bundle = models.bundled(plan, tmp_path / "bundle")
    cells = [[np.inf, 0, 0], [0, -np.inf, 0], [0, 0, np.nan], [1e39, 0, 0], [1.0, 2.0, 3.0]]
    few, more = rehearse(bundle, many(plan), NONE), rehearse(bundle, many(plan), Rows(np.array(cells)))
    assert more.refusals == few.refusals + 4
    assert more.faults == few.faults == []


def test_texts_that_are_none_are_refused(tmp_path: Path) -> None:
    plan = models.text_taker(tmp_path)
    texts = np.array(["\ud800", "\ufdd0", None], dtype=object)
    rows = Rows(np.full((3, 3), 1.0), {1: texts})
    rows.numbers[:, 1] = np.nan
    found = rehearse(models.bundled(plan, tmp_path / "bundle"), many(plan), rows)
    assert found.faults == []
    assert found.refusals == 22 + len(texts)


@pytest.mark.parametrize(
    ("kind", "old", "new", "told"),
    [
        (
            "regressor",
            "> LIMITS).any()",
            "> LIMITS).all()",
            "a number too large in column 0: status 200 instead of 400",
        ),
        ("classifier", "len(rows) > MAX_BATCH", "False", "more rows than max_batch: status 400 instead of 413"),
        (
            "strict",
            "value not in column[",
            "not column[",
            "an unknown value in column 1: status 500 instead of 400",
        ),
        (
            "text",
            "= value.isascii() or",
            "= True or",
            "half a character in column 1: status 500 instead of 400",
        ),
    ],
)
def test_a_script_that_takes_too_much_is_told(kind: str, old: str, new: str, told: str, tmp_path: Path) -> None:
    plan = models.KINDS[kind](tmp_path)
    bundle = edited(models.bundled(plan, tmp_path / "bundle"), "code/score.py", lambda text: text.replace(old, new))
    found = rehearse(bundle, many(plan), plan.golden.rows.take(np.zeros(0, dtype=np.intp)))
    assert found.faults == [fault for fault in found.faults if "takes a request that it must refuse" in fault]
    assert f"it takes a request that it must refuse, {told}" in found.faults


def test_a_script_that_rounds_is_told(tmp_path: Path) -> None:
    plan = models.classifier(tmp_path)
    bundle = models.bundled(plan, tmp_path / "bundle")
    edited(bundle, "code/score.py", lambda text: text.replace("values if is_alone", "values.round(9) if is_alone"))
    found = rehearse(bundle, many(plan), NONE)
    assert found.unlike_session == 1
    assert found.faults == ["probabilities: the answers to made rows are not bit for bit those of the session"]
    assert found.beyond == 0


def test_native_answers_beyond_the_limits_are_counted(tmp_path: Path) -> None:
    plan = models.classifier(tmp_path)
    made = many(plan)
    made.outputs["probabilities"][3:5, 0] += 1e-4  # type: ignore[index]
    made.outputs["label"][7] = 1 - made.outputs["label"][7]  # type: ignore[operator]
    found = rehearse(models.bundled(plan, tmp_path / "bundle"), made, NONE)
    assert found.faults == []
    assert (found.beyond, found.label_mismatches) == (2, 1)


def test_a_script_that_refuses_a_row_is_an_error(tmp_path: Path) -> None:
    plan = models.regressor(tmp_path)
    bundle = models.bundled(plan, tmp_path / "bundle")
    edited(bundle, "code/score.py", lambda text: text.replace("type(rows[0]) is tuple", "False"))
    edited(bundle, "code/score.py", lambda text: text.replace("taken = kind in", "taken = None in"))
    with pytest.raises(BundleError, match=r"score\.py refuses made rows that the model takes, rows 0 and after: row 0"):
        rehearse(bundle, many(plan), NONE)
