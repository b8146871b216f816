"""The face: what a build says while it runs. Everything goes to stderr; stdout is for results.

On a terminal rich draws colours and live lines. Elsewhere, in CI and with NO_COLOR, plain lines are written and rich
is not even imported. Nothing that is printed can steer the terminal: foreign text has its control characters escaped.
"""

from __future__ import annotations

import codecs
import os
import sys
import textwrap
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TextIO

from packager import wording
from packager.errors import PackagerError

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.text import Text

Style = Literal["", "good", "bad", "warn", "quiet", "strong", "chosen"]
Part = tuple[str, Style]
_COLOURS: dict[Style, str] = {
    "": "",
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "quiet": "bright_black",
    "strong": "bold",
    "chosen": "bold cyan",
}
# What a stream that cannot write a sign gets in its place.
_SIGNS = "✓✗▸·…µ━─\N{EN DASH}\N{MULTIPLICATION SIGN}"
_ASCII = str.maketrans(dict(zip(_SIGNS, ("+", "x", ">", "-", "...", "u", "#", "-", "-", "x"), strict=True)))
_TITLE_WIDTH, _TIME_WIDTH, _BAR_WIDTH = 10, 8, 20
_PLAIN_WIDTH, _WIDEST = 80, 100
# Words in a table want this much room beside their row; else they lie below it, behind so many spaces.
_NARROWEST, _BELOW = 30, 4
# Plain output tells of long work this often; an error stays readable in a log.
_TELL_EVERY_S = 10.0
_ERROR_LINES = 40
_ERROR_BYTES = {"message": 2400, "figure": 200, "key": 300, "hint": 600}


@dataclass
class Step:
    """One stage that runs: its one-line detail, and how far it has come where it can tell."""

    title: str
    begun_s: float
    changed: Callable[[Step], None]
    text: str = ""
    done: int | None = None
    total: int | None = None
    unit: str = ""
    about: bool = False
    counted_s: float = 0.0
    told_s: float = 0.0

    def detail(self, text: str) -> None:
        """Set what the step's line says when it ends, and until then."""
        self.text = wording.printable(text)

    def progress(self, done: int, total: int | None = None, unit: str = "rows", *, about: bool = False) -> None:
        """Tell how much of the work is done; of 0 on, rate and time left are counted. `about`: the total is a guess."""
        self.done, self.total, self.unit, self.about = done, total, unit, about
        self.changed(self)


