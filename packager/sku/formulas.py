"""The formulas behind the figures, as the report states them: what is computed, and how."""

from __future__ import annotations

_FORMULAS = {
    "Instances by the knee": "ceil(qps / (u * knee)); the knee is the highest rate that one holds within the SLO",
    "Instances by Little's law": "the least R >= qps * p95 / (u * workers), p95 in seconds, the upper end of its "
    "interval, at the rate qps / R that each of so many then gets, which is not the p95 at the planned rate: a worker "
    "holds one request at a time; a check, as it counts waiting as work",
    "Instances by the SLO": "ceil(qps / x), x the highest rate up to which the p95 is within the SLO at worst: less "
    "than the knee on other processors than the measured ones",
    "Instances planned": "the larger of those by the knee and by the SLO, each at the worse end of every interval; "
    "u is the share of an instance to plan with",
    "Other numbers of processors": "Gunther's Universal Scalability Law X(n) = l*n / (1 + s*(n - 1) + k*n*(n - 1)) "
    "through all ends of the measured intervals, Amdahl's law where k = 0; from one set alone the interval reaches "
    "from no gain to gain in proportion",
    "Other processors": "the interval is widened by what Azure's compute units (ACU) say of their cores",
    "max_concurrent_requests_per_instance": "knee * p95 there, at most knee * SLO / 2, at least the workers; Azure "
    "takes twice as many an instance and answers others 429",
    "Autoscale": "the rate that one instance is planned with adds one; a fifth below what removing one would lift "
    "back over it removes one; the maximum carries twice the target rate",
    "A million predictions": "cost an hour / (qps * 3600 * rows per request) * 1,000,000; a month has 730 hours",
}


def formulas() -> tuple[str, ...]:
    """Return every formula with its name, a line each."""
    return tuple(f"{name}: {text}." for name, text in _FORMULAS.items())
