"""Rows drawn from golden rows: in the ordinary range of their columns, distinct, and the same ones each time."""

from __future__ import annotations

import numpy as np

from packager.artifact import Column, Output, Signature
from packager.benchmark.rows import distinct, draw_rows
from packager.dataset.rows import Rows

INF = float("inf")


def signature(*columns: Column) -> Signature:
    return Signature("regressor", "columns", columns, (Output("variable", "value", 0),))


def test_numbers_lie_in_the_ordinary_range_and_differ() -> None:
    golden = np.concatenate([np.linspace(1, 2, 80), np.full(8, 1e30), np.full(8, -1e30)])[:, None] + [0.0, 100.0]
    columns = signature(Column("a", "float64", False, INF), Column("b", "float64", False, INF))
    rows = draw_rows(Rows(golden), columns, 500)
    assert rows.numbers[:, 0].min() >= 1
    assert rows.numbers[:, 0].max() <= 2
    assert distinct(rows) == 500
    assert np.array_equal(rows.numbers, draw_rows(Rows(golden), columns, 500).numbers)


def test_cells_are_such_as_the_model_takes() -> None:
    columns = signature(
        Column("known", "float64", False, INF, known=(1.5, 7.0)),
        Column("whole", "float64", True, INF),
        Column("text", "string", True, INF),
        Column("unread", "any", True, INF),
    )
    numbers = np.full((40, 4), np.nan)
    numbers[:, 0] = [1.5, 7.0] * 20
    numbers[:30, 1] = np.arange(30) % 5
    texts = np.array(["red", None] * 20, dtype=object)
    rows = draw_rows(Rows(numbers, {2: texts}), columns, 300)
    assert set(rows.numbers[:, 0]) == {1.5, 7.0}
    whole = rows.numbers[:, 1]
    assert set(whole[~np.isnan(whole)]) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert 0.1 < np.isnan(whole).mean() < 0.4  # a quarter of the golden cells is missing
    assert set(rows.strings[2]) == {"red", None}
    assert np.isnan(rows.numbers[:, 3]).all()
