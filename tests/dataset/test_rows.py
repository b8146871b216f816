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
    ROWS.save(tmp_path / "rows")
    assert Rows.load(tmp_path / "rows").strings[1].tolist() == ["a", None]


def test_text_survives_a_file_letter_by_letter(tmp_path: Path) -> None:
    cells = ["", "ends in nul\0", "\0", "ß ﷽ 𝒳", "lone \ud800", None, " \r\n"]
    rows = Rows(np.full((len(cells), 2), np.nan), {1: np.array(cells, dtype=object)})
    rows.save(tmp_path / "rows")
    assert Rows.load(tmp_path / "rows").strings[1].tolist() == cells


def test_numbers_survive_a_file_bit_for_bit(tmp_path: Path) -> None:
    numbers = np.array([[-0.0, np.nan, np.inf], [5e-324, 2.0**53 + 2, -1e308]])
    Rows(numbers[:, ::-1]).save(tmp_path / "rows")
    found = Rows.load(tmp_path / "rows").numbers
    assert found.tobytes() == np.ascontiguousarray(numbers[:, ::-1]).tobytes()
    found[0] = 1  # some models write into the rows that they get


def test_no_rows_survive_a_file(tmp_path: Path) -> None:
    Rows(np.empty((0, 2)), {1: np.array([], dtype=object)}).save(tmp_path / "rows")
    found = Rows.load(tmp_path / "rows")
    assert found.numbers.shape == (0, 2)
    assert found.strings[1].shape == (0,)


def test_one_long_text_does_not_widen_the_others(tmp_path: Path) -> None:
    cells = ["x" * 100_000, *["y"] * 5_000]
    Rows(np.full((len(cells), 1), np.nan), {0: np.array(cells, dtype=object)}).save(tmp_path / "rows")
    assert (tmp_path / "rows").stat().st_size < 200_000
