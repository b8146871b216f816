"""Rows to time a bundle with, drawn anew from its golden rows: no training library and no data of the user's is needed.

Each column is drawn by itself from its golden cells without the outer ones, which were made to be extreme; numbers lie
between neighbouring golden ones. Columns are therefore independent of each other, which the data's are not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from packager.artifact import Column, Signature
from packager.dataset.rows import Rows

# Golden rows reach for extremes and thresholds: about one in seven of them lies far outside the column's range.
_OUTER_SHARE = 0.125
_SEED = 0


def draw_rows(golden: Rows, signature: Signature, count: int) -> Rows:
    """Return `count` rows in the columns' ordinary range; the same ones each time."""
    random = np.random.default_rng(_SEED)
    numbers = np.full((count, len(signature.columns)), np.nan)
    strings: dict[int, npt.NDArray[np.object_]] = {}
    for index, column in enumerate(signature.columns):
        if column.dtype == "string":
            strings[index] = random.choice(golden.strings[index], size=count)
        elif column.dtype == "float64":
            numbers[:, index] = _drawn(golden.numbers[:, index], column, count, random=random)
    return Rows(numbers, strings)


def distinct(rows: Rows) -> int:
    """Return how many of the rows differ from all before them."""
    coded = [np.unique(cells.astype(str), return_inverse=True)[1] for cells in rows.strings.values()]
    table = np.column_stack([rows.numbers.view(np.int64), *coded])
    return len(np.unique(table, axis=0))


def _drawn(
    golden: npt.NDArray[np.float64], column: Column, count: int, *, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return cells of a number column: as many of them missing as golden ones are, the others between golden ones."""
    present = np.sort(golden[np.isfinite(golden)])
    if not len(present):
        return np.full(count, np.nan)
    outer = int(len(present) * _OUTER_SHARE) if column.known is None else 0
    inner = present[outer : len(present) - outer]
    if column.known is not None or column.truth or np.array_equal(inner, np.round(inner)):
        cells = random.choice(inner, size=count)
    else:
        cells = np.interp(random.random(count), np.linspace(0, 1, len(inner)), inner)
    missing = random.random(count) < np.isnan(golden).mean()
    return np.where(missing, np.nan, np.clip(cells, column.least, column.max_abs))
