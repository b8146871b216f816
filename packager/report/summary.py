"""The end of a build on the console: a table of the variants, why some are not there, and where things lie."""

from __future__ import annotations

from pathlib import Path

from packager import wording
from packager.artifact import NATIVE, Measurement, Variant
from packager.console import Console, Style
from packager.report.measured import of_target, targets, unavailable
from packager.report.model import BuildReport
from packager.report.steadiness import noise_said
from packager.report.verdicts import PROBE, worst

_HEADER = ("  variant", "status", "size", "error", "labels", "drift", "p50", "p95")


def print_summary(console: Console, report: BuildReport, *, folder: Path | None = None) -> None:
    """Print what came of a build; `folder` is where its report was written, by default beside the bundle."""
    first = _first_target(report)
    if report.variants:
        console.write(("", ""))
        console.table(_HEADER, _rows(report, first), left=2)
        _print_legend(console, report, first)
        _print_reasons(console, report)
        if noisy := noise_said(report.noise):
            console.warn(noisy)
        console.write(("", ""))
    if report.bundle is not None:
        folder = folder or report.bundle.path.parent / "report"
        digest = wording.digest(report.bundle.digest)
        _print_place(console, "bundle", f"{report.bundle.path}  sha256 {digest}")
    if folder is not None:
        _print_place(console, "report", str(folder / "report.html"))
    for place in report.published:
        _print_place(console, "published", place)


def _rows(report: BuildReport, first: list[Measurement]) -> list[tuple[Style, list[str]]]:
    rows: list[tuple[Style, list[str]]] = []
    if any(one.variant == NATIVE for one in first):
        rows.append(("", [f"  {NATIVE}", "registered", *[""] * 4, *_latencies(first, NATIVE)]))
    for variant in report.variants:
        chosen = variant.name == report.selected
        name = f"{'▸' if chosen else ' '} {variant.name}"
        style: Style = "chosen" if chosen else "" if variant.status == "ok" else "quiet"
        status = variant.status.replace("_", " ")
        rows.append((style, [name, status, *_figures(report, variant), *_latencies(first, variant.name)]))
    return rows


def _figures(report: BuildReport, variant: Variant) -> list[str]:
    # Where there were no verification rows, the made rows are what there is to tell.
    error, labels = (
        next(
            (found for prefix in ("", PROBE) if (found := worst(report, variant.name, prefix + check)) is not None),
            None,
        )
        for check in ("max_abs_error", "label_mismatch")
    )
    drops = [drift.drop for drift in report.drift if drift.variant == variant.name]
    return [
        wording.NONE if variant.size_bytes is None else wording.size(variant.size_bytes),
        wording.NONE if error is None else wording.error(error),
        wording.NONE if labels is None else wording.share(labels),
        wording.drop(max(drops)) if drops else wording.NONE,
    ]


def _latencies(first: list[Measurement], variant: str) -> list[str]:
    one = next((one for one in first if one.variant == variant), None)
    times = (one.p50_us, one.p95_us) if one else (None, None)
    return [wording.NONE if time is None else wording.latency(time) for time in times]


def _first_target(report: BuildReport) -> list[Measurement]:
    """Return the first target's measurements at its smallest batch size."""
    measured = [one for name in targets(report)[:1] for one in of_target(report, name)]
    return [one for one in measured if one.batch_size == measured[0].batch_size]


def _print_legend(console: Console, report: BuildReport, first: list[Measurement]) -> None:
    metrics = ", ".join(dict.fromkeys(drift.metric for drift in report.drift))
    said = [f"drift: loss of {metrics}"] if metrics else []
    if first:
        why = unavailable(report, first[0].target)
        figures = f"p50, p95: {wording.rows(first[0].batch_size)} on {first[0].target}"
        said.append(f"{first[0].target} {why}" if why else figures)
    if said:
        console.paragraph((" ", ""), "; ".join(said), style="quiet")


def _print_reasons(console: Console, report: BuildReport) -> None:
    for variant in report.variants:
        if variant.status != "ok":
            status = variant.status.replace("_", " ")
            why = wording.clip(variant.reason or "no reason was given", 600)
            console.paragraph((" ", ""), f"{variant.name} {status}: {why}", style="quiet")


def _print_place(console: Console, what: str, where: str) -> None:
    console.write((f"{what:<10} ", "strong"), (where, ""))