class Console:
    """Talks on `stream`, by default stderr."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self.plain = not self._stream.isatty() or _wants_plain(environ)
        self._encoding = _encoding(self._stream)
        self._drawn: RichConsole | None = None

    @property
    def width(self) -> int:
        """Return the columns that lines may fill."""
        return _PLAIN_WIDTH if self.plain else min(self._rich().width, _WIDEST)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run a stage: a live line while it runs, one line with its detail and time when it ends or raises."""
        now = self._clock()
        step = Step(title, now, self._tell_progress, counted_s=now, told_s=now)
        try:
            with self._live(step):
                yield step
        except BaseException:
            self._end(step, ("✗", "bad"))
            raise
        self._end(step, ("✓", "good"))

    def note(self, text: str) -> None:
        """Say something worth knowing."""
        self.paragraph(("·", "quiet"), text)

    def warn(self, text: str) -> None:
        """Say something that may be wrong."""
        self.paragraph(("!", "warn"), text)

    def error(self, error: PackagerError) -> None:
        """Show a failure: what is wrong, measured against limit, the recipe key, the hint; under 4 kB."""
        stage = "" if error.stage == "internal" else f"{error.stage}: "
        first, *more = _bounded(error.message, "message", lines=True).split("\n")
        self.paragraph(("✗", "bad"), f"{stage}{first}", style="strong")
        for line in [*more[:_ERROR_LINES], *(["…"] if len(more) > _ERROR_LINES else [])]:
            self.write((f"  {line}", ""))
        if error.measured is not None:
            against = "" if error.limit is None else f", limit {_figure(error.limit)}"
            self.write((f"  measured {_figure(error.measured)}{against}", ""))
        if error.key:
            self.write((f"  at {_bounded(error.key, 'key')}", ""))
        if error.hint:
            self.paragraph((" ", ""), f"hint: {_bounded(error.hint, 'hint')}")

    def paragraph(self, mark: Part, text: str, *, style: Style = "") -> None:
        """Write a mark and a text; on a terminal its lines break between words and hang under the text."""
        shown = wording.printable(text)
        lines = [shown] if self.plain else textwrap.wrap(shown, self.width - 2, break_on_hyphens=False) or [""]
        for index, line in enumerate(lines):
            self.write(mark if index == 0 else (" ", ""), (f" {line}", style))

    def table(
        self, header: Sequence[str], rows: Sequence[tuple[Style, Sequence[str]]], *, left: int, words: bool = False
    ) -> None:
        """Write rows in columns, the first `left` of them left-aligned, the others right-aligned.

        On a terminal a last column of `words` breaks between them, or lies below its row where there is no room beside.
        """
        cells = [list(header), *([wording.printable(cell) for cell in row] for _, row in rows)]
        widths = [max(_columns(cell) for cell in column) for column in zip(*cells, strict=True)]
        hangs = words and not self.plain
        if hangs:
            widths[-1] = 0
        fits = sum(widths) + 2 * (len(widths) - 1) <= self.width
        gap = "  " if fits or self.plain else " "
        indent = sum(widths) + len(gap) * (len(widths) - 1)
        if hangs and self._rich().width - indent < _NARROWEST:
            indent, cells[0][-1] = _BELOW, ""
        for style, line in zip(["quiet", *(style for style, _ in rows)], cells, strict=True):
            padded = [_pad(cell, widths[at], right=at >= left) for at, cell in enumerate(line)]
            if hangs:
                self._write_words(gap.join([*padded[:-1], ""]), line[-1], indent, style)
            else:
                self.write((gap.join(padded).rstrip(), style))

    def _write_words(self, row: str, words: str, indent: int, style: Style) -> None:
        """Write a row and the words behind it, which hang under each other; all below it where it is longer."""
        room = max(self._rich().width - indent, _NARROWEST)
        lines = textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False)
        first = lines.pop(0) if lines and _columns(row) == indent else ""
        for text in (f"{row}{first}".rstrip(), *(f"{' ' * indent}{line}" for line in lines)):
            self.write((text, style))

    def write(self, *parts: Part) -> None:
        """Write one line."""
        said = [(_spelled(wording.printable(text), self._encoding), style) for text, style in parts]
        if self.plain:
            self._stream.write("".join(text for text, _ in said).rstrip() + "\n")
            self._stream.flush()
        else:
            self._rich().print(_text(said), soft_wrap=True)

    def _end(self, step: Step, mark: Part) -> None:
        took = wording.seconds(self._clock() - step.begun_s)
        room = self.width - _TITLE_WIDTH - _TIME_WIDTH - 4
        detail = step.text if self.plain else _clip(step.text, room)
        title = _pad(wording.printable(step.title), _TITLE_WIDTH)
        self.write(mark, (f" {title}", "strong"), (f" {_pad(detail, room)} ", ""), (took.rjust(_TIME_WIDTH), "quiet"))

    def _tell_progress(self, step: Step) -> None:
        now = self._clock()
        if step.done == 0:
            step.counted_s = now
        if self.plain and now - step.told_s >= _TELL_EVERY_S:
            step.told_s = now
            self.write((f"  {_pad(step.title, _TITLE_WIDTH)} {progress_text(step, now - step.counted_s)}", ""))

    def _live(self, step: Step) -> AbstractContextManager[object]:
        if self.plain:
            return nullcontext()
        from rich.live import Live

        # stdout is not taken over: results go there, and they stay there.
        return Live(
            get_renderable=lambda: self._moving(step),
            console=self._rich(),
            refresh_per_second=10,
            transient=True,
            redirect_stdout=False,
        )

    def _moving(self, step: Step) -> Text:
        elapsed = self._clock() - step.begun_s
        signs = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        signs = signs if _can_write(signs, self._encoding) else r"-\|/"
        sign = signs[int(elapsed * 10) % len(signs)]
        parts: list[Part] = [(sign, "chosen"), (f" {_pad(wording.printable(step.title), _TITLE_WIDTH)} ", "strong")]
        room = self.width - _TITLE_WIDTH - 4
        if step.done is None:
            parts.append((_clip(f"{step.text} {wording.seconds(elapsed)}".strip(), room), "quiet"))
        else:
            told = progress_text(step, self._clock() - step.counted_s)
            parts += [*_bar(step), (_clip(told, room - _BAR_WIDTH), "quiet")]
        return _text([(_spelled(text, self._encoding), style) for text, style in parts])

    def _rich(self) -> RichConsole:
        if self._drawn is None:
            from rich.console import Console as RichConsole

            self._drawn = RichConsole(file=self._stream, highlight=False, markup=False, emoji=False)
        return self._drawn


