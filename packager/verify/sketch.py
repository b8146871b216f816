"""Quantiles of errors from exact counts in narrow bins: bounded memory, added up over any number of values.

A bin is the leading bits of a double: each power of two has `2**_MANTISSA_BITS` bins of equal width.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

# 32 bins in each power of two: a bin's upper edge is at most 1/32 above any value in it, and all doubles make 65,536.
_MANTISSA_BITS = 5
_SHIFT = 52 - _MANTISSA_BITS
_BINS = 1 << (11 + _MANTISSA_BITS)
# Decades of absolute error that the report shows; errors below and above fall into the outer bins.
ERROR_EDGES = tuple(10.0**power for power in range(-18, 4))
SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999)


def decades(errors: Doubles) -> npt.NDArray[np.intp]:
    """Return the bin of each error above 0: 0 below the first of ERROR_EDGES, then one bin a decade.

    A power of two holds one edge at most, so that its bits tell the bin but for one comparison; a search takes five.
    """
    below, edge = _decade_tables()
    exponent = errors.view(np.int64) >> 52
    found: npt.NDArray[np.intp] = below[exponent] + (errors >= edge[exponent])
    return found


@cache
def _decade_tables() -> tuple[npt.NDArray[np.intp], Doubles]:
    """Return for each power of two the bin that it begins in, and the next edge: NaN, never reached, past the last."""
    powers = (np.arange(1 << 11, dtype=np.int64) << 52).view(np.float64)
    below = np.searchsorted(ERROR_EDGES, powers, side="right")
    return below, np.array([*ERROR_EDGES, np.nan])[below]


class QuantileSketch:
    """Counts of positive values by bin, and of zeros."""

    def __init__(self) -> None:
        self.zeros = 0
        self._counts = np.zeros(_BINS, dtype=np.int64)
        self._largest = 0.0

    def add(self, zeros: int, errors: Doubles) -> None:
        """Add `zeros` values that are 0, and errors above 0, infinity among them."""
        self.zeros += zeros
        if errors.size:
            bins = np.ascontiguousarray(errors).view(np.int64).ravel() >> _SHIFT
            counts = np.bincount(bins)
            self._counts[: len(counts)] += counts
            self._largest = max(self._largest, float(errors.max()))

    def quantiles(self) -> tuple[tuple[float, float], ...]:
        """Return (share, error): `share` of all values is at most `error`, told as its bin's upper edge; 1 is exact."""
        total = self.zeros + int(self._counts.sum())
        if not total:
            return ()
        reached = self.zeros + np.cumsum(self._counts)
        found = []
        for share in SHARES:
            rank = int(np.ceil(share * total))
            found.append((share, 0.0 if rank <= self.zeros else self._edge(int(np.searchsorted(reached, rank)))))
        return (*found, (1.0, self._largest))

    def _edge(self, index: int) -> float:
        upper = float(np.array((index + 1) << _SHIFT, dtype=np.int64).view(np.float64))
        return upper if upper <= self._largest else self._largest
