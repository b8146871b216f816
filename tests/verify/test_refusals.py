"""Rows that the registered model refuses are told by file, row and column, and no value is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from packager.artifact import Column, Signature
from packager.dataset.cells import Place
from packager.dataset.read import Batch
from packager.dataset.rows import Rows
from packager.errors import VerifyError
from packager.verify.refusals import refuse_refusals

COLUMNS = (
    Column("amount", "float64", False, 1e6),
    Column("code", "float64", True, 1e300, known=(1.0, 2.0)),
    Column("city", "string", False, 1e300, known=("Rome",)),
    Column("idle", "any", True, 1e300),
    Column("age", "float64", True, 1e300, minimum=0.0),
)
SIGNATURE = Signature("regressor", "columns", COLUMNS, ())
FINE = [5.0, 1.0, np.nan, np.nan, np.nan]


def told(place: Place | None, *, city: str | None = "Rome", **cells: float) -> str:
    numbers = np.array([FINE, FINE, FINE])
    for name, cell in cells.items():
        numbers[1, [column.name for column in COLUMNS].index(name)] = cell
    rows = Rows(numbers, {2: np.array(["Rome", city, "Rome"], dtype=object)})
    with pytest.raises(VerifyError) as caught:
        refuse_refusals(Batch(rows, place=place), np.array([True, False, True]), SIGNATURE)
    return caught.value.message


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"amount": np.nan}, "a missing cell in 'amount'"),
        ({"amount": np.inf}, "an infinite number in 'amount'"),
        ({"amount": 12345678.0}, "a number out of its range in 'amount'"),
        ({"age": -3.0}, "a number out of its range in 'age'"),
        ({"code": 7.0}, "a value that it does not know in 'code'"),
        ({"city": "Atlantis"}, "a value that it does not know in 'city'"),
        ({"city": None, "amount": np.nan}, "a missing cell in 'amount', 'city'"),
    ],
)
def test_the_cells_that_the_model_does_not_take_are_named(cells: dict[str, float], reason: str) -> None:
    message = told(Place(Path("rows.csv"), 10, has_header=True), **cells)  # type: ignore[arg-type]
    assert message == f"the registered model itself refuses row 13 (the header is row 1) of rows.csv: {reason}"


def test_a_row_that_is_refused_for_no_known_reason_is_named() -> None:
    message = told(Place(Path("rows.parquet"), 10))
    assert message == "the registered model itself refuses row 11 (the first is row 0) of rows.parquet"


def test_rows_that_are_taken_are_fine() -> None:
    refuse_refusals(Batch(Rows(np.array([FINE]))), np.array([True]), SIGNATURE)
