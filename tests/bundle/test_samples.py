"""Rows as JSON and back, exactly."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.artifact import Signature
from packager.bundle.samples import json_rows, rows_of
from packager.dataset.rows import Rows
from packager.errors import BundleError

from . import models

COLUMNS = (
    models.number("amount", missing=True),
    models.text("city", missing=True),
    models.number("age", max_abs=1e300),
)
SIGNATURE = Signature("regressor", "columns", COLUMNS, ())
CELLS = st.lists(
    st.tuples(
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        st.floats(-1e300, 1e300),
    ),
    min_size=1,
)


@given(cells=CELLS)
def test_rows_survive_json_bit_for_bit(cells: list[tuple[float | None, str | None, float]]) -> None:
    rows = rows_of([list(row) for row in cells], SIGNATURE)
    again = rows_of(json.loads(json.dumps(json_rows(rows, SIGNATURE))), SIGNATURE)
    assert again.numbers.tobytes() == rows.numbers.tobytes()
    assert again.strings[1].tolist() == rows.strings[1].tolist() == [row[1] for row in cells]


def test_a_value_that_the_model_refuses_is_no_golden_cell() -> None:
    signature = Signature("regressor", "columns", (models.text("city", known=("Bern",)),), ())
    assert json_rows(Rows(np.full((1, 1), np.nan), {0: np.array(["Bern"], dtype=object)}), signature) == [["Bern"]]
    with pytest.raises(BundleError, match="can't be served"):
        json_rows(Rows(np.full((1, 1), np.nan), {0: np.array(["Basel"], dtype=object)}), signature)


@pytest.mark.parametrize(
    "row", [(np.inf, "a", 1.0), (1.0, "a", np.nan), (1.0, "a", 9e300), (-np.inf, None, 1.0), (1.0, "a", -np.inf)]
)
def test_a_cell_that_a_request_cannot_hold_is_refused(row: tuple[float, str | None, float]) -> None:
    rows = Rows(np.array([[row[0], np.nan, row[2]]]), {1: np.array([row[1]], dtype=object)})
    with pytest.raises(BundleError, match="Golden row 0 can't be served"):
        json_rows(rows, SIGNATURE)
