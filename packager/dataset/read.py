"""Verification rows in: parquet, CSV, feather, Arrow or npz files; `Batch`es of arrays out, in bounded memory.

Cells become what the model takes, exactly, or a VerifyError names file and column, never a value.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from packager.artifact import Column
from packager.dataset.cells import LabelKind, Where, blanks, label_kind, labels, nulls, numbers, strings, widest
from packager.dataset.parts import FORMATS, Part, open_part, readable
from packager.dataset.rows import Rows
from packager.errors import VerifyError

BATCH_ROWS = 10_000
# Columns become rows in tiles that stay in the processor's cache: a third of the time that whole columns take.
_TILE_ROWS = 1024
# How many columns or files a message lists.
_LISTED = 12


@dataclass(frozen=True)
class Batch:
    """Some rows in file order, and their labels, if a label was asked for."""

    rows: Rows
    label: npt.NDArray[np.generic] | None = None


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

    def batches(
        self, columns: Sequence[Column], *, label: str | None = None, batch_rows: int = BATCH_ROWS
    ) -> Iterator[Batch]:
        """Yield the rows in the order of `columns`, in batches of `batch_rows` but the last of each file.

        Labels keep their kind: int64, float64, bool, or an object array of str. VerifyError, before the first batch,
        if a column is missing or the label is not full; while reading, if a cell is not what its column takes.
        """
        names = [self._names(part, columns, label) for part in self.parts]
        kind = None if label is None else self._label_kind(label)
        return self._batches(list(zip(self.parts, names, strict=True)), columns, (label, kind), batch_rows)

    def _batches(
        self,
        parts: Sequence[tuple[Part, list[str]]],
        columns: Sequence[Column],
        label: tuple[str | None, LabelKind | None],
        batch_rows: int,
    ) -> Iterator[Batch]:
        seen = 0
        for part, names in parts:
            wanted = names if label[0] is None or label[0] in names else [*names, label[0]]
            for block in _blocks(part, wanted, batch_rows):
                seen += block.num_rows
                target = None
                if label[0] is not None and label[1] is not None:
                    target = labels(block.column(label[0]), Where(part.path, label[0]), label[1])
                yield Batch(_rows(block, columns, names, part=part), target)
        if seen == 0:
            raise VerifyError(f"{_shown(self.files)}: no rows to verify with")

    def _names(self, part: Part, columns: Sequence[Column], label: str | None) -> list[str]:
        """Return the names under which `part` has `columns`; VerifyError for those that it has not."""
        names = [column.name for column in columns]
        there = part.schema.names
        if label is not None and label not in there:
            raise VerifyError(f"{part.path}: no label column {label!r}", hint=_there(label, there))
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
        total = null = blank = 0
        for part in self.parts:
            where = Where(part.path, label)
            for block in _blocks(part, [label], BATCH_ROWS * 10):
                cells = block.column(label)
                total += len(cells)
                null += nulls(cells)
                blank += blanks(cells) if part.parse else nulls(cells)
                if kind := label_kind(cells, where, parse=part.parse):
                    kinds.add(kind)
        if total == 0:
            raise VerifyError(f"{_shown(self.files)}: no rows to verify with")
        found = widest(kinds)
        # Among texts "none" is a label like any other; only an empty cell is missing.
        if gaps := (null if found == "text" else blank):
            told = f"{_shown(self.files)}: label column {label!r} has missing labels"
            raise VerifyError(told, measured=f"{gaps} of {total} rows", limit=0, hint="remove those rows")
        if found is None or (len(kinds) > 1 and not all(part.parse for part in self.parts)):
            told = ", ".join(sorted(kinds))
            raise VerifyError(f"{_shown(self.files)}: label column {label!r} is of unlike types in its files: {told}")
        return found


def open_dataset(path_or_glob: str | Path) -> Dataset:
    """Open one file or all files of a glob; VerifyError if there is none, one is damaged, or their columns differ."""
    parts = tuple(open_part(path) for path in _files(str(path_or_glob)))
    for part in parts[1:]:
        _check_alike(parts[0], part)
    if sum(1 if part.num_rows is None else part.num_rows for part in parts) == 0:
        raise VerifyError(f"{_shown([part.path for part in parts])}: no rows to verify with")
    return Dataset(parts)


def _files(wanted: str) -> list[Path]:
    path = Path(wanted)
    if path.is_file():
        return [path]
    if path.is_dir():
        suffix = next((suffix for suffix in FORMATS if any(path.glob(f"*{suffix}"))), ".parquet")
        raise VerifyError(f"{path} is a folder, not rows", hint=f"name its files: {path / f'*{suffix}'}")
    found = [Path(name) for name in sorted(glob.glob(wanted, recursive=True)) if Path(name).is_file()]
    if found:
        return found
    if glob.has_magic(wanted):
        raise VerifyError(f"no files of rows match {wanted}")
    raise VerifyError(f"no file of rows at {path}", hint=_beside(path))


def _beside(path: Path) -> str | None:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    near = get_close_matches(path.name, [item.name for item in path.parent.iterdir()], n=3, cutoff=0.5)
    return f"beside it: {', '.join(near)}" if near else None


def _there(wanted: str, names: Sequence[str]) -> str:
    near = get_close_matches(wanted, names, n=1, cutoff=0.6)
    listed = ", ".join(names[:_LISTED]) + (f", and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
    return (f"did you mean {near[0]!r}? " if near else "") + f"there: {listed}"


def _shown(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def _check_alike(first: Part, other: Part) -> None:
    """Check that two files have the same columns, numbers where the other has numbers; their order may differ."""
    if differ := sorted(set(first.schema.names) ^ set(other.schema.names)):
        told = f"{other.path}: its columns are not those of {first.path}"
        raise VerifyError(told, hint=f"only one of them has {', '.join(differ[:_LISTED])}")
    if first.parse or other.parse:
        return
    for field in first.schema:
        kinds = (_kind(field.type), _kind(other.schema.field(field.name).type))
        if "empty" not in kinds and kinds[0] != kinds[1]:
            told = f"{other.path}: column {field.name!r} holds {kinds[1]}, in {first.path} it holds {kinds[0]}"
            raise VerifyError(told)


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind):
        return "empty"
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return "numbers"
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return "text" if text else str(kind)


def _blocks(part: Part, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield blocks of exactly `rows` rows but the last, whatever blocks the file has."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    with readable(part.path):
        for block in part.blocks(names, rows):
            for piece in _cut(block, rows - count, rows):
                waiting.append(piece)
                count += piece.num_rows
                if count == rows:
                    yield _joined(waiting)
                    waiting, count = [], 0
        if count:
            yield _joined(waiting)


def _cut(block: pa.RecordBatch, first: int, rows: int) -> Iterable[pa.RecordBatch]:
    starts = [0, *range(first, block.num_rows, rows)]
    ends = [*starts[1:], block.num_rows]
    return (block.slice(start, end - start) for start, end in zip(starts, ends, strict=True) if end > start)


def _joined(blocks: list[pa.RecordBatch]) -> pa.RecordBatch:
    return blocks[0] if len(blocks) == 1 else pa.concat_batches(blocks)


def _rows(block: pa.RecordBatch, columns: Sequence[Column], names: Sequence[str], *, part: Part) -> Rows:
    numeric: dict[int, npt.NDArray[np.float64]] = {}
    text: dict[int, npt.NDArray[np.object_]] = {}
    for index, (column, name) in enumerate(zip(columns, names, strict=True)):
        cells, where = block.column(name), Where(part.path, name)
        if column.dtype == "string":
            text[index] = strings(cells, where)
        elif column.dtype == "float64":
            numeric[index] = numbers(cells, where, parse=part.parse)
    return Rows(_side_by_side(numeric, (block.num_rows, len(columns))), text)


def _side_by_side(columns: dict[int, npt.NDArray[np.float64]], shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return a table with these columns, NaN in the others."""
    made = np.full(shape, np.nan) if len(columns) < shape[1] else np.empty(shape)
    for start in range(0, shape[0], _TILE_ROWS):
        tile = made[start : start + _TILE_ROWS]
        for index, cells in columns.items():
            tile[:, index] = cells[start : start + _TILE_ROWS]
    return made
