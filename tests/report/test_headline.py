"""The first sentence claims what was measured, and nothing where it was not."""

from __future__ import annotations

from dataclasses import replace

from packager.artifact import Verdict
from packager.report.headline import detail, headline, key_facts, not_reached, outcome
from packager.report.model import BuildReport

from .samples import early_failure, failed_build, ok_build


def test_an_ok_build_tells_labels_and_the_largest_error() -> None:
    assert headline(ok_build()) == (
        "fp64 scores like the registered model: largest difference 2.2e-16 over 4,812 rows, no label differs; "
        "roc_auc 0.98123 before and after."
    )


def test_differences_within_the_limits_are_told() -> None:
    report = ok_build()
    report.verdicts = [Verdict("label_mismatch", "fp64", 3 / 4812, 0.001, True, "verify.parity.label_mismatch")]
    assert headline(report) == (
        "fp64 scores like the registered model within the recipe's limits: 3 of 4,812 labels differ; "
        "roc_auc 0.98123 before and after."
    )


def test_labels_of_made_rows_that_differ_are_not_hidden() -> None:
    report = ok_build()
    report.verdicts.append(Verdict("probe_label_mismatch", "fp64", 0.0043, 0.01, True, "verify.parity.label_mismatch"))
    assert headline(report) == (
        "fp64 scores like the registered model within the recipe's limits: largest difference 2.2e-16 over 4,812 rows, "
        "no label differs; of the labels of made rows 0.43% differ; roc_auc 0.98123 before and after."
    )


def test_a_narrow_precision_names_the_limits() -> None:
    report = ok_build()
    report.variants[0] = replace(report.variants[0], precision="int8")
    assert "model within the recipe's limits: largest difference" in headline(report)


def test_a_share_that_is_not_of_those_rows_is_not_made_a_count() -> None:
    report = ok_build()
    report.verdicts = [Verdict("label_mismatch", "fp64", 0.00012345, 0.001, True, "verify.parity.label_mismatch")]
    assert "0.0123% of the labels differ" in headline(report)
    report.verification = {}
    report.verdicts = [Verdict("label_mismatch", "fp64", 0.0, 0.001, True, "verify.parity.label_mismatch")]
    assert "no label differs" in headline(report)


def test_a_regressor_tells_only_its_error() -> None:
    report = ok_build()
    report.drift = []
    report.verdicts = [Verdict("max_abs_error", "fp64", 0.0, None, True, "verify.parity.atol")]
    assert headline(report) == "fp64 scores like the registered model: largest difference 0 over 4,812 rows."


def test_made_rows_are_told_as_what_they_are() -> None:
    report = ok_build()
    report.verdicts = [one for one in report.verdicts if one.check.startswith("probe_")]
    assert headline(report) == (
        "fp64 scores like the registered model, judged on rows made from its structure alone: "
        "largest difference 4.4e-16 over 11,904 made rows, no label differs."
    )


def test_no_claim_without_a_passed_gate() -> None:
    report = ok_build()
    report.verdicts = []
    assert "lacks a passed gate" in headline(report)
    report.verdicts = [Verdict("parity", "fp64", 1, 0, False, "verify.parity.atol")]
    assert "lacks a passed gate" in headline(report)
    report = ok_build()
    report.bundle = None
    assert headline(report) == "The build ended well, but it names no bundle."


def test_a_failure_begins_with_the_bundle_that_is_not_there() -> None:
    assert headline(early_failure()) == "No bundle: registry://fraud/3 has another digest than the recipe pins."
    assert headline(BuildReport(name="x", exit_code=7)) == "No bundle: the build ended with exit code 7."
    report = failed_build()
    report.bundle = ok_build().bundle
    assert headline(report).startswith("The build failed: fp64 does not score like the registered model")
    assert [outcome(one) for one in (ok_build(), failed_build(), report)] == ["bundle", "no bundle", "failed"]


def test_the_whole_error_is_kept_where_it_has_more_lines() -> None:
    assert detail(failed_build()) == failed_build().error
    assert detail(early_failure()) is None
    assert detail(ok_build()) is None


def test_key_facts_are_those_that_are_known() -> None:
    facts = {label: text for label, text, _ in key_facts(ok_build())}
    assert facts["Trained with"] == "lightgbm 4.7.0, scikit-learn 1.9.1, numpy 2.4.6"
    assert facts["Source SHA-256"] == "9f2c4be1a07d"
    assert facts["Bundle digest"] == "4c3b2a1908f7"
    assert facts["Build time"] == "15.0s"
    assert [label for label, _, _ in key_facts(early_failure())] == ["Source", "Build time"]
    assert key_facts(BuildReport(name="x")) == []


def test_what_was_not_reached_is_named() -> None:
    assert not_reached(early_failure()) == ["variants", "verdicts", "measurements"]
    assert not_reached(failed_build()) == ["measurements"]
    assert not_reached(ok_build()) == []


def test_quality_is_told_before_and_after() -> None:
    report = ok_build()
    report.drift = [replace(report.drift[0], value=0.979)]
    assert headline(report).endswith("; roc_auc 0.98123 before, 0.979 after.")


def test_a_refusal_tells_the_failed_check_and_by_how_much() -> None:
    assert headline(failed_build()) == (
        "No bundle: fp64 does not score like the registered model: 17 values lie beyond the limits of "
        "verify.parity.atol (2 more failed); largest difference 1e-06 over 4,812 rows, 0.0208% of the labels differ."
    )
    report = failed_build()
    report.verdicts = [Verdict("batch_invariance", "fp64", 3, 0, False, "verify.probes")]
    assert headline(report) == (
        "No bundle: fp64 does not score like the registered model: batch_invariance measured 3, limit 0."
    )


def test_a_later_failure_is_not_blamed_on_a_verdict() -> None:
    report = failed_build()
    report.exit_code, report.error = 8, "the disk is full"
    assert headline(report) == "No bundle: the disk is full."
