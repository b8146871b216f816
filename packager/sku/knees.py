"""One arrangement under rising load: the highest rate that holds the SLO, and the p95 at a rate, as measured.

Nothing is drawn between two rates that were measured: the worse of the two stands for what lies between.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from packager.benchmark_result import LoadPoint, ServedLoad


@dataclass(frozen=True)
class Knee:
    """The highest rate measured to hold, from the highest up to which no run failed to the lowest that did not hold.

    `is_open`: no higher rate was tried, so that `high` is no bound.
    """

    qps: float
    low: float
    high: float
    is_open: bool = False


@dataclass(frozen=True)
class Latency:
    """A 95th percentile in milliseconds with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class _Rate:
    """All points at one rate together."""

    qps: float
    points: tuple[LoadPoint, ...]

    def holds(self, slo_p95_ms: float) -> bool:
        """Tell whether more than half of the runs held it, as the search decides: one hiccup is no limit."""
        return 2 * sum(_held(point, slo_p95_ms) for point in self.points) > len(self.points)

    def latency(self) -> Latency | None:
        """Return the middle one of the runs and of each end of their intervals: one hiccup is no limit here either."""
        found = [(point.p95_ms, point.p95_ci_ms) for point in self.points if point.p95_ms is not None]
        if not found or any(point.errors for point in self.points):
            return None
        value = statistics.median(p95_ms for p95_ms, _ in found)
        low = statistics.median_low(p95_ms if ends is None else min(p95_ms, ends[0]) for p95_ms, ends in found)
        high = statistics.median_high(p95_ms if ends is None else max(p95_ms, ends[1]) for p95_ms, ends in found)
        return Latency(value, min(low, value), max(high, value))


def knee(load: ServedLoad, slo_p95_ms: float) -> Knee | None:
    """Return the knee for an SLO; None where no rate held it.

    For the SLO that it was searched with it is what the search found. For another one it is the highest rate below the
    lowest that missed.
    """
    if load.slo_p95_ms == slo_p95_ms:
        return None if load.knee_qps is None else _searched(load, load.knee_qps)
    held: _Rate | None = None
    for rate in _rates(load.points):
        if not rate.holds(slo_p95_ms):
            return None if held is None else Knee(held.qps, held.qps, rate.qps)
        held = rate
    return None if held is None else Knee(held.qps, held.qps, held.qps, is_open=True)


def judged(load: ServedLoad, slo_p95_ms: float) -> ServedLoad:
    """Return a load with its points and its knee judged by an SLO, which need not be the one it was measured with."""
    if load.slo_p95_ms == slo_p95_ms:
        return load
    found = knee(load, slo_p95_ms)
    points = tuple(point.model_copy(update={"meets_slo": _held(point, slo_p95_ms)}) for point in load.points)
    by_slo = {"slo_p95_ms": slo_p95_ms, "p95_limit_ms": slo_p95_ms, "points": points}
    if found is None:
        return load.model_copy(update={**by_slo, "knee_qps": None, "knee_interval_qps": None})
    return load.model_copy(update={**by_slo, "knee_qps": found.qps, "knee_interval_qps": (found.low, found.high)})


def latencies(load: ServedLoad) -> tuple[tuple[float, Latency], ...]:
    """Return the p95 up to each rate that was answered without errors, slow rates first.

    A higher rate is never told to be faster than a lower one was: what looks so is noise.
    """
    found: list[tuple[float, Latency]] = []
    worst = Latency(0.0, 0.0, 0.0)
    for rate in _rates(load.points):
        if (one := rate.latency()) is not None:
            worst = Latency(max(worst.value, one.value), max(worst.low, one.low), max(worst.high, one.high))
            found.append((rate.qps, worst))
    return tuple(found)


def p95_at(measured: Sequence[tuple[float, Latency]], qps: float) -> Latency | None:
    """Return the p95 at a rate: that of the next rate measured at or above it, down to that of the one below.

    None where no rate as high was measured.
    """
    below: Latency | None = None
    for rate_qps, latency in measured:
        if rate_qps >= qps * (1 - 1e-9):
            return Latency(latency.value, latency.low if below is None else below.low, latency.high)
        below = latency
    return None


def best_p95_ms(load: ServedLoad) -> float | None:
    """Return the lowest p95 of all rates that were answered without errors."""
    found = (rate.latency() for rate in _rates(load.points))
    return min((latency.value for latency in found if latency is not None), default=None)


def _searched(load: ServedLoad, qps: float) -> Knee:
    low, high = load.knee_interval_qps or (qps, qps)
    return Knee(qps, min(low, qps), max(high, qps), is_open=high <= qps)


def _held(point: LoadPoint, slo_p95_ms: float) -> bool:
    """Tell whether a point holds the SLO; one whose queue grew holds no rate, however fast its answers still were."""
    return not point.errors and not point.queue_grew and point.p95_ms is not None and point.p95_ms <= slo_p95_ms


def _rates(points: Iterable[LoadPoint]) -> list[_Rate]:
    ordered = sorted(points, key=lambda point: point.rate_qps)
    return [_Rate(qps, tuple(ones)) for qps, ones in groupby(ordered, key=lambda point: point.rate_qps)]
