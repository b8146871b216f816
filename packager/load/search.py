"""The highest rate that is held: a way to measure one rate goes in, the knee and every point that led there come out.

Upwards by a factor until a rate fails, then halving between the highest that was held and the lowest that failed. On
the way up one success is enough to go on; all else is measured again, and the majority of up to three runs decides:
one hiccup of the machine must not pass for the server's limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from packager.benchmark_result import LoadPoint

# Three or four steps reach any knee from half the estimated capacity, and the last brackets it well.
_FACTOR = 1.4
# Runs at one rate differ by a few per cent: a finer answer would not come out again.
_CLOSE_ENOUGH = 1.05
# Of three.
_MAJORITY = 2
# From half the capacity this is far below one request at a time, or above what one generator sends.
_MOST_STEPS = 14


@dataclass(frozen=True)
class Knee:
    """`qps`: the highest rate that was held, None if none was; `interval_qps`: from the highest rate that never failed
    to the lowest that did. `points` are all that were measured, in that order.
    """

    qps: float | None
    interval_qps: tuple[float, float] | None
    points: tuple[LoadPoint, ...]


def find_knee(measure: Callable[[float], LoadPoint], start_qps: float) -> Knee:
    """Search from `start_qps`, up or down; `measure` runs one rate and judges it in `meets_slo`."""
    points: list[LoadPoint] = []

    def holds(rate_qps: float, *, once: bool = False) -> bool:
        while True:
            runs = [bool(point.meets_slo) for point in points if point.rate_qps == rate_qps]
            held, failed = runs.count(True), runs.count(False)
            if max(held, failed) >= _MAJORITY or (once and held and not failed):
                return held > failed
            points.append(measure(rate_qps))

    low, high = _bracket(holds, start_qps)
    if low is None:
        return Knee(None, None, tuple(points))
    while high is not None and high / low > _CLOSE_ENOUGH:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if holds(middle) else (low, middle)
    return Knee(low, None if high is None else (_never_failed(points, low), high), tuple(points))


def _bracket(holds: Callable[..., bool], start_qps: float) -> tuple[float | None, float | None]:
    """Return the highest rate that was held and the lowest that failed, on the way from `start_qps` up, else down."""
    low: float | None = None
    for rate in _steps(start_qps, _FACTOR):
        if not holds(rate, once=True):
            high = rate
            break
        low = rate
    else:
        return low, None
    while low is not None and low >= start_qps:
        if holds(low):
            return low, high
        low, high = low / _FACTOR, low
    for rate in _steps(start_qps / _FACTOR, 1 / _FACTOR):
        if holds(rate, once=True):
            return rate, high
        high = rate
    return None, high


def _steps(start: float, factor: float) -> Iterator[float]:
    return (start * factor**step for step in range(_MOST_STEPS))


def _never_failed(points: list[LoadPoint], knee_qps: float) -> float:
    """Return the highest rate up to the knee below which no run failed; the lowest measured where there is none."""
    failed = [point.rate_qps for point in points if not point.meets_slo]
    worst = min(failed, default=float("inf"))
    safe = [point.rate_qps for point in points if point.rate_qps < worst and point.rate_qps <= knee_qps]
    return max(safe, default=min(point.rate_qps for point in points))
