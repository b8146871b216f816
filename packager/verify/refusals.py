"""Verification rows that the native model itself refuses: named by file, row and column, never by value."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from packager.artifact import Column, Signature
from packager.dataset.read import Batch
from packager.dataset.rows import Rows
from packager.errors import VerifyError

# How many columns a message lists.
_LISTED = 8


def refuse_refusals(batch: Batch, taken: npt.NDArray[np.bool_], signature: Signature) -> None:
    """Raise VerifyError where the native model refuses some row; `taken`, of shape [rows], are those that it takes."""
    refused = np.flatnonzero(~taken)
    if not len(refused):
        return
    first = int(refused[0])
    more = f", and {len(refused) - 1:,} more of the {len(taken):,} rows read with it" if len(refused) > 1 else ""
    where = f"{batch.place.row(first)} of {batch.place.file}" if batch.place else f"row {first:,}"
    reasons = _reasons(batch.rows.take(slice(first, first + 1)), signature)
    raise VerifyError(
        f"the registered model itself refuses {where}{more}{': ' if reasons else ''}{'; '.join(reasons)}",
        hint="verify with rows that the model can score: leave the others out, or prepare them as for training",
    )


def _reasons(row: Rows, signature: Signature) -> list[str]:
    """Say which cells of one row the model is known not to take."""
    columns: dict[str, list[str]] = {}
    for index, column in enumerate(signature.columns):
        texts = row.strings.get(index)
        reason = _reason(float(row.numbers[0, index]) if texts is None else texts[0], column)
        if reason:
            columns.setdefault(reason, []).append(column.name)
    return [f"{reason} in {_listed(names)}" for reason, names in columns.items()]


def _reason(cell: float | str | None, column: Column) -> str | None:
    if column.dtype == "any":
        return None
    if cell is None or cell != cell:
        return None if column.accepts_missing else "a missing cell"
    if column.known is not None:
        return None if cell in column.known else "a value that it does not know"
    if isinstance(cell, str):
        return None
    if math.isinf(cell):
        return "an infinite number"
    return None if column.least <= cell <= column.max_abs else "a number out of its range"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more columns" if len(names) > _LISTED else ""
    return ", ".join(map(repr, names[:_LISTED])) + more
