"""Split thresholds as exact boundaries in the columns that come in.

In: a threshold on what a tree reads. Out: the largest number that still goes left, through a rounding to float32 or
through a step that scales each column upwards. Rows on such a boundary and one step beyond it decide differently.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from packager.convert.trees import round_down
from packager.structure import Doubles, Flags, Ints

# A boundary lies this near to its first guess, relative to the numbers that the guess is made of.
_GUESS_ERROR = 1e-9
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


def before_scaling(
    transform: Callable[[Doubles], Doubles], feature: Ints, thresholds: Doubles, *, scale: Doubles, shift: Doubles
) -> Doubles:
    """Return the largest x whose column `feature` of transform(x) is <= the threshold; all of shape [thresholds].

    `transform` maps [rows, columns] column by column, rising, near (x - shift) / scale; `scale` and `shift` are of
    shape [columns]. Where it is flat, as at a clipped end, the first guess stays.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scaled, offset = thresholds * scale[feature], shift[feature]
        guess = scaled + offset
        reach = (np.abs(scaled) + np.abs(offset)) * _GUESS_ERROR + np.finfo(np.float64).tiny
        low, high = _finite(guess - reach), _finite(guess + reach)  # steps refuse infinite cells
    row = _rank_within(feature)
    table = np.tile(shift, (row.max(initial=0) + 1, 1))  # without a threshold one row still: steps refuse none

    def goes_left(numbers: Doubles) -> Flags:
        table[row, feature] = numbers
        return np.asarray(transform(table.copy()))[row, feature] <= thresholds

    is_between = goes_left(low) & ~goes_left(high)
    bottom, top = _ordered(low), _ordered(high)
    for _ in range(_HALVINGS):
        middle = (bottom >> 1) + (top >> 1) + (bottom & top & 1)
        left = goes_left(_number(middle))
        bottom, top = np.where(left, middle, bottom), np.where(left, top, middle)
    return np.where(is_between, _number(bottom), guess)


def _finite(numbers: Doubles) -> Doubles:
    return np.nan_to_num(numbers, nan=0.0)


def _rank_within(feature: Ints) -> Ints:
    """Return for each entry how many entries of the same feature come before it, so that many share one table."""
    order = np.argsort(feature, kind="stable")
    ordered = feature[order]
    rank = np.empty(len(feature), dtype=np.int64)
    rank[order] = np.arange(len(feature)) - np.searchsorted(ordered, ordered)
    return rank


def _ordered(numbers: Doubles) -> Ints:
    """Return integers in the order of the doubles, neighbours to neighbours."""
    bits = numbers.view(np.int64)
    return np.where(bits >= 0, bits, np.iinfo(np.int64).min - bits)


def _number(ordered: Ints) -> Doubles:
    return np.where(ordered >= 0, ordered, np.iinfo(np.int64).min - ordered).view(np.float64)
