"""What each stage says of itself when it is done: one line for the console."""

from __future__ import annotations

import re
from collections.abc import Sequence

from packager import wording
from packager.artifact import VERIFIED_SETTINGS, SessionSettings, Variant
from packager.convert.forms import Forms
from packager.report.model import BuildReport
from packager.report.tuned import settings_said
from packager.stages import Source

_SHOWN_STEPS = 4


def source(source: Source) -> str:
    """Return the source stage's line."""
    model = source.model
    kind, columns = _kind(model.estimators), len(model.signature.columns)
    return f"{model.uri}  {kind}, {columns} columns, {wording.size(source.artifact.size_bytes)}"


def _kind(estimators: Sequence[str]) -> str:
    """Return the model's class, of a pipeline those of its first steps; `estimators` is the indented tree."""
    steps = [line.rpartition(": ")[2] for line in estimators if re.match(r"  \S", line)]
    if not steps or estimators[0] != "Pipeline":
        return estimators[0]
    return " > ".join([*steps[:_SHOWN_STEPS], *(["…"] if len(steps) > _SHOWN_STEPS else [])])


def forms(forms: Forms) -> str:
    """Return the convert stage's line."""
    return f"baseline {forms.baseline.name}, {wording.size(forms.baseline.size_bytes or 0)}"


def variants(variants: Sequence[Variant]) -> str:
    """Return the optimize stage's line."""
    return ", ".join(f"{variant.name} {variant.status.replace('_', ' ')}" for variant in variants)


def verdicts(report: BuildReport) -> str:
    """Return the verify stage's line."""
    rows, made = report.verification["rows"], report.verification["made_rows"]
    rejected = [variant.name for variant in report.variants if variant.status == "rejected"]
    told = f"; rejected: {', '.join(rejected)}" if rejected else ""
    return f"{rows:,} verification rows, {made:,} made rows{told}"


def measurements(report: BuildReport, settings: SessionSettings) -> str:
    """Return the benchmark stage's line; `settings` are the session's, told where they were tuned."""
    measured = [row for row in report.measurements if row.p50_us is not None]
    missing = len(report.measurements) - len(measured)
    tuned = "" if settings == VERIFIED_SETTINGS else f", session with {settings_said(settings)}"
    return f"{len(measured)} measurements" + (f", {missing} not to be had (see the report)" if missing else "") + tuned


def bundle(report: BuildReport, digest: str) -> str:
    """Return the bundle stage's line."""
    golden, made = report.verification["golden_rows"], report.verification["rows_served"]
    return f"{report.selected} selected, digest {digest[:12]}, {golden} golden and {made:,} made rows served alike"
