"""Write a BuildReport in its four forms: report.json, report.md, report.html and junit.xml."""

from __future__ import annotations

from pathlib import Path

from packager import files
from packager.report.html import render_html
from packager.report.junit import render_junit
from packager.report.markdown import render_markdown
from packager.report.model import BuildReport


def write_report(report: BuildReport, folder: Path) -> None:
    """Write the report's four files into an existing folder; every form is made before the first is written."""
    forms = {
        "report.json": _encodable(files.pretty_json(report.document())),
        "report.md": render_markdown(report),
        "report.html": render_html(report),
        "junit.xml": render_junit(report),
    }
    for name, text in forms.items():
        files.write_text(folder / name, text)


def _encodable(text: str) -> str:
    """Spell lone surrogates, as in undecodable file names, as the JSON escapes that they are."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
