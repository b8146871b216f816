"""The report as one page of HTML that needs nothing else: no network, no script, no font of its own.

A BuildReport goes in, text comes out. Every string of the report is escaped, and the page's own policy forbids
it to load or run anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from packager import wording
from packager.report.charts import error_chart, latency_chart, size_chart, throughput_chart
from packager.report.headline import detail, headline, key_facts
from packager.report.model import BuildReport
from packager.report.sections import Picture, Section, sections
from packager.report.tables import Table

_LEGENDS: dict[Picture, str] = {
    "latency": "A dot is the median of all calls, the bar through it the median’s 95% interval, the tick the 95th "
    "percentile. Left: time per call; right: rows scored per second. The axes are logarithmic.",
    "errors": "Bars count values by their absolute difference from the registered model’s; both axes are logarithmic. "
    "The bar apart counts values that are exactly equal.",
    "size": "Bars start at zero.",
}


@dataclass(frozen=True)
class Part:
    """One section as the page shows it: `pictures` are SVG that this program made."""

    ident: str
    title: str
    pictures: tuple[str, ...]
    legend: str
    table: Table | None
    lines: tuple[str, ...]


def render_html(report: BuildReport) -> str:
    """Return report.html."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = Environment(
        loader=PackageLoader("packager.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("page.html.j2")
    return page.render(
        name=wording.printable(report.name),
        version=wording.printable(report.version or ""),
        ok=report.ok,
        headline=headline(report),
        detail=detail(report),
        facts=key_facts(report),
        parts=[_part(report, section, index) for index, section in enumerate(sections(report), start=1)],
        style=files("packager.report").joinpath("page.css").read_text(encoding="utf-8"),
    )


def _part(report: BuildReport, section: Section, index: int) -> Part:
    pictures: tuple[str, ...] = ()
    if section.picture is not None:
        draw = _DRAWN[section.picture]
        pictures = tuple(chart(report, section.subject, f"p{index}-{order}") for order, chart in enumerate(draw))
    legend = _LEGENDS[section.picture] if section.picture else ""
    return Part(f"s{index}", section.title, pictures, legend, section.table, section.lines)


def _size(report: BuildReport, _subject: str, ident: str) -> str:
    return size_chart(report, ident)


Chart = Callable[[BuildReport, str, str], str]
_DRAWN: dict[Picture, tuple[Chart, ...]] = {
    "latency": (latency_chart, throughput_chart),
    "errors": (error_chart,),
    "size": (_size,),
}
