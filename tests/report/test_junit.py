"""The XML lists the gate as tests: what fails there is what failed the build."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager import wording
from packager.artifact import Verdict
from packager.report.junit import render_junit
from packager.report.model import BuildReport

from .samples import HOSTILE, all_samples, early_failure, failed_build, ok_build

SAMPLES = all_samples()


def suite_of(report: BuildReport) -> ElementTree.Element:
    suite = ElementTree.fromstring(render_junit(report)).find("testsuite")
    assert suite is not None
    return suite


def outcomes(report: BuildReport) -> dict[tuple[str, str], str]:
    return {
        (case.attrib["classname"], case.attrib["name"]): case[0].tag if len(case) else "passed"
        for case in suite_of(report)
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_one_case_a_verdict_and_one_for_the_build(name: str) -> None:
    report = SAMPLES[name]
    named = [(case.attrib["classname"], case.attrib["name"]) for case in suite_of(report)]
    expected = [(wording.printable(one.subject), wording.printable(one.check)) for one in report.verdicts]
    assert named == [("build", "build"), *expected]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_counts_are_those_of_the_cases(name: str) -> None:
    suite = suite_of(SAMPLES[name])
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[attribute]) == len(suite.findall(f"testcase/{tag}"))
    assert int(suite.attrib["tests"]) == len(suite)


def test_a_build_that_is_ok_has_no_failure_though_a_variant_was_rejected() -> None:
    found = outcomes(ok_build())
    assert "failure" not in found.values()
    assert "error" not in found.values()
    assert found["fp32", "parity"] == "skipped"
    assert found["fp64", "parity"] == "passed"
    skipped = suite_of(ok_build()).find("testcase/skipped")
    assert skipped is not None
    assert skipped.attrib["message"].startswith("variant rejected: label_mismatch measured")
    assert skipped.attrib["message"].endswith("measured 4, limit 0 (verify.parity.atol)")


def test_a_failed_verdict_of_a_variant_that_is_not_rejected_is_never_excused() -> None:
    report = ok_build()
    report.verdicts.append(Verdict("served", "fp64", 3, 0, False, "verify.golden"))
    report.verdicts.append(Verdict("served", "unknown", 3, 0, False, "verify.golden"))
    found = outcomes(report)
    assert found["fp64", "served"] == "failure"
    assert found["unknown", "served"] == "failure"
    report.variants = [replace(one, status="rejected") for one in report.variants]
    assert outcomes(report)["fp64", "served"] == "failure", "the selected variant belongs to the gate"


def test_a_build_that_failed_excuses_nothing() -> None:
    found = outcomes(failed_build())
    assert found["build", "build"] == "error"
    assert found["fp64", "parity"] == "failure"
    assert found["fp32", "parity"] == "failure"
    assert "skipped" not in found.values()


def test_an_early_failure_is_one_error() -> None:
    suite = suite_of(early_failure())
    error = suite.find("testcase/error")
    assert error is not None
    assert (suite.attrib["tests"], suite.attrib["errors"], suite.attrib["failures"]) == ("1", "1", "0")
    assert error.attrib == {
        "message": "No bundle: registry://fraud/3 has another digest than the recipe pins.",
        "type": "exit code 3",
    }


def test_a_failure_tells_measured_against_limit_and_the_key() -> None:
    failure = suite_of(failed_build()).find("testcase[@name='max_abs_error']/failure")
    assert failure is not None
    assert failure.attrib["message"] == "measured 1.04e-06, limit 1e-06"
    assert failure.text == "max_abs_error of fp64: measured 1.04e-06, limit 1e-06 (verify.parity.atol)"


def test_hostile_text_is_escaped_and_shown() -> None:
    text = render_junit(SAMPLES["hostile"])
    assert "<script>" not in text
    assert wording.printable(HOSTILE) in suite_of(SAMPLES["hostile"]).attrib["name"]


@given(st.text(st.characters()))
def test_any_text_gives_valid_xml(text: str) -> None:
    report = BuildReport(name=text, error=text, verdicts=[Verdict(text, text, text, text, False, text)])
    suite = ElementTree.fromstring(render_junit(report).encode("utf-8")).find("testsuite")
    assert suite is not None
    assert suite[1].attrib["name"] == wording.printable(text)
