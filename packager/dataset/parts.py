"""One file of rows, read in blocks of bounded size. One row per format in FORMATS; what is in the cells is not judged.

Every format yields Arrow record batches with the wanted columns; a file that turns out to be damaged, at once or
half way, is a VerifyError that names it and tells none of its values.
"""

from __future__ import annotations

import mmap
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet as pq

from packager.dataset.npz import NpzPart
from packager.errors import VerifyError

# Per column; the parquet reader would otherwise take in whole column chunks.
_BUFFER_BYTES = 1 << 16
_CSV_BLOCK_BYTES = 1 << 22
# What the number of a CSV file's rows is guessed from.
_CSV_HEAD_BYTES = 1 << 20
# How long texts are is known when they are read: a block of texts of 16 KiB is 16 MiB.
_TEXT_ROWS = 1 << 10


class Part(Protocol):
    """One file. `schema` has every column; `num_rows` is None where counting means reading it all, `about_rows` then
    is a guess, or None.

    `parse`: cells are text that may stand for numbers. `positional`: the features have no names, only an order.
    """

    @property
    def path(self) -> Path: ...
    @property
    def schema(self) -> pa.Schema: ...
    @property
    def num_rows(self) -> int | None: ...
    @property
    def about_rows(self) -> int | None: ...
    @property
    def parse(self) -> bool: ...
    @property
    def positional(self) -> int: ...

    def blocks(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the columns `names` in blocks of about `rows` rows, in file order."""


@dataclass(frozen=True)
class _File:
    path: Path
    schema: pa.Schema
    num_rows: int | None
    parse: bool = False
    positional: int = 0

    @property
    def about_rows(self) -> int | None:
        """Return the number of rows."""
        return self.num_rows


class ParquetPart(_File):
    """A parquet file."""

    @classmethod
    def open(cls, path: Path) -> ParquetPart:
        """Read the file's footer."""
        with pq.ParquetFile(path) as file:
            return cls(path, file.schema_arrow, file.metadata.num_rows)

    def blocks(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Yield blocks of at most `rows` rows, across row groups of any size; of fewer where there is text."""
        rows = _rows_at_once(self.schema, names, rows)
        with pq.ParquetFile(self.path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
            # A thread of one's own per column costs more than it brings, and the other processor has work.
            for batch in file.iter_batches(batch_size=rows, columns=list(names), use_threads=False):
                yield batch.select(list(names))


class ArrowPart(_File):
    """A feather or Arrow IPC file, mapped into memory."""

    @classmethod
    def open(cls, path: Path) -> ArrowPart:
        """Read the file's footer and count its rows."""
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
            return cls(path, file.schema, file.count_rows())

    def blocks(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Yield slices of the file's own batches; each is validated, as its offsets are used as they are."""
        rows = _rows_at_once(self.schema, names, rows)
        with self.path.open("rb") as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)  # ends with the last array that lies in it
        with pa.ipc.open_file(pa.py_buffer(mapped)) as file:
            for index in range(file.num_record_batches):
                batch = file.get_batch(index).select(list(names))
                batch.validate()
                for start in range(0, batch.num_rows, rows):
                    piece = batch.slice(start, rows)
                    piece.validate(full=True)
                    yield piece
                    # Pages that were read would count as this process's memory until all of the file does.
                    mapped.madvise(mmap.MADV_DONTNEED)


def _rows_at_once(schema: pa.Schema, names: Sequence[str], rows: int) -> int:
    is_text = [not pa.types.is_primitive(schema.field(name).type) for name in names]
    return min(rows, _TEXT_ROWS) if any(is_text) else rows


class CsvPart(_File):
    """A CSV file. Its cells are read as text: what a column holds is known only after its last row."""

    @classmethod
    def open(cls, path: Path) -> CsvPart:
        """Read the header."""
        with _csv(path, []) as reader:
            return cls(path, reader.schema, None, parse=True)

    @property
    def about_rows(self) -> int | None:
        """Return how many rows of the length of the first there may be; None where the file is packed."""
        if self.path.suffix != ".csv":
            return None
        with self.path.open("rb") as stream:
            head = stream.read(_CSV_HEAD_BYTES)
        return self.path.stat().st_size * head.count(b"\n") // len(head) if head else 0

    def blocks(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Yield blocks of at most `rows` rows."""
        # In a file of one column an empty line is a row with a missing cell.
        with _csv(self.path, list(names), skip_empty=len(self.schema) > 1) as reader:
            for batch in reader:
                for start in range(0, batch.num_rows, rows):
                    yield batch.slice(start, rows)


def _csv(path: Path, names: list[str], *, skip_empty: bool = True) -> pa.csv.CSVStreamingReader:
    """Open a CSV file; the cells of `names` come as text, and only an empty unquoted one is missing."""
    return pa.csv.open_csv(
        path,
        # Rows are numbered in messages only by a single thread.
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=_CSV_BLOCK_BYTES),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=skip_empty),
        convert_options=pa.csv.ConvertOptions(
            include_columns=names,
            column_types={name: pa.large_string() for name in names},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


FORMATS: dict[str, tuple[str, Callable[[Path], Part]]] = {
    ".parquet": ("parquet", ParquetPart.open),
    ".pq": ("parquet", ParquetPart.open),
    ".csv": ("CSV", CsvPart.open),
    ".csv.gz": ("CSV", CsvPart.open),
    ".feather": ("feather", ArrowPart.open),
    ".arrow": ("Arrow", ArrowPart.open),
    ".ipc": ("Arrow", ArrowPart.open),
    ".npz": ("npz", NpzPart.open),
}


def open_part(path: Path) -> Part:
    """Open one file by its suffix; VerifyError if the format is unknown or the file is not what it says."""
    suffix = _suffix(path)
    if suffix is None:
        raise VerifyError(f"{path}: not a format of rows that is read", hint=f"known: {', '.join(FORMATS)}")
    with readable(path):
        part = FORMATS[suffix][1](path)
        if twice := [name for name, count in Counter(part.schema.names).items() if count > 1]:
            raise VerifyError(f"{path}: two columns are called {twice[0]!r}")
    return part


@dataclass
class Read:
    """How many rows of a file were read so far."""

    rows: int = 0


@contextmanager
def readable(path: Path) -> Iterator[Read]:
    """Turn what the readers raise about a damaged file into a VerifyError without any of its values."""
    read = Read()
    try:
        yield read
    except (pa.ArrowException, OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        told, hint = _cells_told(str(error)) or _damage(path)
        if read.rows:
            told = f"{told}, behind its first {read.rows:,} rows"
        raise VerifyError(f"{path}: {told}", hint=hint) from None


def _suffix(path: Path) -> str | None:
    return next((suffix for suffix in FORMATS if path.name.lower().endswith(suffix)), None)


def _cells_told(error: str) -> tuple[str, str] | None:
    """Return what is wrong with the cells of a CSV file, and a hint; None where it is something else."""
    if "Empty CSV" in error:
        return "the file is empty", "write it again"
    if "invalid UTF8" in error or "'utf-8' codec" in error:
        return "the file is not UTF-8 text", "save it as UTF-8"
    if counts := re.search(r"(Row #(\d+): )?Expected (\d+) columns, got (\d+)", error):
        row = f"row {int(counts[2]):,} (the header is row 1)" if counts[2] else "a row"
        hint = "a cell that holds a comma or a line break belongs in quotation marks; a file may have been cut off"
        return f"{row} has {counts[4]} cells where the header has {counts[3]}", hint
    return None


# What a file of a format begins with, and ends with where that is fixed.
_SIGNS: dict[str, tuple[bytes, bytes]] = {
    "parquet": (b"PAR1", b"PAR1"),
    "feather": (b"ARROW1", b"ARROW1"),
    "Arrow": (b"ARROW1", b"ARROW1"),
    "npz": (b"PK", b""),
}


def _damage(path: Path) -> tuple[str, str]:
    """Return what is wrong with a file that cannot be read, as far as its first and last bytes tell, and a hint."""
    name = FORMATS[_suffix(path) or ".csv"][0]
    begins, ends = _SIGNS.get(name, (b"", b""))
    try:
        with path.open("rb") as stream:
            first = stream.read(len(begins) or 1)
            stream.seek(max(path.stat().st_size - len(ends), 0))
            last = stream.read()[-len(ends) :] if ends else b""
    except OSError as error:
        return f"the file cannot be read: {error.strerror}", "check its permissions"
    if not first:
        return "the file is empty", "write it again"
    if begins and first != begins:
        return f"the file is no {name} file: it does not begin like one", "name the file by its format"
    if last != ends:
        return "the file ends too early: it was cut off, or is still being written", "copy or write it again"
    return f"the file is damaged: it cannot be read as {name}", "copy or write it again"
