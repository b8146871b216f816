"""Rows come out exactly as they are, in every format and batch size, or a VerifyError names file and column."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.artifact import Column
from packager.dataset.read import open_dataset
from packager.dataset.rows import Rows, concatenate
from packager.dataset.write import write_table
from packager.errors import VerifyError

from .tables import ROWS, SUFFIXES, column, table, write

MODEL = [column("hour"), column("country", "string"), column("amount")]


def read(
    path: Path | str, columns: list[Column], label: str | None = None, rows: int = 1000
) -> tuple[Rows, np.ndarray]:
    batches = list(open_dataset(path).batches(columns, label=label, batch_rows=rows))
    targets = [batch.label for batch in batches if batch.label is not None]
    return concatenate([batch.rows for batch in batches]), np.concatenate(targets) if targets else np.empty(0)


def refused(path: Path | str, columns: list[Column], label: str | None = None) -> str:
    with pytest.raises(VerifyError) as caught:
        read(path, columns, label)
    assert caught.value.exit_code == 6
    return str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rows", [1000, 333, 10_000])
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str, rows: int) -> None:
    expected = table()
    path = write(tmp_path / f"rows{suffix}", expected)
    got, label = read(path, MODEL, "is_fraud", rows)
    np.testing.assert_array_equal(got.numbers[:, 0], expected["hour"].to_numpy().astype(float))
    np.testing.assert_array_equal(got.numbers[:, 2], expected["amount"].to_numpy())
    assert np.isnan(got.numbers[:, 1]).all()
    assert list(got.strings) == [1]
    assert got.strings[1].tolist() == expected["country"].to_pylist()
    assert got.strings[1].dtype == object
    assert label.dtype == np.int64
    np.testing.assert_array_equal(label, expected["is_fraud"].to_numpy())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_batches_have_the_size_that_was_asked_for(tmp_path: Path, suffix: str) -> None:
    dataset = open_dataset(write(tmp_path / f"rows{suffix}", table()))
    sizes = [len(batch.rows) for batch in dataset.batches(MODEL, batch_rows=999)]
    assert sizes == [999, 999, ROWS - 2 * 999]
    assert dataset.num_rows() == (None if suffix == ".csv" else ROWS)
    assert dataset.columns == ["amount", "hour", "country", "is_fraud"]
    assert dataset.types["hour"] == "int64"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(allow_nan=False, width=64)), min_size=1, max_size=30),
    st.integers(1, 7),
)
def test_floats_travel_bit_for_bit(cells: list[float | None], rows: int) -> None:
    expected = np.array([np.nan if cell is None else cell for cell in cells])
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".parquet", ".csv", ".feather"):
            path = Path(folder) / f"rows{suffix}"
            if suffix == ".csv":
                path.write_text("a,b\n" + "".join(f"{'' if cell is None else repr(cell)},0\n" for cell in cells))
            else:
                write(path, pa.table({"a": pa.array(cells, pa.float64())}))
            got = read(path, [column("a")], rows=rows)[0].numbers[:, 0]
            np.testing.assert_array_equal(got, expected)
            np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(expected[expected == 0]))


def test_everything_that_is_a_number_becomes_float64(tmp_path: Path) -> None:
    columns = {
        "flag": pa.array([True, False, None]),
        "small": pa.array([1, None, -3], pa.int8()),
        "large": pa.array([2**53, None, -(2**53)], pa.int64()),
        "half": pa.array(np.array([0.5, 2, np.nan], np.float16)),
        "single": pa.array([0.1, None, 3], pa.float32()),
        "money": pa.array([Decimal("1.25"), None, Decimal(-3)], pa.decimal128(9, 2)),
        "coded": pa.array([7, None, 7]).dictionary_encode(),
        "empty": pa.nulls(3),
    }
    path = write(tmp_path / "rows.parquet", pa.table(columns))
    got, _ = read(path, [column(name) for name in columns])
    np.testing.assert_array_equal(
        got.numbers,
        [
            [1, 1, 2**53, 0.5, np.float32(0.1), 1.25, 7, np.nan],
            [0, np.nan, np.nan, 2, np.nan, np.nan, np.nan, np.nan],
            [np.nan, -3, -(2**53), np.nan, 3, -3, 7, np.nan],
        ],
    )


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_categories_of_text_are_text(tmp_path: Path, suffix: str) -> None:
    cells = ["b", None, "a", "b", ""]
    path = write(tmp_path / f"rows{suffix}", pa.table({"c": pa.array(cells).dictionary_encode(), "d": pa.nulls(5)}))
    got, _ = read(path, [column("c", "string"), column("d", "string")], rows=2)
    assert got.strings[0].tolist() == cells
    assert got.strings[1].tolist() == [None] * 5


def test_blocks_with_unlike_categories_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    parts = [pa.table({"c": pa.array(cells).dictionary_encode()}) for cells in (["a", "b"], ["c", "a", "d"])]
    with pq.ParquetWriter(path, parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)
    for rows in (2, 3, 10):
        got, _ = read(path, [column("c", "string")], rows=rows)
        assert got.strings[0].tolist() == ["a", "b", "c", "a", "d"]


def test_csv_numbers_are_read_to_the_last_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    lines = ["1"] * 700_000 + ["1e3", " 2.5", "+1", "NA", "", "null", "-Inf", "True", "false", "NaN"]
    path.write_text("a,b\n" + "".join(f"{line},0\n" for line in lines))
    got = read(path, [column("a")], rows=100_000)[0].numbers[:, 0]
    assert len(got) == len(lines)
    np.testing.assert_array_equal(got[700_000:], [1000, 2.5, 1, np.nan, np.nan, np.nan, -np.inf, 1, 0, np.nan])


def test_csv_text_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('zip,b\n007,1\n,1\n"",1\nNA,1\n 1e3,1\n"a\nb",1\n', encoding="utf-8-sig")
    got, _ = read(path, [column("zip", "string")])
    assert got.strings[0].tolist() == ["007", None, "", "NA", " 1e3", "a\nb"]


def test_a_csv_of_one_column_keeps_its_empty_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a\n1\n\n3\n")
    np.testing.assert_array_equal(read(path, [column("a")])[0].numbers[:, 0], [1, np.nan, 3])


def test_a_packed_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read(path, [column("b"), column("a")])[0].numbers.tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "0", " +2"], np.array([1, 0, 2])),
        (["1", "0.5", "2"], np.array([1, 0.5, 2])),
        (["true", "False", "TRUE"], np.array([True, False, True])),
        (["1", "true", "2"], np.array(["1", "true", "2"], object)),
        (["none", "mild", "na"], np.array(["none", "mild", "na"], object)),
        (["9" * 18, "1", "2"], np.array([10**18 - 1, 1, 2])),
    ],
)
def test_csv_labels_are_of_the_narrowest_kind(tmp_path: Path, cells: list[str], expected: np.ndarray) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,y\n" + "".join(f"0,{cell}\n" for cell in cells))
    _, label = read(path, [column("a")], "y", rows=2)
    assert label.dtype == expected.dtype
    assert label.tolist() == expected.tolist()


def test_a_csv_label_is_one_kind_over_all_files(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("a,y\n0,1\n")
    (tmp_path / "2.csv").write_text("a,y\n0,x\n")
    _, label = read(tmp_path / "*.csv", [column("a")], "y")
    assert label.tolist() == ["1", "x"]


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (pa.array([1, 0], pa.int8()), np.int64),
        (pa.array([1, 0.5], pa.float32()), np.float64),
        (pa.array([True, False]), np.bool_),
        (pa.array(["a", "b"]), np.object_),
        (pa.array(["a", "b"]).dictionary_encode(), np.object_),
    ],
)
def test_labels_keep_their_kind(tmp_path: Path, cells: pa.Array, dtype: type) -> None:
    path = write(tmp_path / "rows.parquet", pa.table({"a": [1.0, 2.0], "y": cells}))
    _, label = read(path, [column("a")], "y")
    assert label.dtype == dtype
    assert label.tolist() == cells.to_pylist()


@pytest.mark.parametrize(
    "cells", [[1, None, 2], [0.5, float("nan"), 1], ["a", None, "b"], [True, None, False]], ids=str
)
def test_missing_labels_are_counted(tmp_path: Path, cells: list[object]) -> None:
    path = write(tmp_path / "rows.parquet", pa.table({"a": [1.0, 2, 3] * 100, "y": pa.array(cells * 100)}))
    assert "'y' has missing labels\n  measured 100 of 300 rows" in refused(path, [column("a")], "y")


def test_missing_labels_of_a_csv_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,y\n0,1\n0,\n0,NA\n")
    assert "2 of 3 rows" in refused(path, [column("a")], "y")
    path.write_text("a,y\n0,mild\n0,\n0,none\n")
    assert "1 of 3 rows" in refused(path, [column("a")], "y")


def test_the_label_may_be_a_feature_too(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", pa.table({"a": [1, 2]}))
    rows, label = read(path, [column("a")], "a")
    assert rows.numbers[:, 0].tolist() == label.tolist() == [1, 2]


def test_a_glob_is_read_in_order(tmp_path: Path) -> None:
    for number in (2, 0, 1):
        write(tmp_path / f"part-{number}.parquet", pa.table({"b": [0] * 3, "a": [number] * 3}))
    write(tmp_path / "part-3.parquet", pa.table({"a": pa.array([3.5], pa.float32()), "b": [1]}))
    dataset = open_dataset(tmp_path / "part-*.parquet")
    assert [path.name for path in dataset.files] == [f"part-{number}.parquet" for number in range(4)]
    assert dataset.num_rows() == 10
    got = concatenate([batch.rows for batch in dataset.batches([column("a")], batch_rows=2)])
    assert got.numbers[:, 0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3.5]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    path = write(tmp_path / "rows[1].parquet", pa.table({"a": [1]}))
    assert open_dataset(path).num_rows() == 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npz_matrix_is_taken_in_order(tmp_path: Path, order: str) -> None:
    matrix = np.asarray(np.arange(30, dtype=np.float32).reshape(10, 3), order=order)  # type: ignore[call-overload]
    np.savez(tmp_path / "rows.npz", X=matrix, y=np.array(["a", "b"] * 5))
    dataset = open_dataset(tmp_path / "rows.npz")
    assert dataset.columns == ["x0", "x1", "x2", "y"]
    batches = list(dataset.batches([column(name) for name in ("amount", "hour", "z")], label="y", batch_rows=4))
    np.testing.assert_array_equal(np.concatenate([batch.rows.numbers for batch in batches]), matrix)
    assert [len(batch.rows) for batch in batches] == [4, 4, 2]
    assert batches[2].label is not None
    assert batches[2].label.tolist() == ["a", "b"]
    one = read(tmp_path / "rows.npz", [column("x2")])[0]
    np.testing.assert_array_equal(one.numbers[:, 0], matrix[:, 2])
    assert "X has 3 columns, the model takes 2" in refused(tmp_path / "rows.npz", [column("a"), column("b")])


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"X": np.zeros((2, 2)), "y": np.zeros(3)}, "unlike lengths: X 2, y 3"),
        ({"a": np.array([{}, 1], object)}, "'a' holds pickled objects, which are never loaded"),
        ({"a": np.zeros((2, 2))}, "'a' has 2 dimensions"),
        ({"X": np.zeros((2, 2, 2))}, "'X' has 3 dimensions"),
        ({"a": np.zeros(2, complex)}, "neither numbers nor text"),
        ({"a": np.zeros(2, "datetime64[s]")}, "neither numbers nor text"),
        ({}, "holds no arrays"),
        ({"a": np.zeros(0)}, "no rows"),
    ],
)
def test_arrays_that_are_no_table_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], told: str) -> None:
    np.savez(tmp_path / "rows.npz", **arrays)  # type: ignore[arg-type]
    assert told in refused(tmp_path / "rows.npz", [column("a")])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_missing_columns_are_named(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"rows{suffix}", table())
    told = refused(path, [column("amuont"), column("hour"), column("age")])
    assert f"rows{suffix}: no columns 'amuont', 'age'" in told
    assert "did you mean 'amount'? there: amount, hour, country, is_fraud" in told
    assert "no label column 'fraud'" in refused(path, MODEL, "fraud")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_text_where_numbers_are_taken_names_the_column_and_no_value(tmp_path: Path, suffix: str) -> None:
    rows = pa.table({"a": [1.0, 2.0], "c": ["secret", "2"]})
    told = refused(write(tmp_path / f"rows{suffix}", rows), [column("a"), column("c")])
    assert f"rows{suffix}: column 'c' holds text" in told
    assert "the model takes numbers" in told
    assert "hint: encode it" in told
    assert "secret" not in told


def test_numbers_where_text_is_taken_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", pa.table({"c": [1, 2]}))
    assert "column 'c' holds int64; the model takes text" in refused(path, [column("c", "string")])


def test_dates_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", pa.table({"c": pa.array([1, 2], pa.timestamp("s"))}))
    assert "column 'c' holds timestamp" in refused(path, [column("c")])


@pytest.mark.parametrize("cell", [2**53 + 1, -(2**53) - 1, 2**62])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_whole_numbers_that_float64_cannot_hold_are_refused(tmp_path: Path, suffix: str, cell: int) -> None:
    path = write(tmp_path / f"rows{suffix}", pa.table({"id": [1, cell]}))
    told = refused(path, [column("id")])
    assert "column 'id' holds whole numbers beyond 2**53" in told
    assert str(cell) not in told


def test_large_decimals_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", pa.table({"id": pa.array([Decimal(2**60)], pa.decimal128(30, 0))}))
    assert "beyond 2**53" in refused(path, [column("id")])


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_two_columns_of_one_name_are_refused(tmp_path: Path, suffix: str) -> None:
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    path = tmp_path / f"rows{suffix}"
    if suffix == ".parquet":
        pq.write_table(twice, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, twice.schema) as writer:
            writer.write_table(twice)
    assert "two columns are called 'a'" in refused(path, [column("a")])
    csv = tmp_path / "rows.csv"
    csv.write_text("a,a\n1,2\n")
    assert "two columns are called 'a'" in refused(csv, [column("a")])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_rows_are_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"rows{suffix}", pa.table({"a": pa.array([], pa.float64())}))
    assert "no rows to verify with" in refused(path, [column("a")])
    assert "no rows to verify with" in refused(path, [column("a")], "a")


def test_an_empty_part_is_fine_beside_others(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", pa.table({"a": pa.array([], pa.float64())}))
    write(tmp_path / "b.parquet", pa.table({"a": [1.5]}))
    assert read(tmp_path / "*.parquet", [column("a")])[0].numbers.tolist() == [[1.5]]


def test_parts_with_unlike_columns_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", pa.table({"a": [1], "b": [1]}))
    other = write(tmp_path / "b.parquet", pa.table({"a": [1], "c": [1]}))
    assert "it lacks b, and it alone has c" in refused(tmp_path / "*.parquet", [column("a")])
    write(other, pa.table({"a": ["x"], "b": [1]}))
    told = refused(tmp_path / "*.parquet", [column("b")])
    assert "b.parquet: column 'a' holds text, in " in told


def test_parts_with_unlike_labels_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", pa.table({"a": [1], "y": [1]}))
    write(tmp_path / "b.parquet", pa.table({"a": [1], "y": [1.5]}))
    assert "unlike types in its files: decimal, integer" in refused(tmp_path / "*.parquet", [column("a")], "y")


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    write(tmp_path / "fraud.parquet", pa.table({"a": [1]}))
    assert "beside it: fraud.parquet" in refused(tmp_path / "froud.parquet", [])
    assert "there is no folder" in refused(tmp_path / "x/fraud.parquet", [])
    assert "no files of rows match" in refused(tmp_path / "*.csv", [])
    assert "*.parquet" in refused(tmp_path, [])
    (tmp_path / "rows.xlsx").write_bytes(b"")
    assert "known: .parquet" in refused(tmp_path / "rows.xlsx", [])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"\x00\x01garbage" * 50, b"PK\x03\x04", b"PAR1", b"ARROW1\x00\x00"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(content)
    assert f"rows{suffix}:" in refused(path, [column("a")])


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".npz"])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"rows{suffix}", table())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert ("damaged" if suffix == ".npz" else "ends too early") in refused(path, MODEL)


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".npz"])
def test_a_damaged_file_gives_an_error_or_rows(tmp_path: Path, suffix: str) -> None:
    """Flipped bytes are noticed or read as other cells; they raise nothing else and crash nothing."""
    path = write(tmp_path / f"rows{suffix}", table())
    whole = path.read_bytes()
    generator = np.random.default_rng(3)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in generator.integers(0, len(whole), 3):
            damaged[place] ^= 1 << int(generator.integers(0, 8))
        path.write_bytes(damaged)
        try:
            read(path, MODEL, "is_fraud")
        except VerifyError:
            continue


def test_a_csv_row_of_another_length_is_told_without_its_cells(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n1,secret,3\n")
    told = refused(path, [column("a")])
    assert "row 3 (the header is row 1) has 3 cells where the header has 2" in told
    assert "secret" not in told


@pytest.mark.parametrize("wrong", [0, 1, 2_047, 4_999])
def test_the_first_cell_of_a_csv_that_is_no_number_is_named_by_its_row(tmp_path: Path, wrong: int) -> None:
    path = tmp_path / "rows.csv"
    cells = [" 1", "NA", "true", "2e3", ""] * 1000
    cells[wrong] = "secret"
    cells[-1] = "secret"
    path.write_text("a,b\n" + "".join(f"{cell},0\n" for cell in cells))
    for rows in (1000, 10_000):
        with pytest.raises(VerifyError, match=rf"holds text, first in row {wrong + 2:,} \(the header is row 1\);"):
            read(path, [column("a")], rows=rows)


def test_a_file_that_is_cut_off_is_told_apart_from_one_of_another_format(tmp_path: Path) -> None:
    for suffix in (".parquet", ".feather"):
        path = write(tmp_path / f"rows{suffix}", table())
        whole = path.read_bytes()
        path.write_bytes(whole[:-100])
        assert "ends too early: it was cut off" in refused(path, MODEL)
        path.write_bytes(b"a,b\n1,2\n")
        assert "it does not begin like one\n  hint: name the file by its format" in refused(path, MODEL)
        path.write_bytes(b"")
        assert "the file is empty" in refused(path, MODEL)


def test_damage_half_way_tells_how_far_the_file_was_read(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.parquet", table())
    group = pq.ParquetFile(path).metadata.row_group(2).column(0)
    content = bytearray(path.read_bytes())
    start = group.dictionary_page_offset or group.data_page_offset
    content[start : start + 200] = b"\xff" * 200
    path.write_bytes(content)
    told = refused(path, MODEL)
    assert "rows.parquet: the file is damaged: it cannot be read as parquet, behind its first 1,000 rows" in told


def test_a_csv_of_another_separator_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a;b;y\n1;2;0\n")
    assert "separated by ';', write it with commas" in refused(path, [column("a")], "y")


def test_the_file_whose_labels_are_missing_is_named(tmp_path: Path) -> None:
    for name, cells in (("a", [1, 0]), ("b", [1, None]), ("c", [0, 0])):
        write(tmp_path / f"{name}.parquet", pa.table({"a": [1.0, 2.0], "y": pa.array(cells, pa.int64())}))
    told = refused(tmp_path / "*.parquet", [column("a")], "y")
    assert "b.parquet: label column 'y' has missing labels\n  measured 1 of 6 rows" in told


def test_batches_know_where_they_lie(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / f"{name}.parquet", pa.table({"a": [1.0] * 5}))
    places = [batch.place for batch in open_dataset(tmp_path / "*.parquet").batches([column("a")], batch_rows=3)]
    assert [(place.file.name, place.before) for place in places if place] == [("a.parquet", 0), ("a.parquet", 3)] + [
        ("b.parquet", 0),
        ("b.parquet", 3),
    ]
    assert places[3] is not None
    assert places[3].row(1) == "row 4 (the first is row 0)"


def test_a_csv_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n1,\xff\xfe\n")
    assert "not UTF-8" in refused(path, [column("b", "string")])
    path.write_bytes(b"a,\xff\n1,2\n")
    assert "not UTF-8" in refused(path, [column("a")])


def test_text_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    cells = pa.array([b"a", b"\xff"], pa.binary()).view(pa.string())
    path = write(tmp_path / "rows.feather", pa.table({"c": cells}))
    told = refused(path, [column("c", "string")])
    assert "UTF-8" in told or "damaged" in told


def test_a_written_table_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "data" / "rows.parquet"
    columns = {
        "a": np.array([1.5, np.nan]),
        "n": np.array([1, 2]),
        "c": np.array(["x", None], object),
        "y": np.array([True, False]),
    }
    write_table(path, columns)
    first = path.read_bytes()
    rows, label = read(path, [column("a"), column("n"), column("c", "string")], "y")
    np.testing.assert_array_equal(rows.numbers[:, :2], [[1.5, 1], [np.nan, 2]])
    assert rows.strings[2].tolist() == ["x", None]
    assert label.tolist() == [True, False]
    write_table(path, columns)
    assert path.read_bytes() == first


@pytest.mark.parametrize("suffix", [".parquet", ".feather", ".csv"])
def test_long_texts_come_in_smaller_batches(tmp_path: Path, suffix: str) -> None:
    cells = [f"{index}".rjust(20_000) if index % 2 else "short" for index in range(6_000)]
    path = write(tmp_path / f"rows{suffix}", pa.table({"n": np.arange(6_000.0), "c": cells}))
    batches = list(open_dataset(path).batches([column("c", "string"), column("n")], batch_rows=5_000))
    assert max(sum(map(len, batch.rows.strings[0])) for batch in batches) < 40 << 20
    rows = concatenate([batch.rows for batch in batches])
    assert rows.strings[0].tolist() == cells
    assert rows.numbers[:, 1].tolist() == list(range(6_000))


# The peak that getrusage tells of a child holds that of its parent at the fork as well; /proc tells its own.
STREAM = """
import sys
from pathlib import Path
from packager.artifact import Column
from packager.dataset.read import open_dataset
def peak_mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024
dataset = open_dataset(sys.argv[1])
columns = [Column(name, "float64", True, float("inf")) for name in dataset.columns]
batches = dataset.batches(columns, batch_rows=10_000)
next(batches)
before = peak_mib()
rows = sum(len(batch.rows) for batch in batches)
print(rows, peak_mib() - before)
"""


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
@pytest.mark.parametrize("group", [100_000, 1_000_000])
def test_a_million_rows_are_streamed_in_bounded_memory(tmp_path: Path, group: int, suffix: str) -> None:
    """120 MB of cells, read in 10,000 rows at a time, whether or not the writer made groups of rows."""
    path = tmp_path / f"rows{suffix}"
    generator = np.random.default_rng(1)
    schema = pa.schema([(f"f{index}", pa.float32()) for index in range(30)])
    block = pa.table({name: generator.random(group, dtype=np.float32) for name in schema.names})
    with (
        pq.ParquetWriter(path, schema, compression="none", use_dictionary=False)
        if suffix == ".parquet"
        else (pa.ipc.new_file(str(path), schema)) as writer
    ):
        for _ in range(1_000_000 // group):
            writer.write_table(block, group)
    command = [sys.executable, "-c", STREAM, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, grown_mib = map(int, done.stdout.split())
    assert rows == 990_000
    assert grown_mib < 60
