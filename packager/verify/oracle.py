"""The native model, asked through files: rows go to the source worker, its answers come back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.dataset.arrays import read_arrays
from packager.dataset.read import Batch
from packager.dataset.rows import Rows

Outputs = dict[str, npt.NDArray[Any]]
Answered = tuple[Outputs, npt.NDArray[np.bool_]]
Saved = tuple[Batch, Path]
Ask = Callable[..., Any]

# Questions on their way: one that the worker is at and one that waits for it, so that it never waits for us.
_AHEAD = 2
# And one that is read and written meanwhile, and one that the caller is about to ask.
_FILES = _AHEAD + 2


class Oracle:
    """`ask` sends one command to the source worker."""

    def __init__(self, ask: Ask, scratch: Path) -> None:
        self.ask = ask
        self.scratch = scratch

    def answers(self, rows: Rows) -> Answered:
        """Return the native outputs of the rows that the model takes, and which those are, of shape [rows]."""
        file = self._save(rows, "asked")
        self._ask_about(file)
        return _answered(file)

    def answers_in_turn(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Answered]]:
        """Yield each batch with the answers to its rows, in order.

        While the caller is busy with one batch, the worker answers the next, and the one after that is read. Nothing
        else may be asked meanwhile.
        """
        waiting: deque[tuple[Batch, Future[Answered]]] = deque()
        asking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="oracle")
        try:
            for batch, file in _read_ahead(self._saved(batches)):
                waiting.append((batch, asking.submit(self._answers_to, file)))
                if len(waiting) == _AHEAD:
                    yield _first(waiting)
            while waiting:
                yield _first(waiting)
        finally:
            # Whoever gives up need not wait for a long answer: the worker is stopped by who started it.
            asking.shutdown(wait=False, cancel_futures=True)

    def _saved(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Path]]:
        """Yield each batch with the file that its rows were written to: of those on their way, each has its own."""
        for number, batch in enumerate(batches):
            yield batch, self._save(batch.rows, f"asked_{number % _FILES}")

    def _answers_to(self, file: Path) -> Answered:
        self._ask_about(file)
        return _answered(file)

    def _save(self, rows: Rows, name: str) -> Path:
        file = self.scratch / name
        rows.save(file)
        return file

    def _ask_about(self, file: Path) -> None:
        self.ask("answers", rows=str(file), outputs=str(_answers_of(file)))


def _read_ahead(batches: Iterable[Saved]) -> Iterator[Saved]:
    """Yield the batches; each is read, and its rows written, while the caller is busy with the one before."""
    coming = iter(batches)
    reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
    try:
        future = reading.submit(next, coming, None)
        while (batch := future.result()) is not None:
            future = reading.submit(next, coming, None)
            yield batch
    finally:
        reading.shutdown(wait=False, cancel_futures=True)


def _first(waiting: deque[tuple[Batch, Future[Answered]]]) -> tuple[Batch, Answered]:
    batch, answers = waiting.popleft()
    return batch, answers.result()


def _answered(file: Path) -> Answered:
    """Read the answers to a file of rows, and remove both."""
    arrays = read_arrays(_answers_of(file))
    file.unlink()
    _answers_of(file).unlink()
    taken = arrays.pop("taken")
    return {name.removeprefix("output_"): values for name, values in arrays.items()}, taken


def _answers_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.answers")
