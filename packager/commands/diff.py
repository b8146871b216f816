"""`package diff`: what changed between two bundles, how their answers differ, and what was measured of each."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from packager import wording
from packager.bundle.compare import session_outputs
from packager.bundle.differences import Change, Side, differences, open_side
from packager.bundle.golden import read_golden
from packager.bundle.graph import open_served
from packager.console import Console, Style
from packager.errors import BundleError
from packager.files import pretty_json

_REPORT = Path("..", "report", "report.json")
_P50 = "p50"
_BREAKS = "breaks clients"
# So many changes of one section are shown; --json tells all.
_SHOWN = 12


@dataclass(frozen=True)
class Answers:
    """How one output of the second model lies to the first one's, over golden rows of the first bundle."""

    output: str
    rows: int
    other_labels: int | None
    max_abs_difference: float | None


def diff_bundles(first: Path, second: Path, *, as_json: bool) -> int:
    """Tell what changed on stdout and return 0; BundleError where one of the two is no whole bundle."""
    before, after = open_side(first), open_side(second)
    changes = differences(before, after)
    answers, unasked = _answers(before, after) if changes else ((), None)
    figures, unmeasured = _figures(before, after) if changes else ([], None)
    if as_json:
        document: dict[str, Any] = {
            "before": _named(before),
            "after": _named(after),
            "same": not changes,
            "breaks_clients": any(change.breaks for change in changes),
            "changes": [asdict(change) for change in changes],
            "answers": [asdict(answer) for answer in answers],
            "answers_reason": unasked,
            "figures": [asdict(change) for change in figures],
            "figures_reason": unmeasured,
        }
        print(pretty_json(document), end="")
        return 0
    console = Console(sys.stdout)
    console.write((f"{_shown_name(before)} -> {_shown_name(after)}", "strong"))
    if not changes:
        console.write((f"no difference: both are {wording.digest(before.manifest.digest)}", "good"))
        return 0
    console.table(("section", "what", "before", "after", ""), list(_rows([*changes, *figures])), left=5)
    for line in _said(answers, unasked, unmeasured, changes):
        console.write((line, ""))
    return 0


def _named(side: Side) -> dict[str, str]:
    manifest = side.manifest
    return {"path": str(side.folder), "name": manifest.name, "version": manifest.version, "digest": manifest.digest}


def _shown_name(side: Side) -> str:
    return f"{side.manifest.name} {side.manifest.version} ({wording.digest(side.manifest.digest)})"


def _rows(changes: list[Change]) -> Iterator[tuple[Style, tuple[str, ...]]]:
    """Yield the table's rows; of a section with very many changes the first ones, and how many more there are."""
    for section in dict.fromkeys(change.section for change in changes):
        alike = [change for change in changes if change.section == section]
        for change in alike[:_SHOWN]:
            yield "bad" if change.breaks else "", _cells(change)
        if more := alike[_SHOWN:]:
            broken = any(change.breaks for change in more)
            yield "bad" if broken else "", (section, f"and {len(more)} more", "", "", _BREAKS if broken else "")


def _cells(change: Change) -> tuple[str, ...]:
    values = (_value(change.what, change.before), _value(change.what, change.after))
    return (change.section, change.what, *values, _BREAKS if change.breaks else "")


