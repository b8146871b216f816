"""How the session's settings were tuned, as a table: every trial, and which one is served with."""

from __future__ import annotations

from packager import wording
from packager.artifact import VERIFIED_SETTINGS, SessionSettings
from packager.report.model import BuildReport, Trial
from packager.report.tables import Cell, Columns, Row, Table


def tuning_table(report: BuildReport) -> Table:
    """Every trial: what was set, how long calls took, and what came of it."""
    columns: Columns = (
        ("Target", "code"),
        ("Settings", "text"),
        ("Heat", "number"),
        ("Rows per call", "number"),
        ("p50", "number"),
        ("95% interval", "number"),
        ("Of the default's time", "number"),
        ("Outcome", "text"),
    )
    caption = "Ways to run the selected variant, timed in turns; those that changed a bit of any answer were not timed"
    return Table(caption, columns, tuple(_row(trial) for trial in report.tuning), stacks=True)


def settings_said(settings: SessionSettings) -> str:
    """Say what differs from the session that was verified."""
    said = {
        "threads": f"{settings.threads} threads",
        "optimization": f"graph optimization {settings.optimization}",
        "execution": f"{settings.execution} execution",
        "arena": "memory arena" if settings.arena else "no memory arena",
        "rows_per_run": f"{settings.rows_per_run} rows per run",
    }
    changed = [text for name, text in said.items() if getattr(settings, name) != getattr(VERIFIED_SETTINGS, name)]
    return ", ".join(changed) or "default"


def _row(trial: Trial) -> Row:
    interval = wording.NONE
    if trial.ci95 is not None:
        interval = f" {wording.NONE} ".join(wording.latency(end) for end in trial.ci95)
    cells = (
        Cell(wording.printable(trial.target)),
        Cell(settings_said(trial.settings)),
        Cell(wording.count(trial.heat)),
        Cell(wording.NONE if trial.batch_size is None else wording.count(trial.batch_size)),
        Cell(wording.NONE if trial.p50_us is None else wording.latency(trial.p50_us)),
        Cell(interval, "quiet"),
        Cell(wording.NONE if trial.ratio is None or trial.settings == VERIFIED_SETTINGS else _ratio(*trial.ratio)),
        Cell(wording.printable(trial.outcome) + (", chosen" if trial.chosen else "")),
    )
    return Row(cells, "selected" if trial.chosen else "plain")


def _ratio(median: float, low: float, high: float) -> str:
    return f"{median:.2f} ({low:.2f} {wording.NONE} {high:.2f})"
