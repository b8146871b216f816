"""Rows as JSON and back, and which rows may be golden."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.artifact import Signature
from packager.bundle.samples import json_rows, rows_of, servable
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
    assert servable(rows, SIGNATURE).all()


def test_servable_rows_are_those_that_can_be_written(tmp_path: Path) -> None:
    numbers = np.array(
        [[1, np.nan, 2], [np.nan, np.nan, 1], [1, np.nan, np.nan], [np.inf, np.nan, 1], [1, np.nan, 9e300]]
    )
    rows = Rows(numbers, {1: np.array(["a", None, "b", "c", "d"], dtype=object)})
    mask = servable(rows, SIGNATURE)
    assert mask.tolist() == [True, True, False, False, False]
    for index, fine in enumerate(mask):
        one = rows.take(slice(index, index + 1))
        if fine:
            json_rows(one, SIGNATURE)
        else:
            with pytest.raises(BundleError, match="Golden row 0 can't be served"):
                json_rows(one, SIGNATURE)


def test_what_overflows_the_graph_is_not_servable() -> None:
    rows = Rows(np.array([[3e38, np.nan, 0], [4e38, np.nan, 0]]), {1: np.array(["a", "a"], dtype=object)})
    assert servable(rows, SIGNATURE, graph_dtype="float32").tolist() == [True, False]
