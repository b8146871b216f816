"""Figures of a verdict are in the check's own unit, and a failure by a hair shows the hair."""

from __future__ import annotations

import math

import pytest

from packager.artifact import Verdict
from packager.report.verdicts import Figure, gate_first, is_excused, measured_and_limit, worst

from .samples import failed_build, ok_build


@pytest.mark.parametrize(
    ("check", "measured", "limit", "ok", "said"),
    [
        ("parity", 17, 0, False, ("17", "0")),
        ("parity", 12_345, 0, False, ("12,345", "0")),
        ("max_abs_error", 2.2e-16, None, True, ("2.2e-16", "none")),
        ("max_abs_error", 2.2e-16, 1e-6, True, ("2.2e-16", "1e-06")),
        ("max_abs_error", 1.04e-6, 1e-6, False, ("1.04e-06", "1e-06")),
        ("max_abs_error", math.nextafter(1e-6, 1), 1e-6, False, ("1.0000000000000002e-06", "1e-06")),
        ("label_mismatch", 0.000831, 0.0, False, ("0.0831%", "0%")),
        ("probe_label_mismatch", 0.00100004, 0.001, False, ("0.00100004", "0.001")),
        ("drift.roc_auc", -2.46e-5, 0.001, True, ("-2.5e-05", "0.001")),
        ("drift.rmse", float("nan"), 0.001, False, ("NaN", "0.001")),
        ("outputs", "[2, 3]", "[2, 2]", False, ("[2, 3]", "[2, 2]")),
        ("a new check", 3, 1000, True, ("3", "1,000")),
        ("a new check", True, None, True, ("True", "none")),
        ("served", None, None, True, ("–", "none")),
    ],
)
def test_figures(check: str, measured: Figure, limit: Figure, ok: bool, said: tuple[str, str]) -> None:
    assert measured_and_limit(Verdict(check, "fp64", measured, limit, ok, "k")) == said


def test_only_a_rejected_variant_of_an_ok_build_is_excused() -> None:
    failing = Verdict("parity", "fp32", 1, 0, False, "k")
    assert is_excused(ok_build(), failing)
    assert not is_excused(failed_build(), failing)
    assert not is_excused(ok_build(), Verdict("parity", "fp64", 1, 0, False, "k"))
    assert not is_excused(ok_build(), Verdict("parity", "fp32", 0, 0, True, "k"))


def test_the_gate_comes_first() -> None:
    report = ok_build()
    report.verdicts.reverse()
    subjects = [one.subject for one in gate_first(report)]
    assert subjects == sorted(subjects, key=lambda name: name != "fp64")
    report = failed_build()
    passed = [one.ok for one in gate_first(report)]
    assert passed == sorted(passed)


def test_worst_takes_the_largest_and_does_not_hide_a_nan() -> None:
    report = ok_build()
    report.verdicts = [Verdict("max_abs_error", "fp64", value, None, True, "k") for value in (1e-9, 3e-9, 2e-9)]
    assert worst(report, "fp64", "max_abs_error") == 3e-9
    assert worst(report, "fp32", "max_abs_error") is None
    report.verdicts.insert(1, Verdict("max_abs_error", "fp64", float("nan"), None, False, "k"))
    found = worst(report, "fp64", "max_abs_error")
    assert found is not None
    assert math.isnan(found)
