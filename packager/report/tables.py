"""A BuildReport's lists as tables of text: one table per question, the same for every form of the report.

No cell is filled from anything but the report: what it lacks is a dash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packager import wording
from packager.artifact import Variant, Verdict
from packager.report.model import BuildReport, ErrorDistribution
from packager.report.verdicts import gate_first, is_excused, measured_and_limit

Kind = Literal["text", "word", "code", "number"]
Tone = Literal["plain", "good", "bad", "quiet"]
RowTone = Literal["plain", "selected", "bad"]
Columns = tuple[tuple[str, Kind], ...]
# More kinds of operators than this, or more of a machine's value, is for report.json.
_OPS_SHOWN, _VALUE_LENGTH = 5, 300
REASON_LENGTH = 1500


@dataclass(frozen=True)
class Cell:
    """One cell; `full` is the whole text where `text` is cut."""

    text: str
    tone: Tone = "plain"
    full: str | None = None


@dataclass(frozen=True)
class Row:
    """One row, as many cells as the table has columns."""

    cells: tuple[Cell, ...]
    tone: RowTone = "plain"


@dataclass(frozen=True)
class Table:
    """A table; `columns` are title and kind. `stacks`: on a narrow screen its rows become cards, else it scrolls."""

    caption: str
    columns: Columns
    rows: tuple[Row, ...]
    stacks: bool = False


def verdict_table(report: BuildReport) -> Table:
    """Every checked claim: measured against limit, and the recipe key that sets the limit."""
    columns: Columns = (
        ("Check", "code"),
        ("Variant", "code"),
        ("Measured", "number"),
        ("Limit", "number"),
        ("OK", "word"),
        ("Recipe key", "code"),
    )
    rows = tuple(_verdict_row(report, verdict) for verdict in gate_first(report))
    return Table("Each check, what it measured and the limit it was held against", columns, rows)


def variant_table(report: BuildReport) -> Table:
    """Every form of the model with its status, and why it is not ok where it is not."""
    columns: Columns = (
        ("Variant", "code"),
        ("Status", "word"),
        ("Size", "number"),
        ("Operators", "text"),
        ("Reason", "text"),
    )
    rows = tuple(_variant_row(report, variant) for variant in report.variants)
    return Table("The forms of the model that were made or tried", columns, rows, stacks=True)


def drift_table(report: BuildReport) -> Table:
    """Quality on the labelled rows: the registered model against each variant."""
    columns: Columns = (
        ("Variant", "code"),
        ("Metric", "code"),
        ("Registered model", "number"),
        ("This variant", "number"),
        ("Drop", "number"),
        ("95% interval", "number"),
        ("Limit", "word"),
        ("Rows", "number"),
        ("Interval by", "text"),
    )
    rows = tuple(
        plain_row(
            wording.printable(drift.variant),
            wording.printable(drift.metric),
            wording.metric(drift.native),
            wording.metric(drift.value),
            wording.drop(drift.drop),
            wording.interval(drift.interval),
            _decision(drift.decision),
            wording.count(drift.rows),
            wording.printable(drift.method or wording.NONE),
            tone="selected" if drift.variant == report.selected else "plain",
        )
        for drift in report.drift
    )
    return Table("Quality on labelled rows; a drop above zero is a loss", columns, rows)


def segment_table(report: BuildReport) -> Table:
    """Quality per value of the recipe's segment column."""
    columns: Columns = (
        ("Variant", "code"),
        ("Segment", "text"),
        ("Registered model", "number"),
        ("This variant", "number"),
        ("Drop", "number"),
        ("Interval", "number"),
        ("Limit", "word"),
        ("Rows", "number"),
    )
    rows = tuple(
        plain_row(
            wording.printable(drift.variant),
            wording.clip(wording.printable(drift.segment or wording.NONE), _VALUE_LENGTH),
            wording.metric(drift.native),
            wording.metric(drift.value),
            wording.drop(drift.drop),
            wording.interval(drift.interval),
            _decision(drift.decision),
            wording.count(drift.rows),
            tone="bad" if drift.decision == "beyond" else "plain",
        )
        for drift in report.segments
    )
    metric = wording.printable(report.segments[0].metric) if report.segments else "the metric"
    return Table(f"Drop of {metric} per segment; the intervals of a variant hold together with 95%", columns, rows)


