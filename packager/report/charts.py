"""The report's pictures, each as one inline SVG: latency, error distribution, size.

Only values that were measured are drawn; a variant without a figure keeps its line and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from packager import wording
from packager.artifact import NATIVE, Measurement
from packager.report.measured import NOT_MEASURED, of_target
from packager.report.model import BuildReport, ErrorDistribution
from packager.report.svg import CHARACTER_WIDTH, Drawing, LogScale, axis

# Units of a picture: about the width of a telephone, so that type stays readable when it is scaled to fit.
WIDTH = 370.0
_LABEL, _VALUE = 74.0, 58.0
_LINE, _HEAD, _FOOT, _STRIP, _TITLE = 20.0, 27.0, 24.0, 52.0, 16.0
_EXACT = 24.0


@dataclass(frozen=True)
class Mark:
    """One line of a dot plot: a value, its interval and its upper percentile, as far as they were measured."""

    value: float | None
    interval: tuple[float, float] | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Band:
    """Where one variant's histogram lies: its baseline, its height, the count that fills it."""

    base: float
    height: float
    most: int

    def top(self, count: int) -> float:
        """Return how high a bar of `count` reaches: logarithmic, so that one value among millions is seen."""
        return self.height * math.log10(1 + count) / math.log10(1 + max(self.most, 1))


def latency_chart(report: BuildReport, target: str, ident: str) -> str:
    """Draw the median with its interval, and the 95th percentile, of each variant by rows per call."""
    described = "Median with its 95% interval and 95th percentile, logarithmic axis. The table below holds the figures."
    drawing = Drawing(ident, WIDTH, 0, f"Time per call on {target}", described)
    drawing.text((0, 12), "Time per call", role="heading")
    return _dot_plot(drawing, report, target, mark=_latency_mark, say=wording.latency)


def size_chart(report: BuildReport, ident: str) -> str:
    """Draw the size of each variant's file as a bar from zero."""
    sized = [(variant, variant.size_bytes) for variant in report.variants if variant.size_bytes is not None]
    described = "Size of each model file, bars from zero. The table below holds the figures."
    drawing = Drawing(ident, WIDTH, len(sized) * _LINE + 10, "Size of each model file", described)
    largest = max((size_bytes for _, size_bytes in sized), default=0) or 1
    for index, (variant, size_bytes) in enumerate(sized):
        y, length = index * _LINE + 18, (WIDTH - _LABEL - _VALUE) * size_bytes / largest
        role = _role(report, variant.name)
        _label(drawing, variant.name, y, role)
        drawing.box((_LABEL, y - 11), (length, 13), role=f"bar {role}")
        drawing.text((_LABEL + length + 6, y), wording.size(size_bytes), role="value")
    return drawing.markup()


def error_chart(report: BuildReport, output: str, ident: str) -> str:
    """Draw how many values of an output lie how far from the registered model's, one strip a variant."""
    found = [one for one in report.distributions if one.output == output]
    described = "Count of values by absolute error, both axes logarithmic; the bar apart counts exactly equal values."
    title = f"Distance of {output} from the registered model"
    bottom = len(found) * _STRIP + 4
    drawing = Drawing(ident, WIDTH, bottom + _FOOT, title, described)
    edges = [edge for one in found for edge in _filled_edges(one)]
    scale = LogScale.around(edges, _LABEL + _EXACT + 24, WIDTH - 12)
    drawing.text((_LABEL + _EXACT / 2, bottom + 15), "exact", role="tick", anchor="middle")
    if scale is not None:
        axis(drawing, scale, (4, bottom), wording.edge)
    most = max((count for one in found for count in (one.exact, *one.counts)), default=0)
    for index, one in enumerate(found):
        band = Band((index + 1) * _STRIP, _STRIP - 12, most)
        _histogram(drawing, one, band, scale=scale, role=_role(report, one.variant))
    return drawing.markup()


