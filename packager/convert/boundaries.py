"""Split thresholds as exact boundaries in the columns that come in.

In: a threshold on what a tree reads. Out: the largest number that still goes left, through a rounding to float32. Rows
on such a boundary and one step beyond it decide differently.
"""

from __future__ import annotations

import numpy as np

from packager.convert.trees import round_down
from packager.structure import Doubles, Ints


def before_float32(thresholds: Doubles) -> Doubles:
    """Return the largest doubles whose nearest float32 is <= the threshold."""
    below = round_down(thresholds, np.dtype(np.float32))
    with np.errstate(over="ignore", invalid="ignore"):
        above = np.nextafter(below, np.float32(np.inf))
        middle = (below.astype(np.float64) + above.astype(np.float64)) / 2
        tie_goes_down = middle.astype(np.float32) == below  # halfway between two numbers the even one is taken
        boundary = np.where(tie_goes_down, middle, np.nextafter(middle, -np.inf))
    return np.where(np.isfinite(below) & np.isfinite(above), boundary, thresholds)


def rank_within(groups: Ints) -> Ints:
    """Return for each entry how many entries of the same group come before it, so that many share one table."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return rank
