"""From timed calls to how they lie around their median: what pytest-benchmark tells of a run, computed as it does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from packager.artifact import Spread

# Tukey's rule: what lies so many interquartile ranges beyond a quartile is an outlier. It is counted, never dropped.
_FENCE = 1.5


def spread(ordered_us: npt.NDArray[np.float64]) -> Spread:
    """Sum up at least two timed calls, in ascending order."""
    q1, q3 = _quartiles(ordered_us)
    mean, stddev = float(ordered_us.mean()), float(ordered_us.std(ddof=1))
    reach = _FENCE * (q3 - q1)
    within = ordered_us[(ordered_us >= q1 - reach) & (ordered_us <= q3 + reach)]
    return Spread(
        min_us=float(ordered_us[0]),
        q1_us=q1,
        mean_us=mean,
        q3_us=q3,
        max_us=float(ordered_us[-1]),
        stddev_us=stddev,
        low_fence_us=float(within[0]),
        high_fence_us=float(within[-1]),
        iqr_outliers=len(ordered_us) - len(within),
        stddev_outliers=int(np.count_nonzero(np.abs(ordered_us - mean) > stddev)),
    )


def _quartiles(ordered: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the medians of both halves; of an odd count, what lies halfway between those with the middle and those
    without: pytest-benchmark's rule."""
    if len(ordered) % 2 == 0:
        halves = ordered.reshape(2, -1)
        return float(np.median(halves[0])), float(np.median(halves[1]))
    quarter = len(ordered) // 4
    if len(ordered) % 4 == 1:
        low, high = ordered[[quarter - 1, quarter]], ordered[[3 * quarter + 1, 3 * quarter]]
    else:
        low, high = ordered[[quarter + 1, quarter]], ordered[[3 * quarter + 1, 3 * quarter + 2]]
    return float(low @ (0.25, 0.75)), float(high @ (0.25, 0.75))
