"""From timed calls to figures: percentiles, an interval of the median, throughput."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from packager.artifact import Spread
from packager.benchmark.spread import spread

# Standard normal quantile of a two-sided 95% interval.
_Z95 = 1.959963984540054
# The least and the greatest of six values hold the median between them in 31 of 32 cases, whatever their law; of five
# in 15 of 16, which is no 95%.
FEWEST = 6


@dataclass(frozen=True)
class Figures:
    """Microseconds per call; `ci95` is the interval of the median, None for fewer than six calls: they have none.

    Rows per second follow from the median.
    """

    p50_us: float
    p95_us: float
    p99_us: float
    ci95: tuple[float, float] | None
    rows_per_s: float
    runs: int
    spread: Spread


def figures(rounds_ns: Sequence[Sequence[int]], batch_size: int) -> Figures:
    """Sum up at least two timed calls, in the rounds that they were timed in; no call is left out.

    Calls of one round resemble each other more than those of another one, when the machine drifts between them. The
    interval is therefore that of all calls, widened to that of the rounds' medians.
    """
    ordered = np.sort(np.concatenate([np.asarray(one, dtype=np.float64) for one in rounds_ns])) / 1000.0
    p50, p95, p99 = (float(value) for value in np.percentile(ordered, [50, 95, 99]))
    medians = np.sort([float(np.median(one)) / 1000.0 for one in rounds_ns if len(one)])
    ends = [
        (float(part[low]), float(part[high]))
        for part in (ordered, medians)
        for low, high in [median_interval(len(part))]
    ]
    return Figures(
        p50_us=p50,
        p95_us=p95,
        p99_us=p99,
        ci95=(min(low for low, _ in ends), max(high for _, high in ends)) if len(ordered) >= FEWEST else None,
        rows_per_s=batch_size / p50 * 1e6,
        runs=len(ordered),
        spread=spread(ordered),
    )


def median_interval(count: int) -> tuple[int, int]:
    """Return the positions of the ordered samples that bound the median with 95% confidence.

    The number of samples below the median is binomial(count, 1/2), here by its normal approximation with half a
    sample to spare (Conover, Practical Nonparametric Statistics, section 3.2), which covers 95% or more from six
    samples on; fewer give the whole range, which covers less.
    """
    low = max(0, math.floor((count - 1) / 2 - _Z95 * math.sqrt(count) / 2))
    return low, count - 1 - low
