"""Batches in parts are all of their rows, once, and are joined again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from packager.benchmark.parts import batches_in_parts, call_of
from packager.dataset.rows import Rows
from packager.runtime.session import Session
from tests.runtime.graphs import regressor


class Doubler:
    """Stands where a session runs."""

    def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [feeds["features"] * 2]


@pytest.mark.parametrize(("step", "sizes"), [(5, [5]), (2, [2, 2, 1]), (1, [1] * 5), (4, [4, 1])])
def test_each_batch_is_scored_whole_in_parts_of_so_many_rows(step: int, sizes: list[int]) -> None:
    doubler: Any = Doubler()
    session = Session(doubler, regressor(), np.dtype(np.float64), {})
    numbers = np.arange(24.0).reshape(12, 2)
    batches = batches_in_parts(Rows(numbers), 5, step, session)
    assert [[len(part["features"]) for part in parts] for parts in batches] == [sizes, sizes]
    call = call_of(session, batches)
    for index in range(4):
        first = index % 2 * 5
        (found,) = call(index)  # type: ignore[misc]
        assert np.array_equal(found, numbers[first : first + 5] * 2)
