"""Write a SkuReport in its three forms: a page for people, Markdown for CI summaries, JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from packager import files, wording
from packager.report.markdown import Opening, document
from packager.report.page import Page, Part, render_page
from packager.sku.model import SkuReport
from packager.sku.results import Result
from packager.sku.sections import Shown, facts, headline, is_sure, sections


def write_report(report: SkuReport, results: Sequence[Result], folder: Path) -> None:
    """Write the files into a folder; every form is made before the first is written."""
    forms = {
        "report.json": render_json(report),
        "report.md": render_markdown(report, results),
        "report.html": render_html(report, results),
    }
    for name, text in forms.items():
        files.write_text(folder / name, text)


def render_json(report: SkuReport) -> str:
    """Return report.json, as docs/sku.schema.json describes it."""
    return report.model_dump_json(indent=2) + "\n"


def render_markdown(report: SkuReport, results: Sequence[Result]) -> str:
    """Return report.md."""
    title = f"{report.name} {report.version}: what to run it on"
    opening = Opening(title, is_sure(report), headline(report), None, facts(report))
    return document(opening, (shown.section for shown in sections(report, results)))


def render_html(report: SkuReport, results: Sequence[Result]) -> str:
    """Return report.html."""
    page = Page(
        name=wording.printable(report.name),
        version=wording.printable(report.version),
        outcome=_outcome(report),
        good=is_sure(report),
        headline=headline(report),
        detail=None,
        facts=facts(report),
        parts=tuple(_part(shown, index) for index, shown in enumerate(sections(report, results), start=1)),
    )
    return render_page(page)


def _outcome(report: SkuReport) -> str:
    if report.recommendation is None:
        return "no recommendation"
    return "recommendation" if is_sure(report) else "recommendation, not a sure one"


def _part(shown: Shown, index: int) -> Part:
    section = shown.section
    pictures = tuple(draw(f"p{index}-{order}") for order, draw in enumerate(shown.pictures))
    legend = shown.legend if pictures else ""
    return Part(f"s{index}", section.title, pictures, legend, section.table, section.lines)
