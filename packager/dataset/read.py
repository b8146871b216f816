"""Verification rows in: parquet, CSV, feather, Arrow or npz files; `Batch`es of arrays out, in bounded memory.

Cells become what the model takes, exactly, or a VerifyError names file and column, never a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from packager.artifact import Column
from packager.dataset.alike import check_alike
from packager.dataset.cells import (
    LabelKind,
    Place,
    Where,
    blanks,
    categories,
    label_kind,
    labels,
    nulls,
    numbers,
    strings,
    widest,
)
from packager.dataset.files import files_of
from packager.dataset.parts import Part, open_part, readable
from packager.dataset.rows import Rows
from packager.errors import VerifyError

BATCH_ROWS = 10_000
# Texts are several times as large as objects, and some batches are on their way at a time.
_BLOCK_BYTES = 16 << 20
# Columns become rows in tiles that stay in the processor's cache: a third of the time that whole columns take.
_TILE_ROWS = 1024
# How many columns or files a message lists.
_LISTED = 12


@dataclass(frozen=True)
class Beside:
    """The columns that are read beside the model's own: the label, and the one whose values part the rows."""

    label: str | None = None
    segment: str | None = None

    @property
    def names(self) -> list[str]:
        return [name for name in (self.label, self.segment) if name is not None]


