"""Do other settings of a session change any bit of any answer? Sums on several threads do, where their order differs.

Made rows are asked in requests of several sizes, on as many threads as the settings say and on every lesser number: a
container's limit may leave no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import VERIFIED_SETTINGS, SessionSettings, Signature
from packager.dataset.rows import Rows
from packager.runtime.session import NoKernel, RunFailed, Session, open_session

Outputs = dict[str, npt.NDArray[Any]]

# As many as the bundle is rehearsed with, of every kind, in no order; small requests are asked of a tenth of them.
_ROWS, _CELLS, _FEW = 5_000, 250_000, 10
# What is left over when a request is cut into parts is summed up by other kernels than whole blocks are.
_ODD_SIZES = (1, 7, 33)


def differing_settings(
    path: Path, signature: Signature, made: Rows, settings: Sequence[SessionSettings], batch_sizes: Sequence[int]
) -> dict[SessionSettings, str]:
    """Return the settings that change an answer, or fail, with the reason; the others answer bit for bit alike."""
    room = min(_ROWS, max(1, _CELLS // max(1, len(signature.columns))), len(made))
    chosen = np.unique(np.linspace(0, len(made) - 1, room).astype(np.intp))
    rows = made.take(np.random.default_rng(0).permutation(chosen))
    sizes = sorted({*_ODD_SIZES, *batch_sizes, len(rows)})
    default = open_session(path, signature, settings=VERIFIED_SETTINGS)
    expected = {size: list(_answers(default, rows, size)) for size in sizes}
    out = {}
    for one in settings:
        for each in _lesser(one):
            try:
                session = open_session(path, signature, settings=each)
                differ = sum(
                    _differing(before, after)
                    for size in sizes
                    for before, after in zip(expected[size], _answers(session, rows, size), strict=True)
                )
            except (NoKernel, RunFailed) as error:
                out[one] = f"out: it fails: {error}"
                break
            if differ:
                threads = f" on {each.threads} threads" if each.threads > 1 else ""
                out[one] = f"out: it changes {differ:,} answers{threads}"
                break
    return out


def _lesser(settings: SessionSettings) -> Iterator[SessionSettings]:
    """Yield the settings on every number of threads from two to theirs; as they are where they have one."""
    for threads in range(min(2, settings.threads), settings.threads + 1):
        yield replace(settings, threads=threads)


def _answers(session: Session, rows: Rows, size: int) -> Iterator[Outputs]:
    """Yield the answers to requests of `size` rows; of small ones to every tenth."""
    step = size * _FEW if size <= max(_ODD_SIZES) else size
    for start in range(0, len(rows), step):
        yield session.answers(rows.take(slice(start, start + size)))


def _differing(before: Outputs, after: Outputs) -> int:
    """Return how many values differ in any bit."""
    count = 0
    for name, values in before.items():
        other = after[name]
        if values.shape != other.shape or values.dtype != other.dtype:
            count += max(values.size, 1)
        elif values.dtype.kind == "f":
            count += int(np.count_nonzero(_bits(values) != _bits(other)))
        else:
            count += int(np.count_nonzero(values != other))
    return count


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return floats as whole numbers: NaN then equals itself, and zero is not negative zero."""
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
