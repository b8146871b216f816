"""Split thresholds as exact boundaries in the columns that come in.

In: a threshold on what a tree reads. Out: the largest number that still goes left, through a rounding to float32 or
through whatever rises with the number. Rows on such a boundary and one step beyond it decide differently.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from packager.convert.trees import round_down
from packager.structure import Doubles, Flags, Ints

# Bisection over the doubles between two bounds ends after as many halvings as a double has bits.
_HALVINGS = 64


def before_float32(thresholds: Doubles) -> Doubles:
    """Return the largest doubles whose nearest float32 is <= the threshold."""
    below = round_down(thresholds, np.dtype(np.float32))
    with np.errstate(over="ignore", invalid="ignore"):
        above = np.nextafter(below, np.float32(np.inf))
        middle = (below.astype(np.float64) + above.astype(np.float64)) / 2
        tie_goes_down = middle.astype(np.float32) == below  # halfway between two numbers the even one is taken
        boundary = np.where(tie_goes_down, middle, np.nextafter(middle, -np.inf))
    return np.where(np.isfinite(below) & np.isfinite(above), boundary, thresholds)


def last_that_stays(stays: Callable[[Doubles], Flags], low: Doubles, high: Doubles) -> Doubles:
    """Return the largest number of each range for which `stays` holds; it holds from `low` on, and no more at `high`.

    `stays` maps one number of each range to flags, all of shape [ranges].
    """
    bottom, top = _ordered(low), _ordered(high)
    for _ in range(_HALVINGS):
        middle = (bottom >> 1) + (top >> 1) + (bottom & top & 1)
        before = stays(_number(middle))
        bottom, top = np.where(before, middle, bottom), np.where(before, top, middle)
    return _number(bottom)


def rank_within(groups: Ints) -> Ints:
    """Return for each entry how many entries of the same group come before it, so that many share one table."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return rank


def _ordered(numbers: Doubles) -> Ints:
    """Return integers in the order of the doubles, neighbours to neighbours."""
    bits = numbers.view(np.int64)
    return np.where(bits >= 0, bits, np.iinfo(np.int64).min - bits)


def _number(ordered: Ints) -> Doubles:
    return np.where(ordered >= 0, ordered, np.iinfo(np.int64).min - ordered).view(np.float64)
