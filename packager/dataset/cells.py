"""One column of Arrow cells in, one numpy array out: exactly, or a VerifyError that names file and column.

No error tells a value: verification rows may be people's data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from packager.errors import VerifyError

LabelKind = Literal["integer", "decimal", "boolean", "text"]

# What the usual writers put into a cell of numbers that is missing, in lower case.
MISSING = ("", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none")
# Whole numbers up to here are exact in float64, as which all numbers travel.
MAX_EXACT = 2**53
_INTEGER = r"^[+-]?[0-9]{1,18}$"
_LONG_INTEGER = r"^[+-]?[0-9]{16,}$"
_INEXACT = "holds whole numbers beyond 2**53, which float64 cannot hold exactly"
_TEXT = "holds text{}; the model takes numbers"
_TEXT_HINT = "encode it as was done for training, or name other columns in data.features"
_INEXACT_HINT = "identifiers are no features; leave the column out, or make it text before training"


@dataclass(frozen=True)
class Place:
    """Where rows lie: their file, and how many rows of it are before them."""

    file: Path
    before: int = 0
    has_header: bool = False

    def row(self, index: int) -> str:
        """Name one of the rows as the tools that open such a file number them."""
        number = self.before + index
        return (
            f"row {number + 2:,} (the header is row 1)" if self.has_header else f"row {number:,} (the first is row 0)"
        )


@dataclass(frozen=True)
class Where:
    """The column that is converted, for messages."""

    place: Place
    column: str

    def error(self, told: str, hint: str | None = None) -> VerifyError:
        """Return the VerifyError that says what is wrong with this column."""
        return VerifyError(f"{self.place.file}: column {self.column!r} {told}", hint=hint)


def numbers(cells: pa.Array, where: Where, *, parse: bool) -> npt.NDArray[np.float64]:
    """Return float64 with NaN for missing cells; `parse`: text may stand for numbers, as in a CSV file."""
    cells = _decoded(cells)
    kind = cells.type
    if pa.types.is_boolean(kind):
        cells = cells.cast(pa.uint8())
    elif _is_text(kind) and parse:
        cells = _parsed(cells, where)
    elif _is_text(kind):
        raise where.error(_TEXT.format(""), _TEXT_HINT)
    elif pa.types.is_null(kind):
        cells = cells.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise where.error(f"holds {kind}; the model takes numbers", "turn it into numbers as was done for training")
    try:
        made: npt.NDArray[np.float64] = cells.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        raise where.error(_INEXACT, _INEXACT_HINT) from None
    if pa.types.is_decimal(kind) and kind.scale <= 0 and np.nanmax(np.abs(made), initial=0) > MAX_EXACT:
        raise where.error(_INEXACT, _INEXACT_HINT)
    return made


def strings(cells: pa.Array, where: Where) -> npt.NDArray[np.object_]:
    """Return an object array of str, None where a cell is missing."""
    cells = _decoded(cells)
    if pa.types.is_null(cells.type):
        cells = cells.cast(pa.string())
    if not _is_text(cells.type):
        raise where.error(f"holds {cells.type}; the model takes text")
    try:
        made: npt.NDArray[np.object_] = cells.to_numpy(zero_copy_only=False)
    except (pa.ArrowException, UnicodeDecodeError):
        raise where.error("holds text that is not UTF-8") from None
    return made.astype(object, copy=False)


def labels(cells: pa.Array, where: Where, kind: LabelKind) -> npt.NDArray[np.generic]:
    """Return a full column of labels of one kind: int64, float64, bool, or an object array of str."""
    cells = _decoded(cells)
    if kind == "text":
        return strings(cells, where)
    if kind == "boolean":
        if _is_text(cells.type):
            cells = pc.equal(pc.utf8_lower(pc.utf8_trim_whitespace(cells)), "true")
        made: npt.NDArray[np.generic] = cells.to_numpy(zero_copy_only=False)
        return made
    if kind == "integer":
        if _is_text(cells.type):
            cells = pc.utf8_ltrim(pc.utf8_trim_whitespace(cells), "+")
        return _whole(cells, where)
    return numbers(cells, where, parse=True)


def categories(cells: pa.Array, *, parse: bool) -> tuple[list[str | None], npt.NDArray[np.int64]]:
    """Return the values that occur as text, None for missing ones, and each cell's position among them."""
    cells = _decoded(cells)
    if pa.types.is_floating(cells.type):
        cells = pc.if_else(pc.is_nan(cells), None, cells)
    elif parse:
        cells = pc.if_else(_blank(cells), None, cells)
    encoded = pc.dictionary_encode(cells, null_encoding="encode")
    return [_name(value) for value in encoded.dictionary.to_pylist()], encoded.indices.to_numpy().astype(np.int64)


