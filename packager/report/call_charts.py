"""Measurements of single calls as pictures: latency against rows per call, and which provider runs how many nodes.

Only values that were measured are drawn; what has none is named below, by the table.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from packager import wording
from packager.artifact import NATIVE, Measurement
from packager.report.placement import placed
from packager.report.svg import CHARACTER_WIDTH, Drawing, LogScale, axis, upright_axis

# Units: about the width of a telephone, so that type stays readable when the picture is scaled to fit.
_WIDTH, _HEIGHT = 370.0, 260.0
_LEFT, _RIGHT, _TOP, _FOOT = 58.0, 76.0, 28.0, 34.0
# Names at the ends of curves stand at least a line apart.
_LINE = 14.0
_BAR, _GAP, _NAME = 15.0, 40.0, 13.0
BATCH_LEGEND = (
    "A dot is the median of all calls of so many rows, the bar through it its 95% interval. Dashed: the registered "
    "model in its own library. Blue: the variant that the bundle serves. Both axes are logarithmic."
)
PLACEMENT_LEGEND = "Each bar is all nodes of one graph; blue are those that run on the provider that was asked for."


@dataclass(frozen=True)
class Curve:
    """One variant on one target, by rows per call."""

    name: str
    role: str
    points: tuple[Measurement, ...]


def batch_chart(measurements: Sequence[Measurement], selected: str | None, ident: str) -> str:
    """Draw latency against rows per call, one curve for each variant and target."""
    described = "Median time per call with its 95% interval, both axes logarithmic. The table below holds the figures."
    drawing = Drawing(ident, _WIDTH, _HEIGHT, "Time per call by rows per call", described)
    drawing.text((0, 12), "Time per call by rows per call", role="heading")
    curves = _curves(measurements, selected)
    points = [point for curve in curves for point in curve.points]
    ends = [end for point in points for end in (point.p50_us or 0, *(point.ci95 or ()))]
    across = LogScale.around([point.batch_size for point in points], _LEFT, _WIDTH - _RIGHT)
    up = LogScale.around(ends, _HEIGHT - _FOOT, _TOP)
    if across is None or up is None:
        drawing.text((_LEFT, _TOP + 24), "not measured", role="tick")
        return drawing.markup()
    axis(drawing, across, (_TOP, _HEIGHT - _FOOT), lambda rows: f"{rows:,.0f}" if rows >= 1 else "")
    upright_axis(drawing, up, (_LEFT, _WIDTH - _RIGHT), wording.latency)
    drawing.text(((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4), "rows per call", role="tick", anchor="middle")
    _draw_curves(drawing, curves, across, up)
    return drawing.markup()


def placement_chart(measurements: Sequence[Measurement], ident: str) -> str:
    """Draw how many nodes each provider runs, one bar for each variant and target."""
    found = placed(measurements)
    height = 20 + len(found) * _GAP + 4
    described = "Nodes of the graph by the provider that runs them. The table below holds the figures."
    drawing = Drawing(ident, _WIDTH, height, "Placement of nodes", described)
    drawing.text((0, 12), "Nodes by provider", role="heading")
    for index, one in enumerate(found):
        y, total, x = 20 + index * _GAP, sum(one.placement.values()), 0.0
        drawing.text((0, y + _NAME), _bar_name(one), role="name")
        for provider, nodes in one.placement.items():
            length = _WIDTH * nodes / total if total else 0.0
            shade = "selected" if provider == one.provider_active else "other"
            drawing.box((x, y + _NAME + 5), (length - 1, _BAR), role=f"bar {shade}")
            x += length
    return drawing.markup()


def has_placement(measurements: Sequence[Measurement]) -> bool:
    """Tell whether any graph's nodes are placed."""
    return bool(placed(measurements))


def _curves(measurements: Sequence[Measurement], selected: str | None) -> list[Curve]:
    keys = list(dict.fromkeys((one.variant, one.target) for one in measurements))
    targets = {target for _, target in keys}
    curves = []
    for variant, target in keys:
        found = [one for one in measurements if (one.variant, one.target) == (variant, target)]
        points = sorted((one for one in found if one.p50_us is not None), key=lambda one: one.batch_size)
        role = "selected" if variant == selected else "native" if variant == NATIVE else "other"
        name = variant if len(targets) == 1 else f"{variant} {target}"
        curves.append(Curve(name, role, tuple(points)))
    return [curve for curve in curves if curve.points]


def _draw_curves(drawing: Drawing, curves: Sequence[Curve], across: LogScale, up: LogScale) -> None:
    ends: list[tuple[float, Curve]] = []
    for curve in curves:
        places = [(across.place(one.batch_size), up.place(one.p50_us or 0), one) for one in curve.points]
        drawn = [((x, y), one) for x, y, one in places if x is not None and y is not None]
        for (start, _), (end, _) in itertools.pairwise(drawn):
            drawing.line(start, end, role=f"curve {curve.role}")
        for (x, y), one in drawn:
            low, high = (up.place(end) for end in one.ci95) if one.ci95 else (None, None)
            if low is not None and high is not None:
                drawing.line((x, low), (x, high), role=f"interval {curve.role}")
            drawing.dot((x, y), role=f"dot {curve.role}")
        if drawn:  # a figure that is not finite and positive has no place
            ends.append((drawn[-1][0][1], curve))
    ends.sort(key=lambda one: one[0])
    for y, (_, curve) in zip(apart([y for y, _ in ends], _TOP, _HEIGHT - _FOOT), ends, strict=True):
        name = wording.clip(wording.printable(curve.name), int((_RIGHT - 8) / CHARACTER_WIDTH))
        drawing.text((_WIDTH - _RIGHT + 9, y + 4), name, role=f"name {curve.role}")


def apart(places: Sequence[float], top: float, bottom: float) -> list[float]:
    """Return sorted places of lines of text moved as little as makes them readable, between top and bottom."""
    moved: list[float] = []
    for y in places:
        moved.append(max(y, moved[-1] + _LINE if moved else top))
    limit = bottom
    for index in range(len(moved) - 1, -1, -1):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - _LINE
    return moved


def _bar_name(one: Measurement) -> str:
    parts = [f"{wording.count(nodes)} {_short(name)}" for name, nodes in one.placement.items()]
    text = f"{one.variant} on {one.target}: {', '.join(parts)}"
    return wording.clip(wording.printable(text), int(_WIDTH / CHARACTER_WIDTH))


def _short(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider")
