"""`package validate`: what the platform would say of a bundle, found out here: a table of checks, and what to do."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from packager import wording
from packager.bundle.finding import Finding
from packager.console import Console, Style
from packager.errors import BundleError
from packager.files import pretty_json
from packager.validate.gate import parse_gate
from packager.validate.result import Check, Status, Validation
from packager.validate.validate import validate

_STYLES: dict[Status, Style] = {"ok": "good", "failed": "bad", "partly": "warn", "not made": "quiet"}
_HEADER = ("check", "", "time", "found")
# Of one check, a reader acts on the first few.
_LISTED = 5


def validate_bundle(bundle: Path, *, load: str | None, as_json: bool) -> int:
    """Validate the bundle and print what came of it; return 0, or 8 where it would not deploy or serve as it must."""
    gate = None if load is None else parse_gate(load)
    console, began = Console(), time.perf_counter()

    def say(text: str) -> None:
        console.note(f"{wording.seconds(time.perf_counter() - began):>6}  {text}")

    found = validate(bundle, gate=gate, say=say)
    failure = None if found.ok else _failure(bundle, found)
    if as_json:
        print(pretty_json(_document(bundle, found, failure)), end="")
    else:
        _tell(found)
    if failure is None:
        return 0
    console.error(failure)
    return failure.exit_code


def _failure(bundle: Path, found: Validation) -> BundleError:
    codes = ", ".join(f"{count} x {code}" for code, count in Counter(one.code for one in found.findings).items())
    if not codes:
        codes = wording.several(sum(check.status == "not made" for check in found.checks), "check") + " not made"
    first = found.findings[0] if found.findings else None
    told = "" if first is None else f": {first.message}"
    return BundleError(
        f"{bundle} would not deploy and serve as it must ({codes}){told}", hint=None if first is None else first.hint
    )


def _document(bundle: Path, found: Validation, failure: BundleError | None) -> dict[str, Any]:
    return {
        "bundle": str(bundle),
        "ok": found.ok,
        "exit_code": 0 if failure is None else failure.exit_code,
        "python": found.python,
        "seconds": found.seconds,
        "findings": [asdict(finding) for finding in found.findings],
        "checks": [
            {"name": one.name, "status": one.status, "seconds": one.seconds, "told": one.told, "gap": one.gap}
            for one in found.checks
        ],
    }


def _tell(found: Validation) -> None:
    """Print the checks, and below them each finding with what to do."""
    console = Console(sys.stdout)
    console.table(_HEADER, [_row(check) for check in found.checks], left=4, words=True)
    for check in found.checks:
        for finding in check.findings[:_LISTED]:
            _tell_finding(console, finding)
        if more := len(check.findings[_LISTED:]):
            console.write((f"  and {more} more of {check.name}; --json tells all", "quiet"))
    under = "" if found.python is None else f" under Python {found.python}"
    made = sum(check.status != "not made" for check in found.checks)
    counted = f"{made} of {len(found.checks)} checks in {wording.seconds(found.seconds)}{under}"
    said = "it deploys and serves" if found.ok else f"{wording.several(len(found.findings), 'finding')}"
    console.paragraph(("✓", "good") if found.ok else ("✗", "bad"), f"{said}: {counted}", style="strong")


def _row(check: Check) -> tuple[Style, list[str]]:
    told = check.told if check.gap is None else f"{check.told}; {check.gap}"
    spent = wording.seconds(check.seconds) if check.status != "not made" else wording.NONE
    return _STYLES[check.status], [check.name, check.status, spent, told]


def _tell_finding(console: Console, finding: Finding) -> None:
    place = "" if finding.file is None else f" ({finding.file})"
    console.paragraph(("✗", "bad"), f"{finding.code}  {finding.check}: {finding.message}{place}", style="strong")
    if finding.measured is not None:
        limit = "" if finding.limit is None else f", limit {finding.limit}"
        console.write((f"  measured {finding.measured}{limit}", ""))
    console.paragraph((" ", ""), f"hint: {finding.hint}")
