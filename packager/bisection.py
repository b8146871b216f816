"""Where something that rises with a number crosses over: halving between doubles until two neighbours are left."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from packager.structure import Doubles, Flags, Ints

# Halving between any two doubles ends after as many steps as a double has bits.
_HALVINGS = 64


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


def _ordered(numbers: Doubles) -> Ints:
    """Return integers in the order of the doubles, neighbours to neighbours."""
    bits = numbers.view(np.int64)
    return np.where(bits >= 0, bits, np.iinfo(np.int64).min - bits)


def _number(ordered: Ints) -> Doubles:
    return np.where(ordered >= 0, ordered, np.iinfo(np.int64).min - ordered).view(np.float64)
