"""Verdicts name what failed and the key that sets the limit; nothing passes for want of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packager.artifact import Output, Precision, Signature, Variant, Verdict
from packager.errors import VerifyError
from packager.recipe.model import Recipe
from packager.report.model import Drift
from packager.verify.gate import gate, judge, rejected, told
from packager.verify.parity import Tally
from packager.verify.verify import Subject

from .recipes import recipe

SIGNATURE = Signature(
    "classifier", "tensor", (), (Output("label", "label", 0), Output("probabilities", "probability", 2)), (0, 1)
)


def answers(labels: list[int], chance: float) -> dict[str, np.ndarray]:
    return {"label": np.array(labels), "probabilities": np.full((len(labels), 2), chance)}


def subject(asked: Recipe, precision: Precision = "fp64", **found: dict[str, np.ndarray]) -> Subject:
    """Return a subject whose tallies compared `made` and `data` with two rows of label 0, 1 and chance 0.5."""
    tolerance = asked.verify.parity.tolerance(precision)
    tallies = {}
    for name in ("made", "data"):
        tallies[name] = Tally(SIGNATURE, tolerance)
        if name in found:
            tallies[name].add(answers([0, 1], 0.5), found[name])
    session: Any = None
    return Subject(Variant(precision, precision, "ok"), session, tallies["made"], tallies["data"])


SAME, LABELS, VALUES = answers([0, 1], 0.5), answers([0, 0], 0.5), answers([0, 1], 0.6)


def checks(verdicts: list[Verdict]) -> dict[str, bool]:
    return {verdict.check: verdict.ok for verdict in verdicts}


def test_equal_answers_pass_every_check(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    found = checks(judge(subject(asked, made=SAME, data=SAME), [], asked))
    assert set(found) == {
        f"{prefix}{check}"
        for prefix in ("probe_", "")
        for check in ("parity", "max_abs_error", "max_rel_error", "label_mismatch")
    }
    assert all(found.values())


@pytest.mark.parametrize("where", ["made", "data"])
@pytest.mark.parametrize(("found", "check"), [(LABELS, "label_mismatch"), (VALUES, "parity")])
def test_a_difference_fails_its_own_check(where: str, found: dict[str, np.ndarray], check: str, tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    both = {"made": SAME, "data": SAME, where: found}
    failed = [verdict.check for verdict in judge(subject(asked, **both), [], asked) if not verdict.ok]
    assert failed == [f"{'probe_' if where == 'made' else ''}{check}"]


def test_without_data_there_are_no_verdicts_on_data(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    assert all(verdict.check.startswith("probe_") for verdict in judge(subject(asked, made=SAME), [], asked))


def test_a_variant_that_was_compared_with_nothing_fails(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    (verdict,) = judge(subject(asked), [], asked)
    assert (verdict.check, verdict.ok, verdict.recipe_key) == ("compared_rows", False, "data.verification")


def test_answers_of_another_shape_fail(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    wrong = {"label": np.array([0, 1]), "probabilities": np.full((2, 3), 0.5)}
    found = checks(judge(subject(asked, made=wrong), [], asked))
    assert found["probe_outputs"] is False


def test_a_variant_that_gave_no_answer_fails(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    judged = subject(asked)
    judged.made.add_failure(10, "ONNX Runtime fell over")
    found = judge(judged, [], asked)
    assert [(verdict.check, verdict.ok) for verdict in found] == [("probe_outputs", False)]
    assert found[0].measured == "ONNX Runtime fell over"


@pytest.mark.parametrize(
    ("precision", "section", "keys"),
    [
        ("fp64", "{}", {"verify.parity.atol", "verify.parity.rtol", "verify.parity.label_mismatch"}),
        (
            "fp32",
            "{parity: {fp32: {rtol: 0.1}}}",
            {"verify.parity.atol", "verify.parity.fp32.rtol", "verify.parity.label_mismatch"},
        ),
        ("int8", "{}", {"verify.parity.int8.atol", "verify.parity.int8.rtol", "verify.parity.int8.label_mismatch"}),
    ],
)
def test_verdicts_name_the_key_that_sets_their_limit(
    precision: Precision, section: str, keys: set[str], tmp_path: Path
) -> None:
    asked = recipe(tmp_path, section)
    assert {verdict.recipe_key for verdict in judge(subject(asked, precision, made=SAME), [], asked)} == keys


def test_the_recipe_may_allow_label_mismatches(tmp_path: Path) -> None:
    allowed = recipe(tmp_path, "{parity: {label_mismatch: 0.5}}")
    assert checks(judge(subject(allowed, made=LABELS), [], allowed))["probe_label_mismatch"]
    stricter = recipe(tmp_path, "{parity: {label_mismatch: 0.49}}")
    assert not checks(judge(subject(stricter, made=LABELS), [], stricter))["probe_label_mismatch"]


DRIFT = "{drift: {metric: roc_auc, max_drop: 0.01}}"


@pytest.mark.parametrize(
    ("drop", "ok"),
    [(0.0, True), (-0.5, True), (0.01, True), (0.0101, False), (float("nan"), False), (float("inf"), False)],
)
def test_a_drop_beyond_the_limit_fails_and_so_does_no_number(drop: float, ok: bool, tmp_path: Path) -> None:
    asked = recipe(tmp_path, DRIFT, "{label: y}")
    drifts = [Drift("fp64", "roc_auc", 0.9, 0.9 - drop, drop, 2), Drift("int8", "roc_auc", 0.9, 0.1, 0.8, 2)]
    found = {verdict.check: verdict for verdict in judge(subject(asked, made=SAME, data=SAME), drifts, asked)}
    assert found["drift.roc_auc"].ok is ok
    assert found["drift.roc_auc"].recipe_key == "verify.drift.max_drop"


def test_a_drop_that_was_asked_for_and_not_measured_fails(tmp_path: Path) -> None:
    asked = recipe(tmp_path, DRIFT, "{label: y}")
    found = {verdict.check: verdict for verdict in judge(subject(asked, made=SAME), [], asked)}
    assert not found["drift.roc_auc"].ok
    assert "not measured" in str(found["drift.roc_auc"].measured)


def test_a_drop_that_nobody_asked_for_is_no_verdict(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    drifts = [Drift("fp64", "roc_auc", 0.9, 0.1, 0.8, 2)]
    assert all(verdict.ok for verdict in judge(subject(asked, made=SAME, data=SAME), drifts, asked))


FAILED = Verdict("parity", "int8", 12_345, 0, False, "verify.parity.int8.atol")
PASSED = Verdict("parity", "fp64", 0, 0, True, "verify.parity.atol")


def test_a_variant_with_a_failed_verdict_is_rejected_with_its_reason() -> None:
    found = rejected(Variant("int8", "int8", "ok"), [PASSED, FAILED])
    assert (found.status, found.reason) == ("rejected", "parity: 12,345 values beyond tolerance, limit 0")


def test_only_a_variants_own_verdicts_reject_it() -> None:
    assert rejected(Variant("fp64", "fp64", "ok"), [PASSED, FAILED]).status == "ok"


def test_a_variant_that_is_not_ok_keeps_its_reason() -> None:
    idle = Variant("int8", "int8", "no_op", "nothing to do")
    assert rejected(idle, [FAILED]) == idle


def test_the_gate_stops_at_a_failed_verdict_with_its_key_and_limit(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    gate([PASSED, FAILED], "fp64", asked)
    with pytest.raises(VerifyError) as caught:
        gate([PASSED, FAILED, FAILED], "int8", asked)
    assert caught.value.exit_code == 6
    assert "12,345 values beyond tolerance" in str(caught.value)
    assert "1 more failed" in str(caught.value)
    assert "verify.parity.int8.atol" in str(caught.value)
    assert (caught.value.measured, caught.value.limit) == (12_345, 0)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict("label_mismatch", "int8", 0.0123, 0.01, False, ""), "label_mismatch 1.2300% of rows, limit 1.0000%"),
        (Verdict("probe_parity", "fp32", 2, 0, False, ""), "probe_parity: 2 values beyond tolerance, limit 0"),
        (Verdict("drift.rmse", "fp16", 0.5, 0.001, False, ""), "drift.rmse 0.5, limit 0.001"),
        (Verdict("drift.rmse", "fp16", "not measured", 0.001, False, ""), "drift.rmse not measured, limit 0.001"),
        (
            Verdict("outputs", "fp16", "it fell over", "as the native ones", False, ""),
            "outputs it fell over, limit as the native ones",
        ),
    ],
)
def test_verdicts_are_told_in_words(verdict: Verdict, words: str) -> None:
    assert told(verdict) == words