@dataclass(frozen=True)
class Segments:
    """`values` that occur in a batch as text, None for a missing one; `rows`: each row's position among them."""

    values: list[str | None]
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Some rows of one file in its order, where they lie, with labels and segments, if such columns were asked for."""

    rows: Rows
    label: npt.NDArray[np.generic] | None = None
    place: Place | None = None
    segments: Segments | None = None


@dataclass(frozen=True)
class Dataset:
    """One table in one or several files of the same columns."""

    parts: tuple[Part, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files in the order in which they are read."""
        return tuple(part.path for part in self.parts)

    @property
    def columns(self) -> list[str]:
        """Return the columns' names in the order of the first file."""
        return list(self.parts[0].schema.names)

    @property
    def types(self) -> dict[str, str]:
        """Return Arrow's name for each column's type; of a CSV file, what its first rows look like."""
        return {field.name: str(field.type) for field in self.parts[0].schema}

    def num_rows(self) -> int | None:
        """Return the number of rows, or None where counting means reading every file."""
        counts = [part.num_rows for part in self.parts]
        return None if None in counts else sum(count or 0 for count in counts)

    def about_rows(self) -> int | None:
        """Return the number of rows, or a guess where counting means reading every file, or None."""
        counts = [part.about_rows for part in self.parts]
        return None if None in counts else sum(count or 0 for count in counts)

    def require(self, columns: Sequence[Column], *, label: str | None = None, segment: str | None = None) -> None:
        """Raise VerifyError for columns that a file lacks or has in another type; nothing but headers is read."""
        for part in self.parts:
            names = self._names(part, columns, Beside(label, segment))
            if not part.parse:  # what the cells of a CSV file are is known from the last of them on
                no_cells = [pa.nulls(0, part.schema.field(name).type) for name in names]
                _rows(pa.record_batch(no_cells, names=names), columns, names, place=Place(part.path))

    def batches(
        self,
        columns: Sequence[Column],
        *,
        label: str | None = None,
        segment: str | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> Iterator[Batch]:
        """Yield the rows in the order of `columns`, in batches of `batch_rows` but the last of each file.

        Labels keep their kind: int64, float64, bool, or an object array of str. VerifyError, before the first batch,
        if a column is missing or the label is not full; while reading, if a cell is not what its column takes.
        """
        beside = Beside(label, segment)
        names = [self._names(part, columns, beside) for part in self.parts]
        kind = None if label is None else self._label_kind(label)
        return self._batches(list(zip(self.parts, names, strict=True)), columns, (beside, kind), batch_rows)

    def _batches(
        self,
        parts: Sequence[tuple[Part, list[str]]],
        columns: Sequence[Column],
        asked: tuple[Beside, LabelKind | None],
        batch_rows: int,
    ) -> Iterator[Batch]:
        beside, kind = asked
        seen = 0
        for part, names in parts:
            before = 0
            for block in _blocks(part, list(dict.fromkeys([*names, *beside.names])), batch_rows):
                place = Place(part.path, before, part.parse)
                target = segments = None
                if beside.label is not None and kind is not None:
                    target = labels(block.column(beside.label), Where(place, beside.label), kind)
                if beside.segment is not None:
                    segments = Segments(*categories(block.column(beside.segment), parse=part.parse))
                yield Batch(_rows(block, columns, names, place=place), target, place, segments)
                before += block.num_rows
            seen += before
        if seen == 0:
            raise VerifyError(f"{_shown(self.files)}: no rows to verify with")

    def _names(self, part: Part, columns: Sequence[Column], beside: Beside) -> list[str]:
        """Return the names under which `part` has `columns`; VerifyError for those that it has not."""
        names = [column.name for column in columns]
        there = part.schema.names
        for what, name in (("label", beside.label), ("segment", beside.segment)):
            if name is not None and name not in there:
                raise VerifyError(f"{part.path}: no {what} column {name!r}", hint=_there(name, there))
        if part.positional and not set(names) <= set(there):
            if part.positional != len(names):
                told = f"{part.path}: X has {part.positional} columns, the model takes {len(names)}"
                raise VerifyError(told, measured=part.positional, limit=len(names))
            return [f"x{index}" for index in range(part.positional)]
        absent = [name for name in names if name not in there]
        if absent:
            shown = ", ".join(repr(name) for name in absent[:_LISTED]) + (", …" if len(absent) > _LISTED else "")
            plural = "s" if len(absent) > 1 else ""
            raise VerifyError(f"{part.path}: no column{plural} {shown}", hint=_there(absent[0], there))
        return names

    def _label_kind(self, label: str) -> LabelKind:
        """Read the label column alone, and return what it holds; VerifyError if a label is missing."""
        kinds: set[LabelKind] = set()
        found: list[_Gaps] = []
        for part in self.parts:
            rows = null = blank = 0
            where = Where(Place(part.path), label)
            for block in _blocks(part, [label], BATCH_ROWS * 10):
                cells = block.column(label)
                rows += len(cells)
                null += nulls(cells)
                blank += blanks(cells) if part.parse else nulls(cells)
                if kind := label_kind(cells, where, parse=part.parse):
                    kinds.add(kind)
            found.append(_Gaps(part.path, rows, null, blank))
        if not any(gaps.rows for gaps in found):
            raise VerifyError(f"{_shown(self.files)}: no rows to verify with")
        kind = widest(kinds)
        _refuse_gaps(label, found, kind)
        if kind is None or (len(kinds) > 1 and not all(part.parse for part in self.parts)):
            told = ", ".join(sorted(kinds))
            raise VerifyError(f"{_shown(self.files)}: label column {label!r} is of unlike types in its files: {told}")
        return kind


@dataclass(frozen=True)
class _Gaps:
    """How many labels of a file are null, and how many are that or text that stands for a missing number."""

    file: Path
    rows: int
    null: int
    blank: int


def _refuse_gaps(label: str, found: Sequence[_Gaps], kind: LabelKind | None) -> None:
    """Raise VerifyError, which names the files, where labels are missing."""
    # Among texts "none" is a label like any other; only an empty cell is missing.
    counts = {gaps.file: gaps.null if kind == "text" else gaps.blank for gaps in found}
    files = [file for file, count in counts.items() if count]
    if files:
        told = f"{_shown(files)}: label column {label!r} has missing labels"
        measured = f"{sum(counts.values()):,} of {sum(gaps.rows for gaps in found):,} rows"
        raise VerifyError(told, measured=measured, limit=0, hint="leave those rows out")


def open_dataset(path_or_glob: str | Path) -> Dataset:
    """Open one file or all files of a glob; VerifyError if there is none, one is damaged, or their columns differ."""
    parts = tuple(open_part(path) for path in files_of(str(path_or_glob)))
    for part in parts[1:]:
        check_alike(parts[0], part)
    if sum(1 if part.num_rows is None else part.num_rows for part in parts) == 0:
        raise VerifyError(f"{_shown([part.path for part in parts])}: no rows to verify with")
    return Dataset(parts)


def _there(wanted: str, names: Sequence[str]) -> str:
    if len(names) == 1 and (separator := next((sign for sign in ";\t|" if sign in names[0]), None)):
        return f"the file has one column; if its cells are separated by {separator!r}, write it with commas"
    near = get_close_matches(wanted, names, n=1, cutoff=0.6)
    listed = ", ".join(names[:_LISTED]) + (f", and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    return (f"did you mean {near[0]!r}? " if near else "") + f"there: {listed}"


def _shown(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def _blocks(part: Part, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield blocks of exactly `rows` rows but the last, whatever blocks the file has; of fewer where texts are long."""
    waiting: list[pa.RecordBatch] = []
    count = size_bytes = 0
    with readable(part.path) as read:
        for block in part.blocks(names, rows):
            read.rows += block.num_rows
            for piece in _cut(block, rows - count, rows):
                waiting.append(piece)
                count, size_bytes = count + piece.num_rows, size_bytes + piece.nbytes
                if count == rows or size_bytes >= _BLOCK_BYTES:
                    yield _joined(waiting)
                    waiting, count, size_bytes = [], 0, 0
        if count:
            yield _joined(waiting)


def _cut(block: pa.RecordBatch, first: int, rows: int) -> Iterable[pa.RecordBatch]:
    starts = [0, *range(first, block.num_rows, rows)]
    ends = [*starts[1:], block.num_rows]
    return (block.slice(start, end - start) for start, end in zip(starts, ends, strict=True) if end > start)


def _joined(blocks: list[pa.RecordBatch]) -> pa.RecordBatch:
    return blocks[0] if len(blocks) == 1 else pa.concat_batches(blocks)


def _rows(block: pa.RecordBatch, columns: Sequence[Column], names: Sequence[str], *, place: Place) -> Rows:
    numeric: dict[int, npt.NDArray[np.float64]] = {}
    text: dict[int, npt.NDArray[np.object_]] = {}
    for index, (column, name) in enumerate(zip(columns, names, strict=True)):
        cells, where = block.column(name), Where(place, name)
        if column.dtype == "string":
            text[index] = strings(cells, where)
        elif column.dtype == "float64":
            numeric[index] = numbers(cells, where, parse=place.has_header)
    return Rows(_side_by_side(numeric, (block.num_rows, len(columns))), text)


def _side_by_side(columns: dict[int, npt.NDArray[np.float64]], shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return a table with these columns, NaN in the others."""
    made = np.full(shape, np.nan) if len(columns) < shape[1] else np.empty(shape)
    for start in range(0, shape[0], _TILE_ROWS):
        tile = made[start : start + _TILE_ROWS]
        for index, cells in columns.items():
            tile[:, index] = cells[start : start + _TILE_ROWS]
    return made
