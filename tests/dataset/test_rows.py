"""Rows on their way: into a graph's inputs, into a file and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from packager.artifact import MISSING_TEXT, Column, Signature
from packager.dataset.rows import Rows

ROWS = Rows(np.array([[1.5, np.nan], [np.nan, np.nan]]), {1: np.array(["a", None], dtype=object)})
COLUMNS = (Column("x", "float64", True, 1e300), Column("city", "string", True, 1e300))


def test_missing_text_has_a_word_of_its_own_in_a_graph() -> None:
    feeds = ROWS.feeds(Signature("regressor", "columns", COLUMNS, ()), np.float32)
    assert feeds["column_1"].tolist() == [["a"], [MISSING_TEXT]]
    assert feeds["column_0"].dtype == np.float32
    assert ROWS.strings[1].tolist() == ["a", None]


def test_missing_text_survives_a_file(tmp_path: Path) -> None:
    ROWS.save(tmp_path / "rows.npz")
    assert Rows.load(tmp_path / "rows.npz").strings[1].tolist() == ["a", None]
