"""Calls of a session as score.py makes them: a batch at once, or in parts of so many rows whose answers are joined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.dataset.rows import Rows
from packager.runtime.session import Session

Call = Callable[[int], object]
Feeds = dict[str, npt.NDArray[Any]]


def batches_in_parts(rows: Rows, size: int, step: int, session: Session) -> list[list[Feeds]]:
    """Return every batch of `size` rows, each as the inputs of its parts of `step` rows."""
    return [
        [
            rows.take(slice(at, min(at + step, start + size))).feeds(session.signature, session.input_dtype)
            for at in range(start, start + size, step)
        ]
        for start in range(0, len(rows) - size + 1, size)
    ]


def call_of(session: Session, batches: list[list[Feeds]]) -> Call:
    """Return the call that scores the batch of a number, taken round and round."""
    names, run, count = [output.name for output in session.signature.outputs], session.inference.run, len(batches)
    if all(len(parts) == 1 for parts in batches):
        whole = [parts[0] for parts in batches]
        return lambda index: run(names, whole[index % count])

    def call(index: int) -> object:
        parts = [run(names, feeds) for feeds in batches[index % count]]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    return call
