"""From what became of requests to figures: percentiles with an interval, what waited, whether the rate was held."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from packager.benchmark_result import LoadPoint
from packager.load.generator import Floats, Trace

# Standard normal quantile of a two-sided 95% interval.
_Z95 = 1.959963984540054
# A queue grows where the usual wait late in a run is longer than early in it by this part of what is allowed: over
# twenty times the limit, as long as a run is, a rate that is 2.5% too high shows; less may be the arrivals' own chance.
_GROWTH_OF_LIMIT = 0.25


def percentile(ordered_s: Floats, share: float) -> float:
    """Return the smallest value that at least `share` of the ordered ones do not exceed."""
    return float(ordered_s[max(math.ceil(share * len(ordered_s)) - 1, 0)])


def percentile_interval(ordered_s: Floats, share: float) -> tuple[float, float] | None:
    """Return the order statistics that bound a percentile with 95% confidence, None where there are too few.

    The number of values below it is binomial, here by its normal approximation (Conover, Practical Nonparametric
    Statistics, section 3.2), for values that are independent of each other. Those of a queue are not, quite.
    """
    count = len(ordered_s)
    spread = _Z95 * math.sqrt(count * share * (1 - share))
    low, high = math.floor(count * share - spread), math.ceil(count * share + spread)
    if low < 1 or high > count:
        return None
    ends = float(ordered_s[low - 1]), float(ordered_s[high - 1])
    return ends if math.isfinite(ends[1]) else None


def most_waiting(due_s: Floats, ended_s: Floats) -> int:
    """Return the most requests that were due and not ended at one moment."""
    ended = np.searchsorted(np.sort(ended_s), due_s, side="right")
    return int(np.max(np.arange(1, len(due_s) + 1) - ended))


def queue_grew(latency_s: Floats, limit_ms: float) -> bool:
    """Tell whether requests of the last quarter waited longer than those of the second; the first fills the queue."""
    quarter = len(latency_s) // 4
    if quarter == 0:
        return False
    early, late = np.median(latency_s[quarter : 2 * quarter]), np.median(latency_s[-quarter:])
    return bool(np.isfinite(early) and late - early > _GROWTH_OF_LIMIT * limit_ms / 1000)


def load_point(trace: Trace, rate_qps: float, seconds: float, *, limit_ms: float | None) -> LoadPoint:
    """Return the figures of one rate, judged where there is a limit of p95."""
    latency_s, errors = trace.latency_s, int(np.count_nonzero(trace.status != 200))
    ordered = np.sort(latency_s)
    p95 = percentile(ordered, 0.95)
    grew = limit_ms is not None and queue_grew(latency_s, limit_ms)
    answered = trace.ended_s[trace.status == 200]
    interval = percentile_interval(ordered, 0.95)
    return LoadPoint(
        rate_qps=rate_qps,
        # Past the knee answers still come in when no request is due any more.
        achieved_qps=len(answered) / max(seconds, float(answered.max(initial=0.0))),
        seconds=seconds,
        requests=len(latency_s),
        errors=errors,
        p50_ms=_ms(percentile(ordered, 0.5)),
        p95_ms=_ms(p95),
        p99_ms=_ms(percentile(ordered, 0.99)),
        p95_ci_ms=None if interval is None else (interval[0] * 1000, interval[1] * 1000),
        most_waiting=most_waiting(trace.due_s, trace.ended_s),
        meets_slo=None if limit_ms is None else not errors and not grew and p95 * 1000 <= limit_ms,
        queue_grew=grew,
        sent_late_p99_ms=_ms(percentile(np.sort(_late(trace)), 0.99)),
    )


def _late(trace: Trace) -> npt.NDArray[np.float64]:
    return np.maximum(trace.sent_s - trace.due_s, 0.0)


def _ms(value_s: float) -> float | None:
    return value_s * 1000 if math.isfinite(value_s) else None