def _name(value: object) -> str | None:
    """Return a value as text, the same for a number however it is stored."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None else str(value)


def nulls(cells: pa.Array) -> int:
    """Return how many cells are null, or not a number."""
    cells = _decoded(cells)
    if pa.types.is_floating(cells.type):
        cells = pc.if_else(pc.is_nan(cells), None, cells)
    return int(cells.null_count)


def blanks(cells: pa.Array) -> int:
    """Return how many cells of text are null or what stands for a missing number; `nulls` for other cells."""
    cells = _decoded(cells)
    return int(pc.sum(_blank(cells)).as_py() or 0) if _is_text(cells.type) else nulls(cells)


def label_kind(cells: pa.Array, where: Where, *, parse: bool) -> LabelKind | None:
    """Return what kind of label these cells hold; `parse`: text is read as the narrowest kind it can be.

    None if text that is parsed has no cell that is not blank.
    """
    cells = _decoded(cells)
    kind = cells.type
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "decimal"
    if not _is_text(kind):
        raise where.error(f"holds {kind}, which is no label")
    if not parse:
        return "text"
    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(pc.drop_null(pc.if_else(_blank(cells), None, cells))))
    if len(trimmed) == 0:
        return None
    if pc.all(pc.match_substring_regex(trimmed, _INTEGER)).as_py():
        return "integer"
    if pc.all(pc.is_in(trimmed, value_set=pa.array(["true", "false"], trimmed.type))).as_py():
        return "boolean"
    try:
        trimmed.cast(pa.float64())
    except pa.ArrowInvalid:
        return "text"
    return "decimal"


def widest(kinds: set[LabelKind]) -> LabelKind | None:
    """Return the kind that holds all `kinds` of a column that was parsed from text in blocks."""
    if len(kinds) <= 1:
        return next(iter(kinds), None)
    return "decimal" if kinds <= {"integer", "decimal"} else "text"


def _whole(cells: pa.Array, where: Where) -> npt.NDArray[np.int64]:
    try:
        made: npt.NDArray[np.int64] = cells.cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        raise where.error("holds labels beyond the range of int64") from None
    return made


def _parsed(cells: pa.Array, where: Where) -> pa.Array:
    """Return float64 for cells of text."""
    try:
        made = cells.cast(pa.float64())
    except pa.ArrowInvalid:
        made = _parsed_leniently(cells, where)
    if (pc.max(pc.abs(made)).as_py() or 0) >= MAX_EXACT:
        trimmed = pc.utf8_trim_whitespace(cells)
        long = trimmed.filter(pc.match_substring_regex(trimmed, _LONG_INTEGER), null_selection_behavior="drop")
        if any(abs(int(cell.as_py())) > MAX_EXACT for cell in long):
            raise where.error(_INEXACT, _INEXACT_HINT)
    return made


def _parsed_leniently(cells: pa.Array, where: Where) -> pa.Array:
    """Return float64 where cells are blank, or true and false, which count as 1 and 0 as booleans do everywhere."""
    cells = pc.utf8_trim_whitespace(pc.if_else(_blank(cells), None, cells))
    lower = pc.utf8_lower(cells)
    cells = pc.if_else(pc.equal(lower, "true"), "1", pc.if_else(pc.equal(lower, "false"), "0", cells))
    try:
        return cells.cast(pa.float64())
    except pa.ArrowInvalid:
        first = where.place.row(_first_unparsed(cells))
        raise where.error(_TEXT.format(f", first in {first}"), _TEXT_HINT) from None


def _first_unparsed(cells: pa.Array) -> int:
    """Return the first cell of text that is no number; there must be one."""
    start, end = 0, len(cells)
    while end - start > 1:
        middle = (start + end) // 2
        try:
            cells.slice(start, middle - start).cast(pa.float64())
            start = middle
        except pa.ArrowInvalid:
            end = middle
    return start


def _blank(cells: pa.Array) -> pa.Array:
    marked = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(cells)), value_set=pa.array(MISSING, pa.large_string()))
    return pc.or_(pc.is_null(cells), pc.fill_null(marked, True))


def _decoded(cells: pa.Array) -> pa.Array:
    """Return the cells without dictionary or run-end encoding, and text in the one type that all of this takes."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if pa.types.is_run_end_encoded(cells.type):
        cells = pc.run_end_decode(cells)
    return cells.cast(pa.large_string()) if _is_text(cells.type) else cells


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
