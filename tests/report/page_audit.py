"""What is wrong with a page of HTML, as a list: tags left open, things to load or run, names that break out, tables
and pictures that a screen reader cannot tell.
"""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "wbr", "line", "rect", "circle", "path"}
KNOWN = VOID | {
    *("html", "head", "title", "style", "body", "header", "main", "section", "h1", "h2", "p", "span", "pre"),
    *("dl", "div", "dt", "dd", "figure", "figcaption", "table", "thead", "tbody", "tr", "th", "td"),
    *("svg", "desc", "text"),
}


class _Audit(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.open: list[str] = []
        self.idents: list[str] = []
        self.referred: list[str] = []
        self.columns = 0
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag not in KNOWN:
            self.problems.append(f"unknown tag <{tag}>")
        self._loads(tag, attributes)
        if attributes.get("id"):
            self.idents.append(str(attributes["id"]))
        self.referred += str(attributes.get("aria-labelledby") or "").split()
        if tag == "svg" and not {"role", "aria-labelledby"} <= attributes.keys():
            self.problems.append("<svg> without role or name")
        if tag == "table" and "aria-labelledby" not in attributes:
            self.problems.append("<table> without a name")
        if tag == "th" and attributes.get("scope") not in ("row", "col"):
            self.problems.append("<th> without scope")
        if tag == "th" and attributes.get("scope") == "col":
            self.columns += 1
        elif tag in ("th", "td"):
            self.cells += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")
        if tag == "tr" and "tbody" in self.open and self.cells != self.columns:
            self.problems.append(f"a row of {self.cells} cells under {self.columns} headers")
        if tag == "tr":
            self.cells = 0
        if tag == "table":
            self.columns = 0

    def handle_decl(self, decl: str) -> None:
        if decl.lower() != "doctype html":
            self.problems.append(f"<!{decl}>")

    def handle_comment(self, data: str) -> None:
        self.problems.append(f"a comment: {data}")

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["style"] and ("url(" in data or "@import" in data):
            self.problems.append("a style sheet that loads something")
        if any(char < " " and char != "\n" for char in data):
            self.problems.append(f"a control character in {data!r}")

    def _loads(self, tag: str, attributes: dict[str, str | None]) -> None:
        for name, value in attributes.items():
            if name.startswith("on") or (name in ("src", "href", "action", "style") and value != "data:,"):
                self.problems.append(f"<{tag} {name}={value!r}>")


def audit(page: str) -> list[str]:
    """Return everything that is wrong with a page."""
    parser = _Audit()
    parser.feed(page)
    parser.close()
    problems = list(parser.problems)
    problems += [f"<{tag}> is left open" for tag in parser.open]
    problems += [f"id {ident} occurs twice" for ident in set(parser.idents) if parser.idents.count(ident) > 1]
    problems += [f"no element has the id {ident}" for ident in set(parser.referred) - set(parser.idents)]
    return problems


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.text: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag == "style"
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._silent = False
        if tag in ("th", "td"):
            self._cell = False

    _cell = False

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self.text.append(data)
        if self._cell:
            self.rows[-1][-1] += data


def words(page: str) -> str:
    """Return the text that a page shows."""
    parser = _Words()
    parser.feed(page)
    return "".join(parser.text)


def table_rows(page: str) -> list[list[str]]:
    """Return the rows of all tables of a page, headers too, as the text of their cells."""
    parser = _Words()
    parser.feed(page)
    return parser.rows
