"""The report as one page of HTML that needs nothing else: no network, no script, no font of its own.

A BuildReport goes in, text comes out. Every string of the report is escaped, and the page's own policy forbids
it to load or run anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from packager import wording
from packager.report.charts import error_chart, latency_chart, size_chart, throughput_chart
from packager.report.headline import detail, headline, key_facts, outcome
from packager.report.model import BuildReport
from packager.report.sections import Picture, Section, sections
from packager.report.tables import Table

if TYPE_CHECKING:
    from markupsafe import Markup

# A word of thirteen letters or more may break at its joints, and a piece without joints where it fills a cell.
_LONG_WORD = re.compile(r"\S{13,}")
_PIECE = re.compile(r"[A-Z]{0,24}[^A-Z._/:,;=-]{0,24}[._/:,;=-]{0,24}")

_LEGENDS: dict[Picture, str] = {
    "latency": "A dot is the median of all calls, the bar through it its 95% interval, the tick beside it the "
    "95th percentile. Hollow: the registered model in its own library. Blue: the selected variant. The axes are "
    "logarithmic.",
    "errors": "Bars count values by their absolute difference from the registered model; both axes are logarithmic. "
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

    @property
    def is_small(self) -> bool:
        """Tell whether the section may stand beside another on a wide screen."""
        return self.table is not None and not self.pictures and len(self.table.columns) == 2


def render_html(report: BuildReport) -> str:
    """Return report.html."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("packager.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    environment.globals["none_said"] = wording.NONE
    return environment.get_template("page.html.j2").render(
        name=wording.printable(report.name),
        version=wording.printable(report.version or ""),
        outcome=outcome(report),
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


def _breakable(text: str) -> Markup:
    """Escape text, and let its long words break without a character more when they are copied."""
    from markupsafe import Markup, escape

    words = (_PIECE.findall(word) if _LONG_WORD.fullmatch(word) else [word] for word in re.split(r"(\s+)", text))
    return Markup("").join(Markup("<wbr>").join(escape(piece) for piece in word if piece) for word in words)