def champion_table(report: BuildReport) -> Table:
    """Quality against the champion's on the same rows."""
    columns: Columns = (
        ("Variant", "code"),
        ("Metric", "code"),
        ("Champion", "number"),
        ("This variant", "number"),
        ("Gain", "number"),
        ("95% interval", "number"),
        ("Limit", "word"),
        ("Rows", "number"),
        ("Interval by", "text"),
    )
    rows = tuple(
        plain_row(
            wording.printable(gain.variant),
            wording.printable(gain.metric),
            wording.metric(gain.champion),
            wording.metric(gain.value),
            wording.drop(gain.gain),
            wording.interval(gain.interval),
            _decision(gain.decision),
            wording.count(gain.rows),
            wording.printable(gain.method),
            tone="selected" if gain.variant == report.selected else "plain",
        )
        for gain in report.champion
    )
    return Table("Quality against the champion on the same rows; a gain above zero is better", columns, rows)


def flip_table(report: BuildReport) -> Table:
    """Decisions at the business thresholds that a variant would take otherwise than the registered model."""
    columns: Columns = (
        ("Variant", "code"),
        ("Threshold", "number"),
        ("Yes to no", "number"),
        ("No to yes", "number"),
        ("Share", "number"),
        ("Decisions", "number"),
    )
    rows = tuple(
        plain_row(
            wording.printable(one.variant),
            wording.limit(one.threshold),
            wording.count(one.yes_to_no),
            wording.count(one.no_to_yes),
            wording.share((one.yes_to_no + one.no_to_yes) / one.decisions) if one.decisions else wording.NONE,
            wording.count(one.decisions),
            tone="selected" if one.variant == report.selected else "plain",
        )
        for one in report.flips
    )
    return Table("Decisions on the verification rows that differ from those of the registered model", columns, rows)


def error_table(report: BuildReport, output: str) -> Table:
    """How far the values of one output lie from the registered model's, by quantile."""
    columns: Columns = (
        ("Variant", "code"),
        ("Values", "number"),
        ("Exactly equal", "number"),
        ("Share", "number"),
        *((_within(share), "number") for share in _shares(report, output)),
    )
    rows = tuple(_error_row(report, one) for one in report.distributions if one.output == output)
    caption = "Values against those of the registered model; at most so far apart is this share of them"
    return Table(caption, columns, rows)


def size_table(report: BuildReport) -> Table:
    """The size and digest of each variant that has a file."""
    sized = [variant for variant in report.variants if variant.size_bytes is not None]
    first = sized[0] if sized else None
    against = f"Against {wording.printable(first.name)}" if first else "Relative"
    columns: Columns = (
        ("Variant", "code"),
        ("Size", "number"),
        (against, "number"),
        ("SHA-256", "code"),
    )
    rows = tuple(_size_row(report, variant, first) for variant in sized)
    return Table("Size of each model file", columns, rows)


def timing_table(report: BuildReport) -> Table:
    """How long each stage took."""
    rows = tuple(plain_row(wording.printable(stage), wording.seconds(took)) for stage, took in report.timings_s.items())
    return Table("Time per stage", (("Stage", "code"), ("Time", "number")), rows)


def fact_table(caption: str, facts: Mapping[str, Any]) -> Table:
    """Free facts by name: the machine, the libraries' versions, the verification rows."""
    rows = tuple(Row((Cell(wording.printable(name)), _clipped(_plain(name, value)))) for name, value in facts.items())
    return Table(caption, (("Name", "code"), ("Value", "text")), rows, stacks=True)


def _verdict_row(report: BuildReport, verdict: Verdict) -> Row:
    measured, limit = measured_and_limit(verdict)
    passed = Cell("yes", "quiet" if verdict.limit is None else "good") if verdict.ok else Cell("no", "bad")
    if is_excused(report, verdict):
        passed = Cell("no, rejected", "quiet")
    cells = (
        Cell(wording.printable(verdict.check)),
        Cell(wording.printable(verdict.subject)),
        _clipped(f"{measured} ({verdict.note})" if verdict.note else measured),
        _clipped(limit),
        passed,
        Cell(wording.printable(verdict.recipe_key), "quiet"),
    )
    return Row(cells, "bad" if passed.tone == "bad" else "plain")


