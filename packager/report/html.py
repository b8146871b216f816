"""The report of a build as one page of HTML: a BuildReport goes in, text comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from packager import wording
from packager.report.call_charts import BATCH_LEGEND, PLACEMENT_LEGEND, batch_chart, placement_chart
from packager.report.charts import error_chart, latency_chart, size_chart
from packager.report.headline import detail, headline, key_facts, outcome
from packager.report.measured import of_target
from packager.report.model import BuildReport
from packager.report.page import Page, Part, render_page
from packager.report.score_charts import deviation_chart, quantile_chart, reliability_chart, scatter_chart
from packager.report.sections import Picture, Section, sections

_LEGENDS: dict[Picture, str] = {
    "latency": f"{BATCH_LEGEND} Beside it the same figures line by line; the tick is the 95th percentile.",
    "placement": PLACEMENT_LEGEND,
    "errors": "Bars count values by their absolute difference from the registered model; both axes are logarithmic. "
    "The bar apart counts values that are exactly equal. Quantiles come from exact counts in bins 3% wide and are told "
    "as a bin's upper edge; the largest error is exact.",
    "scores": "Exact counts of rows: the stronger a cell, the more rows, by a logarithmic scale. On the line both "
    "scores are equal. The other pictures show by how much they differ, and where.",
    "reliability": "Of the rows that were given about this probability, the share that came true: rings stand for the "
    "registered model, dots for the variant, ten bins of equal width, exact counts. On the line, probabilities "
    "come true as often as they say.",
    "size": "Bars start at zero.",
}


def render_html(report: BuildReport) -> str:
    """Return report.html."""
    result = outcome(report)
    page = Page(
        name=wording.printable(report.name),
        version=wording.printable(report.version or ""),
        outcome=result,
        good=result == "bundle",
        headline=headline(report),
        detail=detail(report),
        facts=tuple(key_facts(report)),
        parts=tuple(_part(report, section, index) for index, section in enumerate(sections(report), start=1)),
    )
    return render_page(page)


def _part(report: BuildReport, section: Section, index: int) -> Part:
    pictures: tuple[str, ...] = ()
    if section.picture is not None:
        pictures = tuple(_DRAWN[section.picture](report, section.subject, f"p{index}"))
    legend = _LEGENDS[section.picture] if pictures and section.picture else ""
    return Part(f"s{index}", section.title, pictures, legend, section.table, section.lines)


def _latency(report: BuildReport, target: str, ident: str) -> Iterator[str]:
    yield batch_chart(of_target(report, target), report.selected, f"{ident}-0")
    yield latency_chart(report, target, f"{ident}-1")


def _errors(report: BuildReport, output: str, ident: str) -> Iterator[str]:
    yield error_chart(report, output, f"{ident}-0")
    if any(one.output == output and one.quantiles for one in report.distributions):
        yield quantile_chart(report, output, f"{ident}-1")


def _placement(report: BuildReport, _subject: str, ident: str) -> Iterator[str]:
    yield placement_chart(report.measurements, ident)


def _size(report: BuildReport, _subject: str, ident: str) -> Iterator[str]:
    yield size_chart(report, ident)


def _scores(report: BuildReport, _subject: str, ident: str) -> Iterator[str]:
    for order, one in enumerate(sorted(report.scores, key=lambda one: one.variant != report.selected)):
        if order == 0 or any(x != y for x, y, _ in one.pairs):  # others lie on the line: their differences tell more
            yield scatter_chart(one, f"{ident}-{order}-0")
        yield deviation_chart(one, f"{ident}-{order}-1")


def _reliability(report: BuildReport, _subject: str, ident: str) -> Iterator[str]:
    native, *others = report.calibration
    for order, one in enumerate(sorted(others, key=lambda one: one.variant != report.selected)):
        role = "selected" if one.variant == report.selected else "other"
        yield reliability_chart(native, one, f"{ident}-{order}", role=role)


_DRAWN: dict[Picture, Callable[[BuildReport, str, str], Iterator[str]]] = {
    "latency": _latency,
    "errors": _errors,
    "size": _size,
    "placement": _placement,
    "scores": _scores,
    "reliability": _reliability,
}
