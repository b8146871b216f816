"""Pictures of scores and errors: quantiles, native score against variant's, and how often probabilities come true.

Every mark stands for exact counts; the darker a cell, the more rows lie in it, by a logarithmic scale.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packager import wording
from packager.artifact import NATIVE
from packager.report.charts import WIDTH
from packager.report.model import BuildReport, Calibration, ErrorDistribution, ScoreMap
from packager.report.svg import Drawing, LogScale, plain_tick

_LEFT, _TOP, _FOOT, _RIGHT = 56.0, 26.0, 38.0, 46.0
_SIDE = WIDTH - _LEFT - 20.0
_SHADES = 5
_QUANTILE_HEIGHT = 190.0
_DECADE = 13.0
_LABEL_APART = 13.0


@dataclass(frozen=True)
class Span:
    """A linear scale from `low` at `start` to `high` at `end` units."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """Return where `value` lies."""
        return self.start + (self.end - self.start) * (value - self.low) / (self.high - self.low)


Ticks = list[tuple[float, str]]
_SHARES: Ticks = [(share, f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1)]


def quantile_chart(report: BuildReport, output: str, ident: str) -> str:
    """Draw which share of an output's values has at most which error, one line a variant."""
    found = [one for one in report.distributions if one.output == output and one.quantiles]
    title = f"Error of {output} by quantile"
    drawing = Drawing(ident, WIDTH, _TOP + _QUANTILE_HEIGHT + _FOOT, title, "Absolute error, logarithmic axis.")
    if not found:
        return drawing.markup()
    drawing.text((0, 12), "Absolute error by quantile of all values", role="heading")
    bottom = _TOP + _QUANTILE_HEIGHT
    errors = [error for one in found for _, error in one.quantiles]
    scale = LogScale.around(errors, bottom - 26, _TOP + 6)
    _error_axis(drawing, scale, bottom)
    shares = [share for share, _ in found[0].quantiles]
    places = [
        _LEFT + 14 + index * (WIDTH - _RIGHT - _LEFT - 28) / max(len(shares) - 1, 1) for index in range(len(shares))
    ]
    for share, x in zip(shares, places, strict=True):
        drawing.text((x, bottom + 15), "max" if share == 1 else f"{100 * share:g}%", role="tick", anchor="middle")
    heights = {one.variant: [_height(scale, error, bottom) for _, error in one.quantiles] for one in found}
    for one in sorted(found, key=lambda one: one.variant == report.selected):
        role = _role(report, one.variant)
        points = list(zip(places, heights[one.variant], strict=True))
        for start, end in itertools.pairwise(points):
            drawing.line(start, end, role=f"curve {role}")
        for point in points:
            drawing.dot(point, role=f"dot {role}", radius=3)
    for one, y in _apart([(one, heights[one.variant][-1]) for one in found]):
        drawing.text((places[-1] + 8, y + 4), wording.clip(one.variant, 6), role=f"name {_role(report, one.variant)}")
    return drawing.markup()


def scatter_chart(score_map: ScoreMap, ident: str) -> str:
    """Draw the rows by native score and variant's score, as shaded cells; the line is where both are equal."""
    variant = wording.printable(score_map.variant)
    title = f"Score of the registered model against {variant}"
    drawing = Drawing(
        ident, WIDTH, _TOP + _SIDE + _FOOT, title, "Rows by both scores; the line is where they are equal."
    )
    first, last = _cells(score_map)
    across, up = Span(first, last, _LEFT, _LEFT + _SIDE), Span(first, last, _TOP + _SIDE, _TOP)
    drawing.text((0, 12), f"Score: registered model, and {variant} upwards", role="heading")
    _square(drawing, across, up, _ticks(score_map, first, last))
    drawing.line((across.start, up.start), (across.end, up.end), role="diagonal")
    cell = _SIDE / (last - first)
    _shaded(drawing, [(across.place(x), up.place(y + 1), rows) for x, y, rows in score_map.pairs], (cell, cell))
    return drawing.markup()


