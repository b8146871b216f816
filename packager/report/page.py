"""A page of HTML that needs nothing else: no network, no script, no font of its own.

A `Page` goes in, text comes out. Every string of it is escaped, and the page's own policy forbids it to load or run
anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from packager import wording
from packager.report.headline import Fact
from packager.report.tables import Table

if TYPE_CHECKING:
    from markupsafe import Markup

# A word of thirteen letters or more may break at its joints, and a piece without joints where it fills a cell.
_LONG_WORD = re.compile(r"\S{13,}")
# Figures with an exponent and days stay on one line.
_WHOLE = re.compile(r"\d[\d.]*e[-+]\d+|\d{4}-\d\d-\d\d")
_PIECE = re.compile(r"[A-Z]{0,24}[^A-Z._/:,;=-]{0,24}[._/:,;=-]{0,24}")


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


@dataclass(frozen=True)
class Page:
    """What a page says: its outcome in a word or two, one sentence, the key facts, then part after part."""

    name: str
    version: str
    outcome: str
    good: bool
    headline: str
    detail: str | None
    facts: tuple[Fact, ...]
    parts: tuple[Part, ...]


def render_page(page: Page) -> str:
    """Return the page as text."""
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
    style = files("packager.report").joinpath("page.css").read_text(encoding="utf-8")
    return environment.get_template("page.html.j2").render(**vars(page), style=style)


def _figures(text: str) -> Markup:
    """Escape a sentence, and keep its figures with an exponent, and days, on one line."""
    from markupsafe import Markup, escape

    return Markup(_WHOLE.sub(r'<span class="figure">\g<0></span>', str(escape(text))))


def _breakable(text: str) -> Markup:
    """Escape text, and let its long words break without a character more when they are copied."""
    from markupsafe import Markup, escape

    words = (_PIECE.findall(word) if _LONG_WORD.fullmatch(word) else [word] for word in re.split(r"(\s+)", text))
    return Markup("").join(Markup("<wbr>").join(escape(piece) for piece in word if piece) for word in words)