def _variant_row(report: BuildReport, variant: Variant) -> Row:
    selected = variant.name == report.selected
    name = variant.name if variant.name == variant.precision else f"{variant.name} ({variant.precision})"
    tone: Tone = "good" if variant.status == "ok" else "bad" if variant.status == "failed" else "quiet"
    why = wording.printable(variant.reason or ("" if variant.status == "ok" else "no reason was given"))
    cells = (
        Cell(wording.printable(name)),
        Cell("ok, selected" if selected and variant.status == "ok" else variant.status.replace("_", " "), tone),
        Cell(wording.NONE if variant.size_bytes is None else wording.size(variant.size_bytes)),
        _operators(variant.ops),
        Cell(wording.clip(why, REASON_LENGTH)) if why else Cell(wording.NONE, "quiet"),
    )
    return Row(cells, "selected" if selected else "plain")


def _operators(ops: Mapping[str, int]) -> Cell:
    if not ops:
        return Cell(wording.NONE, "quiet")
    ranked = sorted(ops.items(), key=lambda item: (-item[1], item[0]))
    said = [f"{wording.count(number)} {wording.printable(name)}" for name, number in ranked]
    rest = len(said) - _OPS_SHOWN
    if rest <= 1:
        return Cell(", ".join(said))
    return Cell(f"{', '.join(said[:_OPS_SHOWN])} and {rest} more kinds", full=", ".join(said))


def _error_row(report: BuildReport, one: ErrorDistribution) -> Row:
    values = one.exact + sum(one.counts)
    errors = dict(one.quantiles)
    return plain_row(
        wording.printable(one.variant),
        wording.count(values),
        wording.count(one.exact),
        wording.share(one.exact / values) if values else wording.NONE,
        *(wording.error(errors[share]) if share in errors else wording.NONE for share in _shares(report, one.output)),
        tone="selected" if one.variant == report.selected else "plain",
    )


def _size_row(report: BuildReport, variant: Variant, first: Variant | None) -> Row:
    size_bytes = variant.size_bytes or 0
    base = (first.size_bytes or 0) if first else 0
    sha256 = wording.printable(variant.sha256 or wording.NONE)
    cells = (
        Cell(wording.printable(variant.name)),
        Cell(wording.size(size_bytes), full=f"{wording.count(size_bytes)} bytes"),
        Cell(f"{size_bytes / base:.2f}\N{MULTIPLICATION SIGN}" if base else wording.NONE),
        Cell(wording.digest(sha256), "quiet", sha256),
    )
    return Row(cells, "selected" if variant.name == report.selected else "plain")


def plain_row(*texts: str, tone: RowTone = "plain") -> Row:
    return Row(tuple(Cell(text) for text in texts), tone)


def _shares(report: BuildReport, output: str) -> list[float]:
    """Return the quantiles that are told of an output."""
    found = [one.quantiles for one in report.distributions if one.output == output and one.quantiles]
    return [share for share, _ in found[0]] if found else []


def _within(share: float) -> str:
    return "All" if share == 1 else f"{100 * share:g}%"


def _decision(decision: str | None) -> str:
    return "none set" if decision is None else decision


def _plain(name: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return wording.size(value) if name.endswith("_bytes") else wording.count(value)
    if value is None:
        return wording.NONE
    if isinstance(value, dict) and not any(isinstance(item, dict | list | tuple) for item in value.values()):
        return ", ".join(f"{key} {_plain(str(key), item)}" for key, item in value.items())
    if isinstance(value, list | tuple) and not any(isinstance(item, dict | list | tuple) for item in value):
        return ", ".join(map(str, value))
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _clipped(value: str) -> Cell:
    text = wording.printable(value)
    cut = wording.clip(text, _VALUE_LENGTH)
    return Cell(cut, full=None if cut == text else text)