def deviation_chart(score_map: ScoreMap, ident: str) -> str:
    """Draw the rows by native score and by how far the variant's score is from it, a line of cells a decade."""
    variant = wording.printable(score_map.variant)
    bins = [place for _, place, _ in score_map.deviations if place]
    decades = range(min(bins), max(bins) + 1) if bins else range(1, 1)
    bottom = _TOP + (len(decades) + 1) * _DECADE + 8
    drawing = Drawing(
        ident, WIDTH, bottom + _FOOT, f"Difference of {variant} by score", "Rows by score and difference."
    )
    drawing.text((0, 12), f"Difference of {variant}, by the registered model's score", role="heading")
    first, last = _cells(score_map)
    across = Span(first, last, _LEFT, _LEFT + _SIDE)
    _linear_axis(drawing, across, (_TOP, bottom), _ticks(score_map, first, last))
    floors = {0: bottom - _DECADE, **{place: bottom - 8 - (index + 2) * _DECADE for index, place in enumerate(decades)}}
    drawing.text((_LEFT - 6, floors[0] + 10), "equal", role="tick", anchor="end")
    for place in decades:
        edge = score_map.edges[place - 1]
        drawing.line((_LEFT, floors[place] + _DECADE), (_LEFT + _SIDE, floors[place] + _DECADE), role="rule")
        if edge and (place - decades[0]) % max(1, len(decades) // 8) == 0:
            drawing.text((_LEFT - 6, floors[place] + _DECADE + 4), wording.edge(edge), role="tick", anchor="end")
    corners = [(across.place(x), floors[place], rows) for x, place, rows in score_map.deviations]
    _shaded(drawing, corners, (_SIDE / (last - first), _DECADE - 1))
    return drawing.markup()


def reliability_chart(native: Calibration, one: Calibration, ident: str, *, role: str) -> str:
    """Draw the share of rows that came true by the probability given to them, before and after."""
    variant = wording.printable(one.variant)
    described = "Share that came true by mean probability, in ten bins; the line is where both are equal."
    drawing = Drawing(ident, WIDTH, _TOP + _SIDE + _FOOT, f"Reliability of {variant}", described)
    drawing.text((0, 12), f"Share that came true, by probability: {variant}", role="heading")
    across, up = Span(0, 1, _LEFT, _LEFT + _SIDE), Span(0, 1, _TOP + _SIDE, _TOP)
    _square(drawing, across, up, _SHARES)
    drawing.line((across.start, up.start), (across.end, up.end), role="diagonal")
    for curve, shown, radius in ((native, "native", 7.0), (one, role, 4.0)):
        points = [
            (across.place(mean), up.place(share))
            for _, mean, share in curve.bins
            if mean is not None and share is not None
        ]
        for start, end in itertools.pairwise(points):
            drawing.line(start, end, role=f"curve {shown}")
        for point in points:
            drawing.dot(point, role=f"dot {shown}", radius=radius)
    return drawing.markup()


def _error_axis(drawing: Drawing, scale: LogScale | None, bottom: float) -> None:
    """Draw the ticks of an upright axis of errors, with a line of its own below for errors that are exactly 0."""
    drawing.line((_LEFT, bottom - 8), (WIDTH - _RIGHT, bottom - 8), role="base")
    drawing.text((_LEFT - 6, bottom - 4), "0", role="tick", anchor="end")
    for value in scale.ticks() if scale is not None else ():
        y = scale.place(value) if scale is not None else None
        if y is not None:
            drawing.line((_LEFT, y), (WIDTH - _RIGHT, y), role="rule")
            drawing.text((_LEFT - 6, y + 4), plain_tick(wording.edge(value)), role="tick", anchor="end")


def _height(scale: LogScale | None, error: float, bottom: float) -> float:
    """Return where an error lies; 0 has its own line, and what is infinite lies at the top."""
    if error == 0 or scale is None:
        return bottom - 8
    place = scale.place(error)
    return scale.end if place is None else place


def _square(drawing: Drawing, across: Span, up: Span, ticks: Ticks) -> None:
    """Draw the rules of a square whose sides have the same scale."""
    _linear_axis(drawing, across, (_TOP, _TOP + _SIDE), ticks)
    for value, text in ticks:
        drawing.line((_LEFT, up.place(value)), (_LEFT + _SIDE, up.place(value)), role="rule")
        drawing.text((_LEFT - 6, up.place(value) + 4), text, role="tick", anchor="end")


def _linear_axis(drawing: Drawing, across: Span, span: tuple[float, float], ticks: Ticks) -> None:
    top, bottom = span
    for value, text in ticks:
        drawing.line((across.place(value), top), (across.place(value), bottom), role="rule")
        drawing.text((across.place(value), bottom + 15), text, role="tick", anchor="middle")


def _shaded(drawing: Drawing, corners: Sequence[tuple[float, float, int]], size: tuple[float, float]) -> None:
    """Draw cells, one shape for all of a shade."""
    most = max((rows for _, _, rows in corners), default=1)
    shades: dict[int, list[tuple[float, float]]] = {}
    for x, y, rows in corners:
        shade = math.ceil(_SHADES * math.log10(1 + rows) / math.log10(1 + most))
        shades.setdefault(shade, []).append((x, y))
    for shade, places in sorted(shades.items()):
        drawing.cells(places, size, role=f"cell shade{shade}")


def _cells(score_map: ScoreMap) -> tuple[int, int]:
    """Return the first cell of a picture, and the one after its last: all of a probability's, of values those used."""
    if score_map.score != "value":
        return 0, round(1 / score_map.step)
    used = [cell for x, y, _ in score_map.pairs for cell in (x, y)]
    return min(used), max(used) + 1


def _ticks(score_map: ScoreMap, first: int, last: int) -> Ticks:
    """Return a few round scores within some cells, each where it lies counted in cells."""
    low, high = (score_map.low + cell * score_map.step for cell in (first, last))
    if not 1e-300 < high - low < 1e300:
        return []
    step = _round_step((high - low) / 4)
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    digits = max(4, math.ceil(math.log10(max(abs(low), abs(high)) / step)) + 1)
    return [((number * step - score_map.low) / score_map.step, f"{number * step:.{digits}g}") for number in numbers]


def _apart(labels: Iterable[tuple[ErrorDistribution, float]]) -> list[tuple[ErrorDistribution, float]]:
    """Return labels from the top down, moved where two would lie over each other."""
    placed: list[tuple[ErrorDistribution, float]] = []
    for one, y in sorted(labels, key=lambda label: label[1]):
        placed.append((one, max(y, placed[-1][1] + _LABEL_APART) if placed else y))
    return placed


def _round_step(width: float) -> float:
    power = 10.0 ** math.floor(math.log10(width))
    return next((factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= width * 0.999), 10 * power)


def _role(report: BuildReport, variant: str) -> str:
    return "selected" if variant == report.selected else "native" if variant == NATIVE else "other"
