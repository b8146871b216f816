"""The first things a reader wants: one sentence for a manager, then the key facts. Only what was measured is said."""

from __future__ import annotations

import math
from typing import Any, Literal

from packager import wording
from packager.errors import VerifyError
from packager.report.model import BuildReport
from packager.report.verdicts import PROBE, measured_and_limit, variant_of, worst

Outcome = Literal["bundle", "no bundle", "failed"]
Fact = tuple[str, str, str]
"""A label, its short text, and the whole text where the short one is cut."""


def outcome(report: BuildReport) -> Outcome:
    """Return what came of the build in a word or two."""
    if report.bundle is None:
        return "no bundle"
    return "bundle" if report.ok else "failed"


def headline(report: BuildReport) -> str:
    """Return one sentence: the bundle scores like the registered model, and how nearly, or why there is none."""
    if not report.ok:
        return _refusal(report)
    if report.selected is None or report.bundle is None:
        return "The build ended well, but it names no bundle."
    verdicts = [verdict for verdict in report.verdicts if verdict.subject == report.selected]
    name = wording.printable(report.selected)
    if not verdicts or not all(verdict.ok for verdict in verdicts):
        return f"The selected variant {name} lacks a passed gate: treat the bundle as unverified."
    claim = f"{name} scores like the registered model{_within(report, report.selected)}"
    if evidence := _evidence(report, report.selected, ""):
        mismatch = worst(report, report.selected, f"{PROBE}label_mismatch")
        made = f"; of the labels of made rows {wording.share(mismatch)} differ" if mismatch else ""
        return f"{claim}: {evidence}{made}{_quality(report, report.selected)}."
    if evidence := _evidence(report, report.selected, PROBE):
        return f"{claim}, judged on rows made from its structure alone: {evidence}."
    return f"{name} passed every check of the recipe."


def detail(report: BuildReport) -> str | None:
    """Return the whole error of a build that failed, where it says more than the headline."""
    error = wording.printable(report.error or "", lines=True).strip()
    return error if not report.ok and "\n" in error else None


def key_facts(report: BuildReport) -> list[Fact]:
    """Return what identifies the build: source, training versions, rows it was verified on, bundle."""
    facts = [*_source_facts(report.source), *_row_facts(report)]
    if report.bundle is not None:
        facts.append(_fact("Bundle", report.bundle.path))
        facts.append(_digest("Bundle digest", report.bundle.digest))
    facts += [_fact("Published", place) for place in report.published]
    if report.timings_s:
        facts.append(_fact("Build time", wording.seconds(sum(report.timings_s.values()))))
    return facts


def not_reached(report: BuildReport) -> list[str]:
    """Return the parts of the build that an error came before."""
    if report.ok:
        return []
    parts = {"variants": report.variants, "verdicts": report.verdicts, "measurements": report.measurements}
    return [name for name, made in parts.items() if not made]


def _refusal(report: BuildReport) -> str:
    """Say why there is no bundle; where the gate stopped the build: which check, what it measured, its limit."""
    what = "No bundle" if report.bundle is None else "The build failed"
    baseline = report.variants[0].name if report.variants else None
    failed = [one for one in report.verdicts if one.subject == baseline and not one.ok]
    if baseline is None or not failed or report.exit_code != VerifyError.exit_code:
        why = _first_line(report.error) or f"the build ended with exit code {report.exit_code}"
        return f"{what}: {why}" + ("" if why.endswith((".", "!", "?", "…")) else ".")
    first, (measured, limit) = failed[0], measured_and_limit(failed[0])
    more = f" ({len(failed) - 1} more failed)" if len(failed) > 1 else ""
    claim = f"{what}: {wording.printable(baseline)} does not score like the registered model"
    check = f"{wording.printable(first.check)} measured {measured}, limit {limit}{more}"
    prefix = PROBE if first.check.startswith(PROBE) else ""
    if first.check == f"{prefix}parity":
        check = f"{measured} values lie beyond the limits of {wording.printable(first.recipe_key)}{more}"
    evidence = _evidence(report, baseline, prefix)
    return f"{claim}: {wording.clip(check, 300)}{'; ' + evidence if evidence else ''}."


