"""What the benchmark found, as tables: the figures of one target, and how each of them came about.

A measurement without figures keeps its row, says "not measured" and why, and gets no figure from anywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from packager import wording
from packager.artifact import NATIVE, Measurement
from packager.report.model import BuildReport
from packager.report.tables import REASON_LENGTH, Cell, Columns, Row, Table, plain_row

NOT_MEASURED = "not measured"


def targets(report: BuildReport) -> tuple[str, ...]:
    """Return the targets' names in the order they were measured."""
    return tuple(dict.fromkeys(one.target for one in report.measurements))


def of_target(report: BuildReport, target: str) -> list[Measurement]:
    """Return one target's measurements, small batches first, variants in the order they were measured."""
    return sorted((one for one in report.measurements if one.target == target), key=lambda one: one.batch_size)


def reason(measurement: Measurement) -> str:
    """Return why a measurement has no figures."""
    why = wording.printable(measurement.reason or "no reason was given")
    return f"{NOT_MEASURED}: {wording.clip(why, REASON_LENGTH)}"


def unavailable(report: BuildReport, target: str) -> str | None:
    """Return why nothing at all was measured on a target, or None where something was."""
    measured = of_target(report, target)
    if any(one.p50_us is not None for one in measured):
        return None
    return "; ".join(dict.fromkeys(reason(one) for one in measured))


def latency_table(report: BuildReport, target: str) -> Table:
    """The figures of one target, by rows per call and variant."""
    columns: Columns = (
        ("Variant", "code"),
        ("Rows per call", "number"),
        ("p50", "number"),
        ("95% interval", "number"),
        ("p95", "number"),
        ("p99", "number"),
        ("Rows/s", "number"),
    )
    rows = tuple(_latency_row(report, one) for one in of_target(report, target))
    return Table("Time per call, and rows scored per second", columns, rows)


def provenance_table(report: BuildReport) -> Table:
    """How the figures came about: the provider that really ran, where the nodes lay, why a figure is missing."""
    columns: Columns = (
        ("Target", "code"),
        ("Variant", "code"),
        ("Rows per call", "word"),
        ("Runs", "word"),
        ("Threads", "number"),
        ("Asked for", "code"),
        ("Ran on", "code"),
        ("Nodes placed", "word"),
        ("Outcome", "text"),
    )
    groups = groupby(sorted(report.measurements, key=lambda one: _alike(report, one)), lambda one: _alike(report, one))
    rows = tuple(_provenance_row(list(alike)) for _, alike in groups)
    return Table("How each figure was measured, or why it was not", columns, rows, stacks=True)


def _latency_row(report: BuildReport, one: Measurement) -> Row:
    interval = (
        None if one.ci95 is None else f"{wording.latency(one.ci95[0])} {wording.NONE} {wording.latency(one.ci95[1])}"
    )
    cells = (
        Cell(wording.printable(one.variant)),
        Cell(wording.count(one.batch_size)),
        Cell(NOT_MEASURED, "quiet", reason(one)) if one.p50_us is None else Cell(wording.latency(one.p50_us)),
        Cell(interval or wording.NONE, "quiet"),
        Cell(_latency(one.p95_us)),
        Cell(_latency(one.p99_us)),
        Cell(wording.NONE if one.rows_per_s is None else wording.rate(one.rows_per_s)),
    )
    return Row(cells, "selected" if one.variant == report.selected else "plain")


def _alike(report: BuildReport, one: Measurement) -> tuple[object, ...]:
    """Return what measurements share that were made alike, sorted as the report lists them."""
    order = [(other.target, other.variant) for other in report.measurements]
    outcome = reason(one) if one.p50_us is None else "measured"
    ran = (one.threads, one.provider, one.provider_active or "", sorted(one.placement.items()))
    return (order.index((one.target, one.variant)), *ran, outcome)


def _provenance_row(alike: Sequence[Measurement]) -> Row:
    one = alike[0]
    placed = ", ".join(f"{wording.count(nodes)} on {wording.printable(name)}" for name, nodes in one.placement.items())
    # The registered model runs in its own library: no provider is asked for it.
    native = one.variant == NATIVE and not one.placement
    row = plain_row(
        wording.printable(one.target),
        wording.printable(one.variant),
        ", ".join(wording.count(each.batch_size) for each in alike),
        ", ".join(wording.count(each.runs) for each in alike) if any(each.runs for each in alike) else wording.NONE,
        wording.count(one.threads),
        wording.NONE if native else wording.printable(one.provider),
        wording.printable(one.provider_active or wording.NONE),
        placed or wording.NONE,
    )
    outcome = Cell(reason(one), "quiet") if one.p50_us is None else Cell("measured")
    return Row((*row.cells, outcome))


def _latency(value_us: float | None) -> str:
    return wording.NONE if value_us is None else wording.latency(value_us)
