"""What each stage says of itself when it is done: one line for the console."""

from __future__ import annotations

from collections.abc import Sequence

from packager import wording
from packager.artifact import Variant
from packager.bundle.plan import BundlePlan
from packager.convert.forms import Forms
from packager.report.model import BuildReport
from packager.stages import Source


def source(source: Source) -> str:
    """Return the source stage's line."""
    model = source.model
    kind = (
        model.estimators[0] if len(model.estimators) == 1 else " > ".join(line.strip() for line in model.estimators[:4])
    )
    return f"{model.uri}  {kind}, {len(model.signature.columns)} columns, {wording.size(source.artifact.size_bytes)}"


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


def measurements(report: BuildReport) -> str:
    """Return the benchmark stage's line."""
    measured = [row for row in report.measurements if row.p50_us is not None]
    missing = len(report.measurements) - len(measured)
    return f"{len(measured)} measurements" + (f", {missing} not to be had (see the report)" if missing else "")


def bundle(plan: BundlePlan, digest: str) -> str:
    """Return the bundle stage's line."""
    return f"{plan.model.name} selected, digest {digest[:12]}, golden rows answered through score.py"