def _dot_plot(
    drawing: Drawing,
    report: BuildReport,
    target: str,
    *,
    mark: Callable[[Measurement], Mark],
    say: Callable[[float], str],
) -> str:
    """Draw one line a measurement, grouped by rows per call, on one logarithmic axis."""
    measured = of_target(report, target)
    groups = [(batch, list(ones)) for batch, ones in groupby(measured, key=lambda one: one.batch_size)]
    values = [value for one in measured for value in _values(mark(one))]
    scale = LogScale.around(values, _LABEL, WIDTH - _VALUE)
    bottom = _TITLE + sum(_HEAD + len(ones) * _LINE for _, ones in groups) + 4
    drawing.height = bottom + _FOOT
    if scale is not None:
        axis(drawing, scale, (_TITLE + _HEAD - 6, bottom), say)
    y = _TITLE
    for batch, ones in groups:
        y += _HEAD
        drawing.text((0, y - 8), wording.rows(batch), role="group")
        for one in ones:
            _dot_line(drawing, mark(one), y + _LINE / 2, scale=scale, role=_role(report, one.variant))
            _label(drawing, one.variant, y + _LINE / 2 + 4, _role(report, one.variant))
            _value(drawing, mark(one).value, y + _LINE / 2 + 4, say)
            y += _LINE
    return drawing.markup()


def _dot_line(drawing: Drawing, mark: Mark, y: float, *, scale: LogScale | None, role: str) -> None:
    x = None if scale is None or mark.value is None else scale.place(mark.value)
    if scale is None or x is None:
        return
    upper = None if mark.upper is None else scale.place(mark.upper)
    if upper is not None:
        drawing.line((x, y), (upper, y), role=f"reach {role}")
        drawing.line((upper, y - 5), (upper, y + 5), role=f"upper {role}")
    if mark.interval is not None:
        low, high = (scale.place(end) for end in mark.interval)
        if low is not None and high is not None:
            drawing.line((low, y), (high, y), role=f"interval {role}")
    drawing.dot((x, y), role=f"dot {role}")


def _latency_mark(one: Measurement) -> Mark:
    return Mark(one.p50_us, one.ci95, one.p95_us)


def _value(drawing: Drawing, value: float | None, y: float, say: Callable[[float], str]) -> None:
    if value is None:
        drawing.text((_LABEL + 6, y), NOT_MEASURED, role="tick")
    else:
        drawing.text((WIDTH, y), say(value), role="value", anchor="end")


def _histogram(drawing: Drawing, one: ErrorDistribution, band: Band, *, scale: LogScale | None, role: str) -> None:
    values = one.exact + sum(one.counts)
    said = f"{wording.share(one.exact / values)} exact" if values else "no values"
    _label(drawing, one.variant, band.base - 16, role)
    drawing.text((0, band.base - 2), said, role="tick")
    drawing.line((_LABEL, band.base), (WIDTH - 12, band.base), role="base")
    exact = band.top(one.exact)
    drawing.box((_LABEL, band.base - exact), (_EXACT, exact), role=f"bar exact {role}")
    for index, count in enumerate(one.counts):
        span = None if scale is None or not count else _span(one, index, scale)
        if span is not None:
            (left, right), top = span, band.top(count)
            drawing.box((left + 0.5, band.base - top), (right - left - 1, top), role=f"bar {role}")


def _span(one: ErrorDistribution, index: int, scale: LogScale) -> tuple[float, float]:
    """Return where a bin lies; one that starts at zero or ends nowhere reaches to the scale's own end."""
    left, right = scale.place(one.edges[index]), scale.place(one.edges[index + 1])
    return (scale.start if left is None else left, scale.end if right is None else right)


def _filled_edges(one: ErrorDistribution) -> list[float]:
    return [edge for index, count in enumerate(one.counts) if count for edge in one.edges[index : index + 2]]


def _values(mark: Mark) -> list[float]:
    return [value for value in (mark.value, mark.upper, *(mark.interval or ())) if value is not None]


def _label(drawing: Drawing, variant: str, y: float, role: str) -> None:
    name = wording.clip(wording.printable(variant), int(_LABEL / CHARACTER_WIDTH))
    drawing.text((0, y), name, role=f"name {role}")


def _role(report: BuildReport, variant: str) -> str:
    if variant == report.selected:
        return "selected"
    return "native" if variant == NATIVE else "other"
