"""What a validation comes to: checks in order, each with its findings; a check that was not made is never ok."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from packager.bundle.finding import Finding

Status = Literal["ok", "failed", "partly", "not made"]


@dataclass(frozen=True)
class Check:
    """One check: what was seen, in words, and what is wrong. `gap`: what could not be looked at, or asked for so."""

    name: str
    told: str
    findings: tuple[Finding, ...] = ()
    seconds: float = 0.0
    gap: str | None = None
    made: bool = True

    @property
    def status(self) -> Status:
        """Return failed where there are findings, partly where there is a gap."""
        if self.findings:
            return "failed"
        if not self.made:
            return "not made"
        return "ok" if self.gap is None else "partly"


@dataclass(frozen=True)
class Validation:
    """All checks of one bundle. `python` is the version that served it, None where none did."""

    checks: tuple[Check, ...]
    python: str | None
    seconds: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return what is wrong, in the order of the checks."""
        return tuple(finding for check in self.checks for finding in check.findings)

    @property
    def ok(self) -> bool:
        """Tell whether every check was made and found nothing."""
        return all(check.status in ("ok", "partly") for check in self.checks)
