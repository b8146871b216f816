"""The report as JUnit XML, so that a CI system lists the gate among its tests.

One test case a verdict: its class is the variant, its name the check. One more case, `build`, stands for the build
as a whole, so that no file is empty and an error that came before any verdict is seen.

What fails here is what fails the build. The gate is the baseline and the selected variant; where the build is ok, a
failed verdict of a rejected variant did its work by keeping that variant out, so it is `skipped` with the reason.
Where the build is not ok nothing is excused: every failed verdict is a `failure`, and the error an `error`.
"""

from __future__ import annotations

from xml.etree import ElementTree

from packager import wording
from packager.artifact import Verdict
from packager.report.headline import headline
from packager.report.model import BuildReport
from packager.report.verdicts import is_excused, measured_and_limit, variant_of


def render_junit(report: BuildReport) -> str:
    """Return junit.xml."""
    name = wording.printable(f"package build {report.name}")
    suite = ElementTree.Element("testsuite", {"name": name})
    _build_case(suite, report)
    for verdict in report.verdicts:
        _verdict_case(suite, report, verdict)
    counts = {
        "tests": len(suite),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    suite.attrib.update({key: str(value) for key, value in counts.items()})
    suite.set("time", _seconds(report))
    root = ElementTree.Element("testsuites", suite.attrib)
    root.append(suite)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _build_case(suite: ElementTree.Element, report: BuildReport) -> None:
    case = _case(suite, "build", "build")
    case.set("time", _seconds(report))
    if not report.ok:
        attributes = {"message": headline(report), "type": f"exit code {report.exit_code}"}
        ElementTree.SubElement(case, "error", attributes).text = wording.printable(report.error or "", lines=True)


def _verdict_case(suite: ElementTree.Element, report: BuildReport, verdict: Verdict) -> None:
    case = _case(suite, verdict.subject, verdict.check)
    if verdict.ok:
        return
    measured, limit = measured_and_limit(verdict)
    note = f" ({wording.printable(verdict.note)})" if verdict.note else ""
    message = f"measured {measured}{note}, limit {limit}"
    key = f" ({wording.printable(verdict.recipe_key)})" if verdict.recipe_key else ""
    if is_excused(report, verdict):
        variant = variant_of(report, verdict.subject)
        why = wording.printable((variant.reason if variant else None) or "no reason was given")
        ElementTree.SubElement(case, "skipped", {"message": f"variant rejected: {why}; {message}{key}"})
        return
    failure = ElementTree.SubElement(case, "failure", {"message": message, "type": wording.printable(verdict.check)})
    failure.text = f"{wording.printable(verdict.check)} of {wording.printable(verdict.subject)}: {message}{key}"


def _case(suite: ElementTree.Element, classname: str, name: str) -> ElementTree.Element:
    attributes = {"classname": wording.printable(classname), "name": wording.printable(name)}
    return ElementTree.SubElement(suite, "testcase", attributes)


def _seconds(report: BuildReport) -> str:
    return f"{sum(report.timings_s.values()):.3f}"
