"""Arrays in an .npz file, streamed from the archive: `X` with one row per row, or one array per column.

Headers are believed only as far as the bytes go, and nothing is unpickled.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from packager.errors import VerifyError

MATRIX = "X"


@dataclass(frozen=True)
class _Member:
    """One array: where in the archive it is, and what its header says."""

    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    by_columns: bool

    @property
    def columns(self) -> list[str]:
        return [self.name] if len(self.shape) == 1 else [f"x{index}" for index in range(self.shape[1])]


@dataclass(frozen=True)
class NpzPart:
    """An .npz file: `positional` columns x0, x1, … of `X`, if it has that, and every other array of the same length."""

    path: Path
    members: tuple[_Member, ...]
    num_rows: int
    parse: bool = False

    @classmethod
    def open(cls, path: Path) -> NpzPart:
        """Read the headers; VerifyError if the arrays are not columns of one table."""
        with zipfile.ZipFile(path) as archive:
            members = tuple(_header(path, archive, name) for name in archive.namelist() if name.endswith(".npy"))
        lengths = {member.name: member.shape[0] for member in members}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length}" for name, length in list(lengths.items())[:8])
            raise VerifyError(f"{path}: the arrays have unlike lengths: {told}")
        if not members:
            raise VerifyError(f"{path}: the file holds no arrays")
        return cls(path, members, members[0].shape[0])

    @property
    def schema(self) -> pa.Schema:
        """Return the columns and their types."""
        return pa.schema([(name, _arrow_type(member)) for member in self.members for name in member.columns])

    @property
    def about_rows(self) -> int:
        """Return the number of rows."""
        return self.num_rows

    @property
    def positional(self) -> int:
        """Return how many features have an order but no names."""
        return next((member.shape[1] for member in self.members if len(member.shape) == 2), 0)

    def blocks(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Yield blocks of at most `rows` rows, each array read in step with the others."""
        with zipfile.ZipFile(self.path) as archive, ExitStack() as stack:
            wanted = [member for member in self.members if set(member.columns) & set(names)]
            readers = [(member, _reader(archive, member, stack)) for member in wanted]
            for start in range(0, self.num_rows, rows):
                columns: dict[str, npt.NDArray[np.generic]] = {}
                for member, read in readers:
                    block = read(min(rows, self.num_rows - start))
                    for index, name in enumerate(member.columns):
                        columns[name] = block if block.ndim == 1 else block[:, index]
                yield pa.RecordBatch.from_arrays([_arrow(columns[name]) for name in names], names=list(names))


def _reader(archive: zipfile.ZipFile, member: _Member, stack: ExitStack) -> Callable[[int], npt.NDArray[np.generic]]:
    """Return a function that reads the next rows of one array; one stored by columns is taken in whole."""
    stream = stack.enter_context(archive.open(f"{member.name}.npy"))
    _read_header(stream)
    if not member.by_columns:
        return lambda rows: _read(stream, member.dtype, (rows, *member.shape[1:]))
    return _Whole(_read(stream, member.dtype, member.shape[::-1]).T)


@dataclass
class _Whole:
    """An array in memory that is handed out in blocks."""

    array: npt.NDArray[np.generic]
    start: int = 0

    def __call__(self, rows: int) -> npt.NDArray[np.generic]:
        block = self.array[self.start : self.start + rows]
        self.start += rows
        return block


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Return shape, whether stored by columns, and dtype; ValueError if the header is none."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        return readers[np.lib.format.read_magic(stream)](stream)
    except (LookupError, SyntaxError, TypeError, OverflowError, tokenize.TokenError) as error:
        raise ValueError("not the header of an array") from error


def _header(path: Path, archive: zipfile.ZipFile, file: str) -> _Member:
    name = file.removesuffix(".npy")
    with archive.open(file) as stream:
        shape, by_columns, dtype = _read_header(stream)
    if dtype.hasobject:
        hint = "save text as arrays of dtype str, and no objects"
        raise VerifyError(f"{path}: array {name!r} holds pickled objects, which are never loaded", hint=hint)
    if dtype.kind not in "biufU" or (dtype.itemsize > 8 and dtype.kind == "f"):
        raise VerifyError(f"{path}: array {name!r} holds {dtype}, which is neither numbers nor text")
    if len(shape) != 1 and (len(shape), name) != (2, MATRIX):
        hint = f"one array of shape [rows] per column, or all features in order as {MATRIX!r} of shape [rows, columns]"
        raise VerifyError(f"{path}: array {name!r} has {len(shape)} dimensions", hint=hint)
    return _Member(name, dtype, shape, by_columns and len(shape) == 2)


def _read(stream: IO[bytes], dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> npt.NDArray[np.generic]:
    size = math.prod(shape) * dtype.itemsize
    content = stream.read(size)
    if len(content) != size:
        raise EOFError("an array ends early")
    return np.frombuffer(content, dtype).reshape(shape) if size else np.zeros(shape, dtype)


def _arrow(column: npt.NDArray[np.generic]) -> pa.Array:
    return pa.array(np.ascontiguousarray(column.astype(column.dtype.newbyteorder("="), copy=False)))


def _arrow_type(member: _Member) -> pa.DataType:
    return pa.string() if member.dtype.kind == "U" else pa.from_numpy_dtype(member.dtype.newbyteorder("="))
