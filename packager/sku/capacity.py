"""The arithmetic of capacity: instances, cost, concurrency and autoscale from a rate, a latency and a knee.

Plain numbers in and out. Little's law is L = X * W: requests in flight are the rate times the time each takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from packager.sku.model import Autoscale

HOURS_PER_MONTH = 730  # Azure's own month: 8,760 hours in twelve
# A quotient that only rounding lifts above a whole number is that number.
_ROUNDING = 1e-12
# One instance fails now and then, and Azure replaces machines under way: with a second one answers go on.
MIN_INSTANCES = 2
# Room for twice the rate that is planned for; past that somebody should look.
_MOST_TIMES_QPS = 2.0
# Instances are removed well below where the rest would have to be added to again, so that they do not come and go.
_SCALE_IN_MARGIN = 0.8


def rate_by_latency(curve: Sequence[tuple[float, float]], *, utilization: float, workers: int) -> float | None:
    """Return the highest rate x of one instance with x * p95(x) <= utilization * workers; None without a curve.

    Little's law: x * p95(x) requests are in flight, and a worker holds one at a time. `curve` holds rates, slow ones
    first, each with the p95 in milliseconds up to it, which does not fall. qps / x instances are the fewest R with
    R >= qps * p95 / (utilization * workers), the p95 at the rate that each of them then gets.
    """
    in_flight = utilization * workers
    return max((min(rate, in_flight / (p95_ms / 1000)) for rate, p95_ms in curve), default=None)


def rate_by_knee(knee_qps: float, *, utilization: float) -> float:
    """Return utilization * knee: the knee is the highest rate that one instance holds within the SLO."""
    return utilization * knee_qps


def rate_by_slo(curve: Sequence[tuple[float, float]], slo_p95_ms: float) -> float | None:
    """Return the highest rate of one instance up to which the p95 lies within the SLO; None where none does.

    On the processors that were measured this is the knee; on others the curve is slower, and may be too slow at it.
    """
    return max((rate for rate, p95_ms in curve if p95_ms <= slo_p95_ms), default=None)


def instances(qps: float, each_qps: float) -> int:
    """Return how many instances take a rate: ceil(qps / each)."""
    return _up(qps / each_qps)


def usd_per_million(usd_per_hour: float, qps: float, *, rows_per_request: int) -> float:
    """Return what a million predictions cost at a rate: a prediction is one row."""
    return usd_per_hour / (qps * 3600 * rows_per_request) * 1e6


def max_concurrent_requests(knee_qps: float, p95_ms_at_knee: float, *, slo_p95_ms: float, workers: int) -> int:
    """Return Azure's `max_concurrent_requests_per_instance`: at least the workers, at most what the SLO has time for.

    By Little's law knee * p95 requests are in flight at the knee. Azure admits twice the setting, and the last of
    2 * m requests is answered after 2 * m / knee seconds: m may not be more than knee * SLO / 2.
    """
    in_flight = _up(knee_qps * p95_ms_at_knee / 1000)
    in_time = math.floor(knee_qps * slo_p95_ms / 1000 / 2)
    return max(workers, min(in_flight, in_time))


def autoscale(qps: float, each_qps: float, *, instances: int, limit: int) -> Autoscale:
    """Return rules that keep each instance at or below `each_qps`, the rate that it is planned with.

    Removing one instance of n leaves the others n / (n - 1) times the rate, most where the minimum is left: the lower
    threshold stays a margin below what that would lift back over the upper one.
    """
    least = max(MIN_INSTANCES, instances)
    most = max(least + 1, _up(_MOST_TIMES_QPS * qps / each_qps))
    out = 60 * each_qps
    return Autoscale(
        min_instances=least,
        max_instances=max(least, min(most, limit)),
        scale_out_requests_per_minute=out,
        scale_in_requests_per_minute=_SCALE_IN_MARGIN * out * least / (least + 1),
    )


def _up(value: float) -> int:
    return max(1, math.ceil(value * (1 - _ROUNDING)))