def progress_text(step: Step, elapsed_s: float) -> str:
    """Return how far a step has come: done of total, rate, time left; `elapsed_s` since its progress was 0."""
    done = step.done or 0
    said = wording.count(done)
    if step.total is not None:
        said += f" of about {wording.rate(step.total)}" if step.about else f" of {wording.count(step.total)}"
    parts = [f"{said} {wording.printable(step.unit)}".strip()]
    if elapsed_s > 0 and done > 0:
        parts.append(f"{wording.rate(done / elapsed_s)}/s")
        if step.total is not None and step.total > done:
            parts.append(f"{wording.remaining(elapsed_s * (step.total - done) / done)} left")
    return ", ".join(parts)


def _bar(step: Step) -> list[Part]:
    if not step.total:
        return []
    filled = round(_BAR_WIDTH * min(max((step.done or 0) / step.total, 0.0), 1.0))
    return [("━" * filled, "chosen"), ("─" * (_BAR_WIDTH - filled), "quiet"), (" ", "")]


def _text(parts: Sequence[Part]) -> Text:
    from rich.text import Text

    return Text.assemble(*((text, _COLOURS[style]) for text, style in parts), no_wrap=True)


def _wants_plain(environ: Mapping[str, str]) -> bool:
    in_ci = environ.get("CI", "").lower() not in ("", "0", "false")
    return in_ci or bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"


def _encoding(stream: TextIO) -> str:
    """Return the stream's encoding; one that has none, as a buffer of text, takes everything."""
    try:
        return codecs.lookup(stream.encoding or "utf-8").name
    except LookupError:
        return "ascii"


def _can_write(text: str, encoding: str) -> bool:
    return text.encode(encoding, "ignore").decode(encoding) == text


def _spelled(text: str, encoding: str) -> str:
    """Return text that the encoding holds: our signs in ASCII where it lacks them, foreign letters as escapes."""
    shown = text if _can_write(_SIGNS, encoding) else text.translate(_ASCII)
    return shown.encode(encoding, "backslashreplace").decode(encoding)


def _figure(value: object) -> str:
    return wording.limit(value) if isinstance(value, float) else _bounded(str(value), "figure")


def _bounded(text: str, what: str, *, lines: bool = False) -> str:
    shown = wording.printable(text, lines=lines).encode("utf-8")
    limit = _ERROR_BYTES[what]
    return shown.decode() if len(shown) <= limit else shown[:limit].decode("utf-8", "ignore") + "…"


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text fills."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def _pad(text: str, width: int, *, right: bool = False) -> str:
    room = " " * max(width - _columns(text), 0)
    return room + text if right else text + room


def _clip(text: str, width: int) -> str:
    """Return the beginning of a text that fills at most `width` columns."""
    if _columns(text) <= width:
        return text
    kept = text
    while kept and _columns(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"
