"""A report as GitHub-flavoured Markdown for CI summaries: what the page tells, in its order, without the pictures.

Every string of the report is escaped: none can end a table cell, open a link or bring in HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packager import wording
from packager.report.headline import Fact, detail, headline, key_facts, outcome
from packager.report.model import BuildReport
from packager.report.sections import Section, sections
from packager.report.tables import Cell, Kind, Table

# A summary is for a glance; whole reasons are in report.html.
_CELL_LENGTH, _DETAIL_LENGTH = 400, 4000
_SPECIAL = re.compile(r"[\\`*\[\]<>|~$&#!]|(?<!\w)_|_(?!\w)")
# A line that begins like this would be a list or a rule.
_LINE_START = re.compile(r"^(\d*)(?=[-+=.)])")


@dataclass(frozen=True)
class Opening:
    """What a document begins with."""

    title: str
    good: bool
    headline: str
    detail: str | None
    facts: tuple[Fact, ...]


def render_markdown(report: BuildReport) -> str:
    """Return a build's report.md."""
    title = " ".join(filter(None, (report.name, report.version)))
    opening = Opening(title, outcome(report) == "bundle", headline(report), detail(report), tuple(key_facts(report)))
    return document(opening, sections(report))


def document(opening: Opening, told: Iterable[Section]) -> str:
    """Return a document: its title with a mark, one sentence, the key facts, then section after section."""
    mark = "✅" if opening.good else "❌"
    blocks = [f"# {mark} {_text(opening.title)}", _text(opening.headline), *_detail(opening), *_facts(opening)]
    for section in told:
        blocks += _section(section)
    return "\n\n".join(blocks) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"## {_text(section.title)}"
    for line in section.lines:
        yield _line(line)
    if section.table is not None:
        yield _table(section.table)


def _detail(opening: Opening) -> Iterator[str]:
    if opening.detail is not None:
        text = wording.clip(opening.detail, _DETAIL_LENGTH)
        fence = "`" * max(3, _longest_run(text) + 1)
        yield f"{fence}text\n{text}\n{fence}"


def _facts(opening: Opening) -> Iterator[str]:
    if opening.facts:
        yield "\n".join(f"- {label}: {_code(text)}" for label, text, _ in opening.facts)


def _table(table: Table) -> str:
    head = [_text(title) for title, _ in table.columns]
    rules = ["--:" if kind == "number" else ":--" for _, kind in table.columns]
    kinds = [kind for _, kind in table.columns]
    rows = [[_cell(cell, kind) for cell, kind in zip(row.cells, kinds, strict=True)] for row in table.rows]
    for row, cells in zip(table.rows, rows, strict=True):
        if row.tone == "selected":
            cells[0] = f"**{cells[0]}**"
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rules, *rows))


def _cell(cell: Cell, kind: Kind) -> str:
    text = wording.clip(cell.text, _CELL_LENGTH)
    marked = {"good": "✅ ", "bad": "❌ "}.get(cell.tone, "")
    return marked + (_code(text) if kind == "code" and text not in ("", wording.NONE) else _text(text))


def _text(text: str) -> str:
    """Return plain text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", wording.printable(text))


def _line(text: str) -> str:
    """Return plain text that stays a paragraph when it stands at the beginning of a line."""
    return _LINE_START.sub(r"\1\\", _text(text).lstrip())


def _code(text: str) -> str:
    """Return a code span that holds `text` whatever backticks and pipes it has."""
    shown = wording.printable(text)
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{pad}{shown}{pad}{fence}".replace("|", "\\|")


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)
