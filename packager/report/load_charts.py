"""The served bundle under load: one arrangement of the server goes in, its picture and its table come out.

Only points that were measured are drawn; the curve joins the middle of what was measured at each rate.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from packager import wording
from packager.benchmark_result import LoadPoint, ServedLoad
from packager.report.svg import Drawing, LogScale, axis, upright_axis
from packager.report.tables import Cell, Columns, Row, Table

# Units: about the width of a telephone, so that type stays readable when the picture is scaled to fit.
_WIDTH, _HEIGHT = 370.0, 250.0
_LEFT, _RIGHT, _TOP, _FOOT = 54.0, 14.0, 30.0, 34.0
LEGEND = (
    "Dots are the 95th percentile at one rate, the bar through a dot its 95% interval, hollow where the rate was not "
    "held. The curves above and below are the 99th and the 50th percentile. Both axes are logarithmic. Latency counts "
    "from the moment a request was due."
)


@dataclass(frozen=True)
class _Axes:
    across: LogScale
    up: LogScale

    def place(self, rate_qps: float, latency_ms: float | None) -> tuple[float, float] | None:
        x, y = self.across.place(rate_qps), None if latency_ms is None else self.up.place(latency_ms)
        return None if x is None or y is None else (x, y)


def arrangement(load: ServedLoad) -> str:
    """Return what was loaded: 2 workers on 2 processors, 1 row a request."""
    return f"{workers_on(load.workers, load.cpus)}, {wording.rows(load.rows_per_request)} a request"


def workers_on(workers: int, cpus: int) -> str:
    """Return which server was loaded: 2 workers on 2 processors."""
    return f"{wording.several(workers, 'worker')} on {wording.several(cpus, 'processor')}"


def holds(load: ServedLoad) -> str:
    """Return one sentence on the highest rate that was held, or why there is none."""
    who = workers_on(load.workers, load.cpus)
    if load.knee_qps is None:
        return f"{who}: no rate held, {load.reason or 'none was measured'}"
    limit = f"p95 ≤ {wording.limit(_shown(load.p95_limit_ms))} ms" if load.p95_limit_ms is not None else "no limit"
    limit += "" if load.slo_p95_ms is not None else " (ten times the idle server's; no SLO was given)"
    between = ""
    if load.knee_interval_qps is not None:
        low, high = (_qps(end) for end in load.knee_interval_qps)
        between = f", measured {low}\N{EN DASH}{high}"
    holds_it = "holds" if load.workers == 1 else "hold"
    return f"{who} {holds_it} {_qps(load.knee_qps)} requests/s at {limit}{between}"


def load_chart(load: ServedLoad, ident: str) -> str:
    """Draw latency against the rate of arrivals, with the SLO as a line across and the knee as a line upright."""
    described = "Latency by requests per second, both axes logarithmic. The table below holds the figures."
    drawing = Drawing(ident, _WIDTH, _HEIGHT, f"Latency under load: {arrangement(load)}", described)
    drawing.text((0, 12), arrangement(load), role="heading")
    axes = _axes(load)
    if axes is None:
        drawing.text((_LEFT, _TOP + 24), "not measured", role="tick")
        return drawing.markup()
    _rules(drawing, axes)
    _limits(drawing, load, axes)
    for role, percentile in (("curve", _p50), ("curve", _p99), ("curve selected", _p95)):
        for start, end in itertools.pairwise(_middles(load.points, percentile, axes)):
            drawing.line(start, end, role=role)
    for point in load.points:
        _dot(drawing, point, axes)
    return drawing.markup()


def load_table(load: ServedLoad) -> Table:
    """Every rate that was measured, in the order of rates."""
    columns: Columns = (
        ("Requests/s", "number"),
        ("Answered/s", "number"),
        ("p50 ms", "number"),
        ("p95 ms", "number"),
        ("p95, 95% interval", "number"),
        ("p99 ms", "number"),
        ("Errors", "number"),
        ("Most waiting", "number"),
        ("Held", "word"),
    )
    points = sorted(load.points, key=lambda point: point.rate_qps)
    rows = tuple(_row(point, knee=point.rate_qps == load.knee_qps) for point in points)
    caption = f"{arrangement(load)}; {load.arrivals} arrivals; latency from the moment a request was due"
    return Table(caption, columns, rows)


def point_cells(point: LoadPoint) -> tuple[str, ...]:
    """Return a point as text: due and answered a second, p50, p95 and p99 in milliseconds, errors, most waiting."""
    latencies = (point.p50_ms, point.p95_ms, point.p99_ms)
    rates = (_qps(point.rate_qps), _qps(point.achieved_qps))
    counts = (wording.count(point.errors), wording.count(point.most_waiting))
    return (*rates, *(_ms(value) for value in latencies), *counts)


def held(point: LoadPoint) -> str:
    """Return in a word or two whether the rate was held."""
    if point.errors:
        return "no: errors"
    if point.queue_grew:
        return "no: the queue grew"
    return "not judged" if point.meets_slo is None else "yes" if point.meets_slo else "no: too slow"


def _row(point: LoadPoint, *, knee: bool) -> Row:
    due, answered, p50, p95, p99, errors, waiting = point_cells(point)
    ends = wording.NONE if point.p95_ci_ms is None else "\N{EN DASH}".join(_ms(end) for end in point.p95_ci_ms)
    said = held(point)
    tone = Cell(said, "good" if said == "yes" else "bad" if said.startswith("no:") else "plain")
    cells = tuple(Cell(text) for text in (due, answered, p50, p95, ends, p99, errors, waiting))
    return Row((*cells, tone), "selected" if knee and said == "yes" else "plain")


def _axes(load: ServedLoad) -> _Axes | None:
    limits = [value for value in (load.p95_limit_ms,) if value is not None]
    latencies = [value for point in load.points for value in (point.p50_ms, point.p95_ms, point.p99_ms) if value]
    across = LogScale.around([point.rate_qps for point in load.points], _LEFT, _WIDTH - _RIGHT)
    up = LogScale.around([*latencies, *limits], _HEIGHT - _FOOT, _TOP)
    return None if across is None or up is None or not latencies else _Axes(across, up)


def _rules(drawing: Drawing, axes: _Axes) -> None:
    axis(drawing, axes.across, (_TOP, _HEIGHT - _FOOT), lambda rate: wording.rate(rate).replace(" ", ""))
    upright_axis(drawing, axes.up, (_LEFT, _WIDTH - _RIGHT), lambda latency_ms: f"{latency_ms:,.6f}")
    drawing.text(((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 4), "requests/s", role="tick", anchor="middle")
    drawing.text((_LEFT - 6, _TOP - 2), "ms", role="tick", anchor="end")


def _limits(drawing: Drawing, load: ServedLoad, axes: _Axes) -> None:
    y = None if load.p95_limit_ms is None else axes.up.place(load.p95_limit_ms)
    if y is not None:
        name = "SLO" if load.slo_p95_ms is not None else "10 x idle"
        drawing.line((_LEFT, y), (_WIDTH - _RIGHT, y), role="limit")
        drawing.text((_LEFT + 4, y - 5), f"{name} {wording.limit(_shown(load.p95_limit_ms))} ms", role="tick limit")
    x = None if load.knee_qps is None else axes.across.place(load.knee_qps)
    if x is not None:
        anchor = "end" if x > _WIDTH * 0.6 else "start"
        drawing.line((x, _TOP), (x, _HEIGHT - _FOOT), role="knee")
        drawing.text(
            (x + (-5 if anchor == "end" else 5), _HEIGHT - _FOOT - 6),
            f"knee {_qps(load.knee_qps)}/s",
            role="tick knee",
            anchor=anchor,
        )


def _middles(
    points: Iterable[LoadPoint], percentile: Callable[[LoadPoint], float | None], axes: _Axes
) -> list[tuple[float, float]]:
    """Return a curve through the median of what was measured at each rate; a rate without a figure breaks nothing."""
    ordered = itertools.groupby(sorted(points, key=_rate), key=_rate)
    found = ((rate, [value for point in ones if (value := percentile(point)) is not None]) for rate, ones in ordered)
    places = (axes.place(rate, statistics.median(values)) for rate, values in found if values)
    return [place for place in places if place is not None]


def _dot(drawing: Drawing, point: LoadPoint, axes: _Axes) -> None:
    place = axes.place(point.rate_qps, point.p95_ms)
    if place is None:
        return
    if point.p95_ci_ms is not None:
        low, high = (axes.place(point.rate_qps, end) for end in point.p95_ci_ms)
        if low is not None and high is not None:
            drawing.line(low, high, role="interval selected")
    drawing.dot(place, role="dot native" if held(point).startswith("no:") else "dot selected")


def _rate(point: LoadPoint) -> float:
    return point.rate_qps


def _p50(point: LoadPoint) -> float | None:
    return point.p50_ms


def _p95(point: LoadPoint) -> float | None:
    return point.p95_ms


def _p99(point: LoadPoint) -> float | None:
    return point.p99_ms


def _qps(rate_qps: float | None) -> str:
    """Return a rate with three significant digits and no prefix: 0.5, 41.2, 1,310."""
    return wording.NONE if rate_qps is None else f"{_shown(rate_qps):,.12g}"


def _ms(latency_ms: float | None) -> str:
    return wording.NONE if latency_ms is None else f"{_shown(latency_ms):,.12g}"


def _shown(value: float | None) -> float:
    return float(f"{value or 0.0:.3g}")
