"""The paired bootstrap: the same rows are drawn for both models, in the same order in every run."""

from __future__ import annotations

import functools
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from packager.quality.sample import Doubles

CONFIDENCE = 0.95
# Efron and Tibshirani ask for 1,000 or more for percentile intervals; twice that halves what chance leaves.
RESAMPLES = 2_000
SEED = 0
# Rows that are drawn one by one. Of more rows as many random groups are drawn, which estimates the same variance
# within 2%; the memory and time of a resample then no longer grow with the rows.
UNITS = 5_000
# Numbers of one step of the resampling, some 8 MB.
_CELLS = 1_000_000
# More resamples than this share without a value of the metric: the rows hardly hold what it needs.
_MAX_UNDEFINED = 0.05


@functools.lru_cache(maxsize=2)
def _counts(units: int) -> npt.NDArray[np.uint8]:
    """Return how often each unit is drawn in each resample; shape [RESAMPLES, units]."""
    random = np.random.default_rng(SEED)
    counts = np.empty((RESAMPLES, units), dtype=np.uint8)  # a unit is drawn some ten times at the most
    for row in counts:
        row[:] = np.bincount(random.integers(0, units, units), minlength=units)
    return counts


def resampled(units: int, statistic: Callable[[Doubles], Doubles]) -> Doubles:
    """Return `statistic` of every resample; it takes counts of shape [some, units] and returns one value for each."""
    counts = _counts(units)
    step = max(1, _CELLS // units)
    return np.concatenate(
        [statistic(counts[start : start + step].astype(np.float64)) for start in range(0, RESAMPLES, step)]
    )


def resampled_table(counts: npt.NDArray[np.int64], statistic: Callable[[Doubles], Doubles]) -> Doubles:
    """Return `statistic` of every resample of rows that are alike within each of `counts` cells.

    Drawing n rows with replacement draws the cells' counts from a multinomial distribution: this is the bootstrap
    itself, however many the rows are.
    """
    random = np.random.default_rng(SEED)
    rows = int(counts.sum())
    step = max(1, _CELLS // len(counts))
    sizes = [min(step, RESAMPLES - start) for start in range(0, RESAMPLES, step)]
    drawn = (random.multinomial(rows, counts / rows, size=size).astype(np.float64) for size in sizes)
    return np.concatenate([statistic(one) for one in drawn])


def percentile_interval(draws: Doubles, confidence: float) -> tuple[float, float] | None:
    """Return the percentile interval, or None where too many resamples have no value.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: the quantiles of the resamples.
    """
    known = draws[np.isfinite(draws)]
    if len(known) < (1 - _MAX_UNDEFINED) * len(draws):
        return None
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def normal_interval(difference: float, error: float, confidence: float) -> tuple[float, float] | None:
    """Return the interval of a difference with that standard error, or None where the error is not known."""
    if not np.isfinite(error):
        return None
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return difference - reach, difference + reach