def _evidence(report: BuildReport, name: str, prefix: str) -> str:
    """Say what was measured on one kind of rows; empty where nothing was."""
    kind, rows = (
        ("made row", report.verification.get("made_rows")) if prefix else ("row", report.verification.get("rows"))
    )
    mismatch = worst(report, name, f"{prefix}label_mismatch")
    largest = worst(report, name, f"{prefix}max_abs_error")
    parts = []
    over = f" over {wording.count(rows)} {kind}{'' if rows == 1 else 's'}" if isinstance(rows, int) and rows > 0 else ""
    if largest is not None:
        parts.append(f"largest difference {_difference(largest)}{over}")
    if mismatch is not None:
        parts.append(_labels(mismatch, rows) + (over if largest is None and mismatch == 0 else ""))
    return ", ".join(parts)


def _difference(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else wording.error(value)


def _quality(report: BuildReport, name: str) -> str:
    """Say the first quality metric before and after; empty where none was compared."""
    drift = next((one for one in report.drift if one.variant == name and one.segment is None), None)
    if drift is None:
        return ""
    before, after = wording.metric(drift.native), wording.metric(drift.value)
    figures = f"{before} before and after" if before == after else f"{before} before, {after} after"
    return f"; {wording.printable(drift.metric)} {figures}"


def _within(report: BuildReport, selected: str) -> str:
    """Name the limits where the room they leave is used: a label differs, or digits were given up."""
    variant = variant_of(report, selected)
    narrow = variant is not None and variant.precision not in ("fp64", "fp32", "binned")
    differs = any(worst(report, selected, f"{prefix}label_mismatch") for prefix in ("", PROBE))
    return " within the recipe's limits" if narrow or differs else ""


def _labels(mismatch: float, rows: object) -> str:
    if mismatch == 0:
        return "no label differs"
    # A count is said only where the share is one of so many rows; else it would be a figure nobody counted.
    if isinstance(rows, int) and rows > 0 and math.isclose(mismatch * rows, round(mismatch * rows), abs_tol=1e-6):
        return f"{wording.count(mismatch * rows)} of {wording.count(rows)} labels differ"
    return f"{wording.share(mismatch)} of the labels differ"


def _source_facts(source: dict[str, Any]) -> list[Fact]:
    facts = [_fact("Source", source["uri"])] if source.get("uri") else []
    if source.get("sha256"):
        facts.append(_digest("Source SHA-256", source["sha256"]))
    if source.get("framework"):
        facts.append(_fact("Framework", source["framework"]))
    if isinstance(source.get("versions"), dict) and source["versions"]:
        facts.append(_fact("Trained with", ", ".join(f"{name} {of}" for name, of in source["versions"].items())))
    if isinstance(source.get("estimators"), list | tuple) and source["estimators"]:
        facts.append(_fact("Estimators", ", ".join(map(str, source["estimators"]))))
    return facts


def _row_facts(report: BuildReport) -> list[Fact]:
    named = {"rows": "verification rows", "made_rows": "made rows"}
    found = [
        f"{wording.count(report.verification[key])} {words}"
        for key, words in named.items()
        if isinstance(report.verification.get(key), int)
    ]
    return [_fact("Verified on", ", ".join(found))] if found else []


def _fact(label: str, value: object) -> Fact:
    text = wording.printable(value)
    return (label, wording.clip(text, 160), text)


def _digest(label: str, value: object) -> Fact:
    text = wording.printable(value)
    return (label, wording.digest(text), text)


def _first_line(error: str | None) -> str:
    return wording.clip(wording.printable((error or "").strip().split("\n")[0]), 400)
