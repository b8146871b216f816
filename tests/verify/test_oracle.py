"""The native model answers batch by batch, while the caller is busy with the one before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from packager.dataset.arrays import write_arrays
from packager.dataset.read import Batch
from packager.dataset.rows import Rows
from packager.errors import SourceError, VerifyError
from packager.verify.oracle import Oracle

WAIT_S = 20.0


class Asked:
    """A source worker that doubles each number; it refuses negative ones and dies of zero."""

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.third = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.answered = threading.Event()

    def __call__(self, command: str, *, rows: str, outputs: str) -> None:
        assert command == "answers"
        numbers = Rows.load(Path(rows)).numbers[:, 0]
        self.begun.append(float(numbers[0]))
        if len(self.begun) == 3:
            self.third.set()
        assert self.may_go_on.wait(WAIT_S)
        if not numbers.all():
            raise SourceError("the source worker died")
        write_arrays(Path(outputs), {"taken": numbers > 0, "output_variable": numbers[numbers > 0] * 2})
        self.answered.set()


def batches(*numbers: float) -> Iterator[Batch]:
    return (Batch(Rows(np.array([[number], [number + 0.5]])), np.array([number, number])) for number in numbers)


def test_answers_come_in_order_with_their_batch(tmp_path: Path) -> None:
    told = list(Oracle(Asked(), tmp_path).answers_in_turn(batches(1, 2, 3, -4, 5)))
    assert [batch.rows.numbers[0, 0] for batch, _ in told] == [1, 2, 3, -4, 5]
    assert [batch.label[0] for batch, _ in told if batch.label is not None] == [1, 2, 3, -4, 5]
    assert [native["variable"].tolist() for _, (native, _) in told] == [[2, 3], [4, 5], [6, 7], [], [10, 11]]
    assert [taken.tolist() for _, (_, taken) in told][2:4] == [[True, True], [False, False]]
    assert list(tmp_path.iterdir()) == []


def test_no_batches_are_no_questions(tmp_path: Path) -> None:
    assert list(Oracle(Asked(), tmp_path).answers_in_turn(batches())) == []


def test_the_worker_is_busy_while_the_caller_is(tmp_path: Path) -> None:
    asked = Asked()
    turns = Oracle(asked, tmp_path).answers_in_turn(batches(1, 2, 3, 4))
    next(turns)
    next(turns)
    assert asked.third.wait(WAIT_S), "the third batch is answered only when the caller comes back for it"
    assert len(list(turns)) == 2


def test_rows_are_read_only_so_far_ahead(tmp_path: Path) -> None:
    read: list[float] = []

    def told() -> Iterator[Batch]:
        for batch in batches(1, 2, 3, 4, 5, 6):
            read.append(float(batch.rows.numbers[0, 0]))
            yield batch

    turns = Oracle(Asked(), tmp_path).answers_in_turn(told())
    for taken in (1, 2, 3):
        next(turns)
        assert len(read) <= taken + 2
    turns.close()  # type: ignore[attr-defined]


def test_rows_that_cannot_be_read_are_told_once_those_before_them_were_asked(tmp_path: Path) -> None:
    def broken() -> Iterator[Batch]:
        yield from batches(1, 2, 3)
        raise VerifyError("rows.parquet: the file is damaged")

    turns = Oracle(Asked(), tmp_path).answers_in_turn(broken())
    assert [float(next(turns)[0].rows.numbers[0, 0]) for _ in range(2)] == [1, 2]
    with pytest.raises(VerifyError, match="damaged"):
        next(turns)


def test_a_worker_that_dies_is_told_in_its_turn(tmp_path: Path) -> None:
    turns = Oracle(Asked(), tmp_path).answers_in_turn(batches(1, 0, 3))
    assert next(turns)[1][0]["variable"].tolist() == [2, 3]
    with pytest.raises(SourceError, match="died"):
        next(turns)


def test_giving_up_does_not_wait_for_the_answer(tmp_path: Path) -> None:
    asked = Asked()
    asked.may_go_on.clear()

    def broken() -> Iterator[Batch]:
        yield from batches(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(Oracle(asked, tmp_path).answers_in_turn(broken()))
    assert not asked.answered.is_set()
    asked.may_go_on.set()
    assert asked.answered.wait(WAIT_S)
