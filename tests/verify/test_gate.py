"""Verdicts name what failed and the key that sets the limit; nothing passes for want of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packager.artifact import Output, Precision, Signature, Variant, Verdict
from packager.errors import VerifyError
from packager.recipe.model import Recipe
from packager.report.model import Drift, Flips, Gain
from packager.verify.decision import Measured
from packager.verify.gate import gate, judge, rejected, told
from packager.verify.parity import Tally
from packager.verify.verify import Findings, Subject

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
    found = checks(judge(subject(asked, made=SAME, data=SAME), Findings(), asked))
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
    failed = [verdict.check for verdict in judge(subject(asked, **both), Findings(), asked) if not verdict.ok]
    assert failed == [f"{'probe_' if where == 'made' else ''}{check}"]


def test_without_data_there_are_no_verdicts_on_data(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    assert all(verdict.check.startswith("probe_") for verdict in judge(subject(asked, made=SAME), Findings(), asked))


def test_a_variant_that_was_compared_with_nothing_fails(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    (verdict,) = judge(subject(asked), Findings(), asked)
    assert (verdict.check, verdict.ok, verdict.recipe_key) == ("compared_rows", False, "data.verification")


def test_answers_of_another_shape_fail(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    wrong = {"label": np.array([0, 1]), "probabilities": np.full((2, 3), 0.5)}
    found = checks(judge(subject(asked, made=wrong), Findings(), asked))
    assert found["probe_outputs"] is False


def test_a_variant_that_gave_no_answer_fails(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    judged = subject(asked)
    judged.made.add_failure(10, "ONNX Runtime fell over")
    found = judge(judged, Findings(), asked)
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
    assert {verdict.recipe_key for verdict in judge(subject(asked, precision, made=SAME), Findings(), asked)} == keys


def test_the_recipe_may_allow_label_mismatches(tmp_path: Path) -> None:
    allowed = recipe(tmp_path, "{parity: {label_mismatch: 0.5}}")
    assert checks(judge(subject(allowed, made=LABELS), Findings(), allowed))["probe_label_mismatch"]
    stricter = recipe(tmp_path, "{parity: {label_mismatch: 0.49}}")
    assert not checks(judge(subject(stricter, made=LABELS), Findings(), stricter))["probe_label_mismatch"]


DRIFT = "{drift: {metric: roc_auc, max_drop: 0.01}}"


def drift(variant: str, drop: float, interval: tuple[float, float] | None, asked: Recipe, **more: Any) -> Drift:
    """Return a drift with its decision as the stage makes it."""
    assert asked.verify.drift is not None
    decision = Measured(drop, interval, 2_000, 0.9).against(asked.verify.drift.max_drop)
    return Drift(
        variant, "roc_auc", 0.9, 0.9 - drop, drop, 2_000, interval, method="bootstrap", decision=decision, **more
    )


@pytest.mark.parametrize(
    ("drop", "interval", "ok", "words"),
    [
        (0.0, (0.0, 0.0), True, "95% interval [0, 0] over 2,000 rows"),
        (-0.5, (-0.6, -0.4), True, ""),
        (0.005, (0.001, 0.009), True, ""),
        (0.005, (-0.001, 0.011), False, "not enough rows to decide at this limit; about 2,900 would do"),
        (0.011, (0.009, 0.013), False, "not enough rows"),
        (0.03, (0.02, 0.04), False, "95% interval [+0.02, +0.04] over 2,000 rows"),
        (float("nan"), None, False, "not all finite"),
        (float("inf"), (float("nan"), float("nan")), False, ""),
        (0.0, None, False, "not enough rows"),
    ],
)
def test_the_whole_interval_of_a_drop_has_to_lie_within_the_limit(
    drop: float, interval: tuple[float, float] | None, ok: bool, words: str, tmp_path: Path
) -> None:
    asked = recipe(tmp_path, DRIFT, "{label: y}")
    drifts = [drift("fp64", drop, interval, asked), drift("int8", 0.8, (0.7, 0.9), asked)]
    verdicts = judge(subject(asked, made=SAME, data=SAME), Findings(drifts), asked)
    (found,) = [verdict for verdict in verdicts if verdict.check == "drift.roc_auc"]
    assert (found.ok, found.recipe_key, found.limit) == (ok, "verify.drift.max_drop", 0.01)
    assert words in str(found.note)


@pytest.mark.parametrize(
    ("drop", "interval", "ok"),
    [(0.005, (-0.001, 0.011), True), (0.03, (0.02, 0.04), False), (float("nan"), None, False), (0.0, None, True)],
)
def test_the_recipe_may_accept_what_is_undecided_and_the_verdict_still_says_so(
    drop: float, interval: tuple[float, float] | None, ok: bool, tmp_path: Path
) -> None:
    asked = recipe(tmp_path, "{drift: {metric: roc_auc, max_drop: 0.01, undecided: report}}", "{label: y}")
    verdicts = judge(subject(asked, made=SAME), Findings([drift("fp64", drop, interval, asked)]), asked)
    (found,) = [verdict for verdict in verdicts if verdict.check == "drift.roc_auc"]
    assert found.ok is ok
    assert ("not enough rows" in str(found.note)) is ok


def test_a_drop_that_was_asked_for_and_not_measured_fails(tmp_path: Path) -> None:
    asked = recipe(tmp_path, DRIFT[:-1] + ", segment: x, champion: {uri: registry://a/1}}", "{label: y}")
    found = {verdict.check: verdict for verdict in judge(subject(asked, made=SAME), Findings(), asked)}
    for check in ("drift.roc_auc", "drift.roc_auc[x]", "champion"):
        assert not found[check].ok
        assert "not measured" in str(found[check].measured)


def test_a_drop_that_nobody_asked_for_is_no_verdict(tmp_path: Path) -> None:
    asked = recipe(tmp_path)
    drifts = [Drift("fp64", "roc_auc", 0.9, 0.1, 0.8, 2)]
    assert all(verdict.ok for verdict in judge(subject(asked, made=SAME, data=SAME), Findings(drifts), asked))


def test_a_segment_beyond_the_limit_fails_by_its_name_and_one_undecided_does_not(tmp_path: Path) -> None:
    asked = recipe(tmp_path, DRIFT[:-1] + ", segment: country}", "{label: y}")
    whole = drift("fp64", 0.001, (0.0, 0.002), asked)
    small = drift("fp64", 0.001, (-0.2, 0.2), asked, segment="FR")
    other = drift("int8", 0.05, (0.04, 0.06), asked, segment="FR")
    fine = judge(subject(asked, made=SAME), Findings([whole], [small, other]), asked)
    assert all(verdict.ok for verdict in fine)
    (count,) = [verdict for verdict in fine if verdict.check == "drift.roc_auc[country]"]
    assert count.measured == "0 of 1 values within the limit, 1 undecided"
    worse = drift("fp64", 0.05, (0.04, 0.06), asked, segment="DE")
    failed = [
        verdict
        for verdict in judge(subject(asked, made=SAME), Findings([whole], [small, worse]), asked)
        if not verdict.ok
    ]
    assert [(one.check, one.measured) for one in failed] == [
        ("drift.roc_auc[country=DE]", 0.05),
        ("drift.roc_auc[country]", "0 of 2 values within the limit, 1 undecided"),
    ]
    with pytest.raises(VerifyError, match=r"loses too much quality: drift.roc_auc\[country=DE\] 0.05"):
        gate(failed, "fp64", asked)


def champion(gain: float, interval: tuple[float, float], asked: Recipe) -> Findings:
    assert asked.verify.champion is not None
    measured = Measured(-gain, (-interval[1], -interval[0]), 2_000, 0.9)
    decision = measured.against(asked.verify.champion.most_drop)
    return Findings(gains=[Gain("fp64", "roc_auc", 0.9, 0.9 + gain, gain, 2_000, interval, "bootstrap", decision)])


@pytest.mark.parametrize(
    ("limit", "gain", "interval", "measured", "ok"),
    [
        ("min_gain: 0.005", 0.01, (0.006, 0.014), 0.01, True),
        ("min_gain: 0.005", 0.01, (0.004, 0.016), 0.01, False),
        ("min_gain: 0.005", 0.001, (0.0, 0.002), 0.001, False),
        ("max_drop: 0.005", -0.002, (-0.004, 0.0), 0.002, True),
        ("max_drop: 0.005", -0.01, (-0.02, -0.006), 0.01, False),
    ],
)
def test_a_champion_is_beaten_by_the_whole_interval(
    limit: str, gain: float, interval: tuple[float, float], measured: float, ok: bool, tmp_path: Path
) -> None:
    asked = recipe(tmp_path, f"{{champion: {{uri: registry://a/1, {limit}}}}}", "{label: y}")
    verdicts = judge(subject(asked, made=SAME), champion(gain, interval, asked), asked)
    (found,) = [verdict for verdict in verdicts if verdict.check == "champion.roc_auc"]
    key = f"verify.champion.{limit.partition(':')[0]}"
    assert (found.measured, found.limit, found.ok, found.recipe_key) == (measured, 0.005, ok, key)


def test_an_undecided_champion_is_accepted_where_undecided_drift_is(tmp_path: Path) -> None:
    asked = recipe(
        tmp_path,
        "{drift: {metric: roc_auc, undecided: report}, champion: {uri: registry://a/1, min_gain: 0.005}}",
        "{label: y}",
    )
    for interval, ok in (((0.004, 0.016), True), ((0.0, 0.004), False)):
        findings = champion(0.01, interval, asked)
        found = [one for one in judge(subject(asked, made=SAME), findings, asked) if one.check == "champion.roc_auc"]
        assert [one.ok for one in found] == [ok]


def test_an_undecided_drop_is_told_as_such_by_the_gate(tmp_path: Path) -> None:
    asked = recipe(tmp_path, DRIFT, "{label: y}")
    verdicts = judge(subject(asked, made=SAME), Findings([drift("fp64", 0.005, (-0.001, 0.011), asked)]), asked)
    with pytest.raises(VerifyError) as caught:
        gate(verdicts, "fp64", asked)
    told = str(caught.value)
    assert "variant fp64 is not known to keep its quality: drift.roc_auc 0.005 (95% interval" in told
    assert "about 2,900 would do), limit 0.01" in told
    assert "undecided: report" in told
    assert "recipe.yml:5 verify.drift.max_drop" in told


def test_flips_are_told_and_not_judged(tmp_path: Path) -> None:
    asked = recipe(tmp_path, "{thresholds: [0.9]}")
    flips = [Flips("fp64", 0.9, 2_000, 3, 4), Flips("int8", 0.9, 2_000, 30, 40)]
    verdicts = judge(subject(asked, made=SAME), Findings(flips=flips), asked)
    (found,) = [verdict for verdict in verdicts if verdict.check == "flips[0.9]"]
    assert (found.measured, found.limit, found.ok, found.recipe_key) == (7, None, True, "verify.thresholds")
    assert found.note == "3 from yes to no, 4 from no to yes, of 2,000 decisions"


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
