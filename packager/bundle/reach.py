"""How far out rows may lie: the largest magnitude whose answers JSON can carry.

The served session and golden rows go in, the signature with its limits lowered comes out. Trees answer whatever
comes; sums overflow, and a limit that a client reads beforehand serves it better than a refusal of single rows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature
from packager.dataset.rows import Rows
from packager.runtime.session import RunFailed, Session

# Magnitudes tried in turn. What a client can mean by a number lies far below the last one.
_MAGNITUDES = (1e100, 1e75, 1e50, 1e35, 1e30, 1e25, 1e20, 1e18, 1e15)
# A magnitude is taken when answers are numbers a little further out too: not every corner can be tried.
_MARGIN = 1e3
_CORNERS = 64
# So many columns are put out one by one, spread over all of them.
_ALONE = 128

Floats = npt.NDArray[np.float64]


def within_reach(signature: Signature, session: Session, rows: Rows) -> Signature:
    """Return the signature with the limits of its numbers lowered until rows at them get answers, where they don't.

    No limit goes below a number in `rows`, which are answered. The same model gives the same limits.
    """
    free = [i for i, column in enumerate(signature.columns) if column.dtype == "float64" and column.known is None]
    if not free or _answers(session, signature, rows, free, reach=np.inf):
        return signature
    cells = np.abs(rows.numbers[:, free])
    least = float(np.max(cells, initial=0.0, where=np.isfinite(cells)))
    found = (m for m in _MAGNITUDES if _answers(session, signature, rows, free, reach=m * _MARGIN))
    reach = max(next(found, _MAGNITUDES[-1]), least)
    columns = tuple(
        replace(column, max_abs=min(column.max_abs, reach)) if index in free else column
        for index, column in enumerate(signature.columns)
    )
    return replace(signature, columns=columns)


def _answers(session: Session, signature: Signature, rows: Rows, free: list[int], *, reach: float) -> bool:
    """Tell whether rows at the limits, none beyond `reach`, get numbers that JSON can carry."""
    largest = float(np.finfo(session.input_dtype).max)
    most = np.minimum([signature.columns[index].max_abs for index in free], min(reach, largest))
    least = np.maximum([signature.columns[index].least for index in free], -most)
    put = _corners(least, most)
    base = rows.take(np.zeros(len(put), dtype=np.intp))
    numbers = base.numbers.copy()
    numbers[:, free] = np.where(np.isnan(put), numbers[:, free], put)
    try:
        with np.errstate(all="ignore"):
            found = session.answers(Rows(numbers, base.strings))
    except RunFailed:
        return False
    values = [value for value in found.values() if value.dtype.kind == "f"]
    # A transformer passes missing cells on, and they are null in an answer.
    bad = np.isinf if signature.task == "transformer" else lambda value: ~np.isfinite(value)
    return not any(bad(value).any() for value in values)


def _corners(least: Floats, most: Floats) -> Floats:
    """Return rows of extreme cells, NaN for an ordinary one: each column alone, all, and mixed by fixed chance."""
    width = len(most)
    alone = np.unique(np.linspace(0, width - 1, min(width, _ALONE)).astype(np.intp))
    single = np.full((2 * len(alone), width), np.nan)
    single[np.arange(len(alone)), alone] = most[alone]
    single[np.arange(len(alone)) + len(alone), alone] = least[alone]
    mixed = np.random.default_rng(0).choice([True, False], size=(_CORNERS, width))
    return np.concatenate([single, most[None], least[None], np.where(mixed, most, least)])
