"""The report as one page of HTML that needs nothing else: no network, no script, no font of its own.

A BuildReport goes in, text comes out. Every string of the report is escaped, and the page's own policy forbids
it to load or run anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from packager import wording
from packager.report.charts import error_chart, latency_chart, size_chart, throughput_chart
from packager.report.headline import detail, headline, key_facts, outcome
from packager.report.model import BuildReport
from packager.report.score_charts import deviation_chart, quantile_chart, reliability_chart, scatter_chart
from packager.report.sections import Picture, Section, sections
from packager.report.tables import Table

if TYPE_CHECKING:
    from markupsafe import Markup

# A word of thirteen letters or more may break at its joints, and a piece without joints where it fills a cell.
_LONG_WORD = re.compile(r"\S{13,}")
_EXPONENT = re.compile(r"\d[\d.]*e[-+]\d+")
_PIECE = re.compile(r"[A-Z]{0,24}[^A-Z._/:,;=-]{0,24}[._/:,;=-]{0,24}")

_LEGENDS: dict[Picture, str] = {
    "latency": "A dot is the median of all calls, the bar through it its 95% interval, the tick beside it the "
    "95th percentile. Hollow: the registered model in its own library. Blue: the selected variant. The axes are "
    "logarithmic.",
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
    environment.filters["figures"] = _figures
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
        pictures = tuple(_DRAWN[section.picture](report, section.subject, f"p{index}"))
    legend = _LEGENDS[section.picture] if pictures and section.picture else ""
    return Part(f"s{index}", section.title, pictures, legend, section.table, section.lines)


def _latency(report: BuildReport, target: str, ident: str) -> Iterator[str]:
    yield latency_chart(report, target, f"{ident}-0")
    yield throughput_chart(report, target, f"{ident}-1")


def _errors(report: BuildReport, output: str, ident: str) -> Iterator[str]:
    yield error_chart(report, output, f"{ident}-0")
    if any(one.output == output and one.quantiles for one in report.distributions):
        yield quantile_chart(report, output, f"{ident}-1")


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
    "scores": _scores,
    "reliability": _reliability,
}


def _figures(text: str) -> Markup:
    """Escape a sentence, and keep its figures with an exponent on one line."""
    from markupsafe import Markup, escape

    return Markup(_EXPONENT.sub(r'<span class="figure">\g<0></span>', str(escape(text))))


def _breakable(text: str) -> Markup:
    """Escape text, and let its long words break without a character more when they are copied."""
    from markupsafe import Markup, escape

    words = (_PIECE.findall(word) if _LONG_WORD.fullmatch(word) else [word] for word in re.split(r"(\s+)", text))
    return Markup("").join(Markup("<wbr>").join(escape(piece) for piece in word if piece) for word in words)
