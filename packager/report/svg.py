"""A drawing: shapes go in, one accessible inline SVG comes out. Colours and type come from the page's style sheet.

Text is escaped by the XML writer and carries no control characters, so no name can break out of the picture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

from packager import wording

# The advance of one character at the style sheet's 12 units, on the safe side for the usual sans-serif faces.
CHARACTER_WIDTH = 6.7
# More tick labels than this crowd a picture of this width.
_TICKS = 6
# A tick is a round value: 1 ms, not 1.00 ms.
_TRAILING_ZEROS = re.compile(r"(?:\.0+|(\.\d*?)0+)(?=\s|$)")


@dataclass
class Drawing:
    """A picture of `width` by `height` units; `ident` is unique on the page."""

    ident: str
    width: float
    height: float
    title: str
    description: str
    _shapes: list[ElementTree.Element] = field(default_factory=list)

    def line(self, start: tuple[float, float], end: tuple[float, float], *, role: str) -> None:
        """Draw a straight line from (x, y) to (x, y)."""
        (x1, y1), (x2, y2) = start, end
        self._add("line", {"class": role, "x1": x1, "y1": y1, "x2": x2, "y2": y2})

    def box(self, corner: tuple[float, float], size: tuple[float, float], *, role: str) -> None:
        """Draw a rectangle from its top left corner."""
        (x, y), (width, height) = corner, size
        self._add("rect", {"class": role, "x": x, "y": y, "width": max(width, 0), "height": max(height, 0), "rx": 1})

    def dot(self, centre: tuple[float, float], *, role: str, radius: float = 4) -> None:
        """Draw a filled circle."""
        self._add("circle", {"class": role, "cx": centre[0], "cy": centre[1], "r": radius})

    def cells(self, corners: Sequence[tuple[float, float]], size: tuple[float, float], *, role: str) -> None:
        """Draw rectangles of one size from their top left corners, as one shape."""
        width, height = (_number(max(side, 0)) for side in size)
        outline = "".join(f"M{_number(x)} {_number(y)}h{width}v{height}h-{width}z" for x, y in corners)
        self._add("path", {"class": role, "d": outline})

    def text(self, place: tuple[float, float], words: str, *, role: str, anchor: str = "start") -> None:
        """Write one line with its baseline at `place`."""
        attributes: dict[str, str | float] = {"class": role, "x": place[0], "y": place[1], "text-anchor": anchor}
        self._add("text", attributes).text = wording.printable(words)

    def markup(self) -> str:
        """Return the <svg> element."""
        title, description = f"{self.ident}-title", f"{self.ident}-desc"
        attributes = {
            "viewBox": f"0 0 {_number(self.width)} {_number(self.height)}",
            "role": "img",
            "aria-labelledby": f"{title} {description}",
        }
        root = ElementTree.Element("svg", attributes)
        for tag, ident, words in (("title", title, self.title), ("desc", description, self.description)):
            ElementTree.SubElement(root, tag, {"id": ident}).text = wording.printable(words)
        root.extend(self._shapes)
        return ElementTree.tostring(root, encoding="unicode")

    def _add(self, tag: str, attributes: dict[str, str | float]) -> ElementTree.Element:
        spelled = {name: value if isinstance(value, str) else _number(value) for name, value in attributes.items()}
        self._shapes.append(ElementTree.Element(tag, spelled))
        return self._shapes[-1]


@dataclass(frozen=True)
class LogScale:
    """Places positive values between `start` and `end` units by their logarithm."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: list[float], start: float, end: float) -> LogScale | None:
        """Return a scale with some room around the finite positive values, or None where there are none."""
        logs = [math.log10(value) for value in values if math.isfinite(value) and value > 0]
        if not logs:
            return None
        room = max((max(logs) - min(logs)) * 0.06, 0.08)
        return cls(min(logs) - room, max(logs) + room, start, end)

    def place(self, value: float) -> float | None:
        """Return where `value` lies, or None where it is no finite positive number."""
        if not math.isfinite(value) or value <= 0:
            return None
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * min(max(part, 0.0), 1.0)

    def ticks(self) -> list[float]:
        """Return a few round values: powers of ten, every so many of them, or 1-2-5 steps on a short scale."""
        decades = range(math.ceil(self.low), math.floor(self.high) + 1)
        if len(decades) >= 3:
            step = math.ceil(len(decades) / _TICKS)
            values = [float(f"1e{exponent}") for exponent in decades if exponent % step == 0]
            return [value for value in values if 0 < value < math.inf]
        for mantissas in ((1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
            found = self._within(mantissas)
            if len(found) >= 3:
                return found
        return found

    def _within(self, mantissas: tuple[float, ...]) -> list[float]:
        exponents = range(math.floor(self.low), math.floor(self.high) + 1)
        values = [float(f"{mantissa}e{exponent}") for exponent in exponents for mantissa in mantissas]
        return [value for value in values if self.low <= math.log10(value) <= self.high]


def axis(drawing: Drawing, scale: LogScale, span: tuple[float, float], label: Callable[[float], str]) -> None:
    """Draw faint vertical rules at the scale's ticks from top to bottom of `span`, with labels below."""
    top, bottom = span
    for value in scale.ticks():
        x = scale.place(value)
        if x is not None:
            drawing.line((x, top), (x, bottom), role="rule")
            drawing.text((x, bottom + 15), plain_tick(label(value)), role="tick", anchor="middle")


def upright_axis(drawing: Drawing, scale: LogScale, span: tuple[float, float], label: Callable[[float], str]) -> None:
    """Draw faint level rules at the scale's ticks from left to right of `span`, with labels on their left."""
    left, right = span
    for value in scale.ticks():
        y = scale.place(value)
        if y is not None:
            drawing.line((left, y), (right, y), role="rule")
            drawing.text((left - 6, y + 4), plain_tick(label(value)), role="tick", anchor="end")


def plain_tick(text: str) -> str:
    """Return a tick's text without the zeros that carry nothing."""
    return _TRAILING_ZEROS.sub(r"\1", text)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
