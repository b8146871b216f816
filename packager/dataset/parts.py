"""One file of rows, read in blocks of bounded size. One row per format in FORMATS; what is in the cells is not judged.

Every format yields Arrow record batches with the wanted columns; a file that turns out to be damaged, at once or
half way, is a VerifyError that names it and tells none of its values.
"""

from __future__ import annotations

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


class Part(Protocol):
    """One file. `schema` has every column; `num_rows` is None where counting means reading it all.

    `parse`: cells are text that may stand for numbers. `positional`: the features have no names, only an order.
    """

    @property
    def path(self) -> Path: ...
    @property
    def schema(self) -> pa.Schema: ...
    @property
    def num_rows(self) -> int | None: ...
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


class ParquetPart(_File):
    """A parquet file."""

    @classmethod
    def open(cls, path: Path) -> ParquetPart:
        """Read the file's footer."""
        with pq.ParquetFile(path) as file:
            return cls(path, file.schema_arrow, file.metadata.num_rows)

    def blocks(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Yield blocks of at most `rows` rows, across row groups of any size."""
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
        with pa.memory_map(str(self.path)) as source, pa.ipc.open_file(source) as file:
            for index in range(file.num_record_batches):
                batch = file.get_batch(index).select(list(names))
                batch.validate(full=True)
                for start in range(0, batch.num_rows, rows):
                    yield batch.slice(start, rows)


class CsvPart(_File):
    """A CSV file. Its cells are read as text: what a column holds is known only after its last row."""

    @classmethod
    def open(cls, path: Path) -> CsvPart:
        """Read the header."""
        with _csv(path, []) as reader:
            return cls(path, reader.schema, None, parse=True)

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


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what the readers raise about a damaged file into a VerifyError without any of its values."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        name = FORMATS[_suffix(path) or ".csv"][0]
        raise VerifyError(f"{path}: {_told(str(error), name)}") from None


def _suffix(path: Path) -> str | None:
    return next((suffix for suffix in FORMATS if path.name.lower().endswith(suffix)), None)


def _told(error: str, name: str) -> str:
    if "Empty CSV" in error:
        return "the file is empty"
    if "invalid UTF8" in error or "'utf-8' codec" in error:
        return "the file is not UTF-8 text"
    if counts := re.search(r"(Row #\d+: )?Expected (\d+) columns, got (\d+)", error):
        row = (counts[1] or "a row: ").removesuffix(": ").lower().replace("#", "")
        return f"{row} has {counts[3]} cells where the header has {counts[2]}"
    return f"the file is damaged or no {name} file"
