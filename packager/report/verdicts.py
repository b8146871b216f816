"""What a verdict says: its figures in the check's own unit, and whether it speaks of the gate.

The gate holds for the baseline and the selected variant. Another variant that fails a verdict is `rejected`, and
a build that is ok does not fail with it.
"""

from __future__ import annotations

import math

from packager import wording
from packager.artifact import Variant, Verdict
from packager.report.model import BuildReport

Figure = float | int | str | None
PROBE = "probe_"  # begins the checks on rows made from the model's own structure
_FINEST = 17  # significant digits that tell any two doubles apart


def measured_and_limit(verdict: Verdict) -> tuple[str, str]:
    """Return measured and limit as text; where the check failed by a hair, with the digits that show it."""
    said = _figure(verdict.check, verdict.measured), _limit(verdict.check, verdict.limit)
    measured, limit = verdict.measured, verdict.limit
    if verdict.ok or not isinstance(measured, float | int) or not isinstance(limit, float | int) or not _same(*said):
        return said
    digits = 3
    while digits < _FINEST and f"{measured:.{digits}g}" == f"{limit:.{digits}g}":
        digits += 1
    return f"{measured:.{digits}g}", wording.limit(limit)


def is_excused(report: BuildReport, verdict: Verdict) -> bool:
    """Tell whether a failed verdict belongs to a rejected variant of a build that is ok."""
    variant = variant_of(report, verdict.subject)
    rejected = variant is not None and variant.status == "rejected"
    return not verdict.ok and report.ok and rejected and verdict.subject != report.selected


def gate_first(report: BuildReport) -> list[Verdict]:
    """Return the verdicts in the order of interest: what stopped the build, else those of the selected variant."""
    return sorted(report.verdicts, key=lambda one: one.subject != report.selected if report.ok else one.ok)


def variant_of(report: BuildReport, name: str) -> Variant | None:
    """Return the variant of that name."""
    return next((variant for variant in report.variants if variant.name == name), None)


def worst(report: BuildReport, subject: str, check: str) -> float | None:
    """Return the largest figure measured by `check` for one variant, or None where nothing was measured."""
    found = [
        float(verdict.measured)
        for verdict in report.verdicts
        if verdict.subject == subject and verdict.check == check and isinstance(verdict.measured, float | int)
    ]
    return next(filter(math.isnan, found), max(found, default=None))


def _figure(check: str, value: Figure) -> str:
    if value is None:
        return wording.NONE
    if isinstance(value, bool | str):
        return wording.printable(value)
    if check.endswith("label_mismatch"):
        return wording.share(value)
    if check.startswith(("drift", "champion")):
        return wording.drop(value)
    if check.startswith("slower"):
        return f"{value:.2f}x"
    return wording.count(value) if isinstance(value, int) else wording.error(value)


def _limit(check: str, value: Figure) -> str:
    if value is None:
        return "none"
    if isinstance(value, float) and not check.endswith("label_mismatch") and not check.startswith("slower"):
        return wording.limit(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else _figure(check, value)


def _same(measured: str, limit: str) -> bool:
    try:
        return float(measured.strip("%+")) == float(limit.strip("%+"))
    except ValueError:
        return measured == limit
