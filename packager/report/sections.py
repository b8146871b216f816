"""The order in which a report is told, the same on a page and in Markdown: gate first, figures next, machine last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from packager import wording
from packager.report.crossover import crossovers_said
from packager.report.headline import not_reached
from packager.report.measured import latency_table, provenance_table, targets, unavailable
from packager.report.model import BuildReport
from packager.report.placement import placed, placement_findings, placement_table
from packager.report.row_tables import cell_table, reliability_said, reliability_table, score_table, worst_table
from packager.report.serving import process_table
from packager.report.steadiness import environment_table, noise_said, noise_table
from packager.report.tables import (
    Table,
    champion_table,
    drift_table,
    error_table,
    fact_table,
    flip_table,
    segment_table,
    size_table,
    timing_table,
    variant_table,
    verdict_table,
)
from packager.report.tuned import tuning_table

Picture = Literal["latency", "errors", "size", "scores", "reliability", "placement"]


@dataclass(frozen=True)
class Section:
    """One titled part: a table, a picture of `subject` (a target or an output), or plain lines."""

    title: str
    table: Table | None = None
    picture: Picture | None = None
    subject: str = ""
    lines: tuple[str, ...] = ()


def sections(report: BuildReport) -> Iterator[Section]:
    """Yield what the report has to say; what a build that is ok should hold and does not is said in words."""
    missing = not_reached(report)
    if missing:
        yield Section("Not reached", lines=(f"The build ended before it had made: {', '.join(missing)}.",))
    for section in (*_gate(report), *_answers(report), *_figures(report), *_circumstances(report)):
        if section.lines or (section.table is not None and section.table.rows):
            yield section


def _gate(report: BuildReport) -> Iterator[Section]:
    yield _or_said(report, Section("Verdicts", verdict_table(report)), "No verdict was recorded.")
    yield _or_said(report, Section("Variants", variant_table(report)), "No variant was recorded.")
    yield _or_said(report, Section("Drift", drift_table(report)), "No quality metric was compared.")
    yield Section("Drift per segment", segment_table(report))
    yield Section("Champion", champion_table(report))
    yield Section("Decision flips", flip_table(report))


def _answers(report: BuildReport) -> Iterator[Section]:
    """What the variants answer against the registered model: errors, scores, single rows."""
    for output in dict.fromkeys(one.output for one in report.distributions):
        title = f"Error distribution of {wording.printable(output)}"
        yield Section(title, error_table(report, output), "errors", output, _judged_on(report))
    if report.scores:
        yield Section("Scores before and after", score_table(report), "scores")
    if report.calibration:
        said = (reliability_said(report),)
        yield Section("Reliability of probabilities", reliability_table(report), "reliability", lines=said)
    elif any(one.output.startswith("probabilities") for one in report.distributions):
        yield Section("Reliability of probabilities", lines=("Left out: it takes labelled rows of one label each.",))
    for variant in dict.fromkeys(one.variant for one in report.worst_rows):
        title = f"Worst rows of {wording.printable(variant)}"
        yield Section(title, worst_table(report, variant), lines=_reproduced(report, variant))
        yield Section(f"Cells of the worst rows of {wording.printable(variant)}", cell_table(report, variant))


def _judged_on(report: BuildReport) -> tuple[str, ...]:
    rows = report.verification.get("rows")
    return ("Of rows made from the model's structure: there were no verification rows.",) if rows == 0 else ()


def _reproduced(report: BuildReport, variant: str) -> tuple[str, ...]:
    if report.reproduction is None or variant not in report.reproduction.models:
        return ()
    return ("reproduce.py, beside this report, runs both models on the rows that are beyond the limits.",)


def _figures(report: BuildReport) -> Iterator[Section]:
    names = targets(report)
    if not names:
        yield _or_said(report, Section("Latency and throughput"), "Nothing was benchmarked.")
    for name in names:
        title = f"Latency and throughput on {wording.printable(name)}"
        why = unavailable(report, name)
        if why is None:
            said = crossovers_said([one for one in report.crossovers if one.target == name])
            yield Section(title, latency_table(report, name), "latency", name, tuple(said))
        else:
            yield Section(title, lines=(f"{why[0].upper()}{why[1:]}.".replace("..", "."),))
    yield Section("Size", size_table(report), "size")
    if placed(report.measurements):
        findings = tuple(placement_findings(report.measurements))
        elsewhere = any(one.provider != "cpu" for one in placed(report.measurements))
        picture: Picture | None = "placement" if elsewhere else None  # else all bars are whole
        yield Section("Placement", placement_table(report.measurements), picture, lines=findings)
    yield Section("Measurements", provenance_table(report))
    yield Section("Environments", environment_table(report.environments))
    noisy = noise_said(report.noise)
    yield Section("Steadiness of the machine", noise_table(report.noise), lines=(noisy,) if noisy else ())
    yield Section("Session settings", tuning_table(report))
    yield Section("Serving process", process_table(report))


def _circumstances(report: BuildReport) -> Iterator[Section]:
    yield Section("Timings", timing_table(report))
    yield Section("Machine", fact_table("The machine that built and measured", report.machine))
    yield Section("Versions", fact_table("The libraries that built and measured", report.versions))
    yield Section("Verification", fact_table("What the variants were verified on", report.verification))
    yield Section("Notes", lines=tuple(wording.printable(note) for note in report.notes))


def _or_said(report: BuildReport, section: Section, absence: str) -> Section:
    """Return the section, or the statement that it is empty where the build went far enough to fill it."""
    if report.ok and (section.table is None or not section.table.rows):
        return Section(section.title, lines=(absence,))
    return section