def _value(what: str, value: object) -> str:
    """Return a value short enough for a table: digests cut, sizes and times in their units."""
    if value is None:
        return wording.NONE
    if what.endswith(("sha256", "digest")):
        return wording.digest(str(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        if what.endswith("_bytes"):
            return wording.size(value)
        if what.startswith(_P50):
            return wording.latency(value)
        if isinstance(value, float):
            return wording.error(value)
    return wording.clip(str(value), 60)


def _said(
    answers: tuple[Answers, ...], unasked: str | None, unmeasured: str | None, changes: list[Change]
) -> Iterator[str]:
    if unasked is not None:
        yield f"answers not compared: {unasked}"
    for answer in answers:
        if answer.other_labels is not None:
            yield f"{answer.output}: {answer.other_labels} of {wording.rows(answer.rows)} get another label"
        else:
            yield (
                f"{answer.output}: differs by up to {wording.error(answer.max_abs_difference or 0.0)} "
                f"over {wording.rows(answer.rows)}"
            )
    if unmeasured is not None:
        yield f"figures not compared: {unmeasured}"
    broken = sum(change.breaks for change in changes)
    yield (
        f"{wording.several(broken, 'change')} would break a client of the first"
        if broken
        else "a client of the first needs no change"
    )


def _answers(before: Side, after: Side) -> tuple[tuple[Answers, ...], str | None]:
    """Ask both models for the golden rows of the first bundle; no answers and the reason where that means nothing."""
    names = [tuple((c.name, c.dtype) for c in side.info.signature.columns) for side in (before, after)]
    if names[0] != names[1]:
        return (), "the columns are not the same"
    if _served(before) == _served(after):
        return (), "the model is the same file"
    requests = read_golden(before.folder, before.info).requests
    try:
        old, new = (
            session_outputs(open_served(_model(side), side.info.signature), side.info, requests)
            for side in (before, after)
        )
    except BundleError as error:
        return (), error.message
    both = [output.name for output in before.info.outputs if output.name in new]
    return tuple(_compared(name, old[name], new[name]) for name in both if old[name].shape == new[name].shape), None


def _model(side: Side) -> Path:
    """Return the form that the bundle serves where it can."""
    return side.folder / "model" / side.info.served_file


def _served(side: Side) -> str:
    """Return the digest of the form that the bundle serves where it can."""
    fast = side.info.fast_path
    return side.info.sha256 if fast is None else fast.model.sha256


def _compared(name: str, old: npt.NDArray[np.generic], new: npt.NDArray[np.generic]) -> Answers:
    rows = len(old)
    if old.dtype.kind == "f" and new.dtype.kind == "f":
        apart = np.abs(old.astype(np.float64) - new.astype(np.float64))
        return Answers(name, rows, None, float(np.nanmax(apart, initial=0.0)))
    return Answers(name, rows, int((old != new).reshape(rows, -1).any(axis=1).sum()), None)


def _figures(before: Side, after: Side) -> tuple[list[Change], str | None]:
    """Return the figures of both builds that differ; none and the reason where they do not compare."""
    reports = []
    for side in (before, after):
        report = _report(side)
        if report is None:
            return [], f"no report of this very bundle lies beside {side.folder}"
        reports.append(report)
    old, new = ({**_quality(report), **_speed(report)} for report in reports)
    changes = [
        Change("figures", key, old.get(key), new.get(key))
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]
    machines = [report.get("machine", {}).get("processor") for report in reports]
    if machines[0] != machines[1]:
        return changes, f"latencies were measured on unlike processors: {machines[0]} and {machines[1]}"
    return changes, None


def _report(side: Side) -> dict[str, Any] | None:
    """Return the report that a build left beside its bundle, if it speaks of this very bundle."""
    try:
        report = json.loads((side.folder / _REPORT).resolve().read_bytes())
        known = report["bundle"]["digest"] == side.manifest.digest
        return report if known and isinstance(report["verdicts"], list) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _quality(report: dict[str, Any]) -> dict[str, float]:
    """Return what verification measured of the selected variant, in figures."""
    return {
        verdict["check"]: verdict["measured"]
        for verdict in report["verdicts"]
        if verdict.get("subject") == report["selected"] and isinstance(verdict.get("measured"), int | float)
    }


def _speed(report: dict[str, Any]) -> dict[str, float]:
    """Return the median latency of the selected variant, by target and batch size."""
    return {
        f"{_P50} {row['target']} x{row['batch_size']}": row["p50_us"]
        for row in report.get("measurements", ())
        if row.get("variant") == report["selected"] and row.get("p50_us") is not None
    }
