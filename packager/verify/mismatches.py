"""From the worst rows of each variant to what the report tells of them and what its script reproduces.

Made rows may be written anywhere. A verification row belongs to the user: it is told by file and number, and its
answers and cells only where the user asked to show values.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from packager.artifact import MISSING_TEXT, Output, Signature
from packager.dataset.read import Dataset
from packager.dataset.rows import Rows
from packager.report.model import Reproduction, WorstRow
from packager.verify.probes import KINDS, Probes
from packager.verify.verify import Subject
from packager.verify.worst import Difference

Cell = str | float | None
# Some 20 MB of text: wide tables of made rows go without the rows that each was scored together with.
_MOST_MADE_CELLS = 1_000_000


@dataclass(frozen=True)
class Located:
    """Where a verification row lies: its file below their common folder, its number there, its cells if shown."""

    file: str
    row: int
    cells: Rows | None = None


@dataclass(frozen=True)
class Origin:
    """Where the registered model and the rows came from, and how the model takes them: see `training.describe`."""

    artifact: Path
    data: Path | None
    sha256: str
    file_format: str
    calls: dict[str, Any]


def worst_rows(
    subjects: Sequence[Subject], probes: Probes, dataset: Dataset | None, *, shows_values: bool
) -> list[WorstRow]:
    """Return the worst rows of every variant, verification rows before made ones."""
    wanted = {one.row for subject in subjects for one in subject.data.worst.rows}
    places = {} if dataset is None else _places(dataset, wanted, subjects, shows_values=shows_values)
    found = []
    for subject in subjects:
        signature, name = subject.session.signature, subject.variant.name
        is_int8 = subject.variant.precision == "int8"  # it scales its numbers by all rows of a run
        for one in subject.data.worst.rows:
            place = places[one.row]
            told = _told(one, name, signature, cells=place.cells, shows_answers=shows_values)
            first = place.row - (one.row - int(one.beside[0]))
            beside = (first, first + len(one.beside)) if is_int8 else ()
            found.append(WorstRow(row=place.row, file=place.file, made_kind=None, beside=beside, **told))
        for one in subject.made.worst.rows:
            cells = probes.rows.take(slice(one.row, one.row + 1)) if shows_values else None
            told = _told(one, name, signature, cells=cells, shows_answers=True)
            kind, beside = KINDS[probes.kinds[one.row]], tuple(one.beside.tolist()) if is_int8 else ()
            found.append(WorstRow(row=one.row, file=None, made_kind=kind, beside=beside, **told))
    return found


def reproduction(
    cases: Sequence[WorstRow], subjects: Sequence[Subject], probes: Probes, *, origin: Origin
) -> Reproduction:
    """Return what a script needs to show these rows."""
    by_name = {subject.variant.name: subject for subject in subjects}
    signature = subjects[0].session.signature
    numbers = {number for row in cases if row.file is None for number in (row.row, *row.beside)}
    if len(numbers) * len(signature.columns) > _MOST_MADE_CELLS:
        cases = [replace(row, beside=()) for row in cases]
        numbers = {row.row for row in cases if row.file is None}
    made = {number: _plain_cells(probes.rows, number, signature) for number in sorted(numbers)}
    variants = {name: by_name[name] for name in dict.fromkeys(row.variant for row in cases)}
    document = {
        "artifact": {"path": str(origin.artifact), "sha256": origin.sha256, "format": origin.file_format},
        "data": None if origin.data is None else str(origin.data),
        "calls": origin.calls,
        "signature": {**asdict(signature), "missing_text": MISSING_TEXT},
        "variants": {name: _limits(subject) for name, subject in variants.items()},
        "cases": [_case(row) for row in cases],
        "made_rows": {str(number): cells for number, cells in made.items()},
    }
    paths = {name: subject.variant.path for name, subject in variants.items()}
    return Reproduction(document, {name: path for name, path in paths.items() if path is not None})


def _places(
    dataset: Dataset, wanted: set[int], subjects: Sequence[Subject], *, shows_values: bool
) -> dict[int, Located]:
    """Return the file of each row, counted over all files, and its number there; read the rows only to show them."""
    columns, folder = subjects[0].session.signature.columns, folder_of(dataset)
    counts = [part.num_rows for part in dataset.parts]
    if not shows_values and None not in counts[:-1]:  # nothing has to be read again
        begins = np.cumsum([0, *(count or 0 for count in counts[:-1])])
        files = {row: int(np.searchsorted(begins, row, side="right")) - 1 for row in wanted}
        names = [str(file.relative_to(folder)) for file in dataset.files]
        return {row: Located(names[file], row - int(begins[file])) for row, file in files.items()}
    found: dict[int, Located] = {}
    first = 0
    for batch in dataset.batches(columns) if wanted else ():
        for row in (row for row in wanted if first <= row < first + len(batch.rows)):
            if batch.place is not None:
                name, before = str(batch.place.file.relative_to(folder)), batch.place.before
                cells = batch.rows.take(slice(row - first, row - first + 1)) if shows_values else None
                found[row] = Located(name, before + row - first, cells)
        first += len(batch.rows)
        if len(found) == len(wanted):
            break
    return found


def folder_of(dataset: Dataset) -> Path:
    """Return the folder that the files of rows have in common."""
    return Path(os.path.commonpath([file.parent for file in dataset.files]))


def _told(
    one: Difference, variant: str, signature: Signature, *, cells: Rows | None, shows_answers: bool
) -> dict[str, Any]:
    output = next(output for output in signature.outputs if output.name == one.output)
    return {
        "variant": variant,
        "labels_differ": one.labels_differ,
        "output": one.output,
        "column": None if one.column is None else _column_name(output, one.column, signature),
        "error": one.error,
        "limit": one.limit,
        "native": _said(one.native) if shows_answers else None,
        "found": _said(one.found) if shows_answers else None,
        "cells": None if cells is None else _named_cells(cells, signature),
    }


def _column_name(output: Output, column: int, signature: Signature) -> str:
    """Return the class that a probability is of, else the number of the value."""
    is_class = output.role == "probability" and signature.classes is not None
    return str(signature.classes[column]) if is_class and signature.classes else str(column)


def _said(answer: object) -> str:
    return repr(float(answer)) if isinstance(answer, float) else str(answer)


def _limits(subject: Subject) -> dict[str, Any]:
    tolerance = subject.data.tolerance
    return {"sha256": subject.variant.sha256, "atol": tolerance.atol, "rtol": tolerance.rtol}


def _case(row: WorstRow) -> dict[str, Any]:
    """Return where a row lies and by how much it differed in the build."""
    kept = ("variant", "row", "file", "made_kind", "labels_differ", "output", "column", "beside")
    error = None if row.error is None else repr(row.error)
    return {**{name: getattr(row, name) for name in kept}, "error": error}


def _named_cells(rows: Rows, signature: Signature) -> dict[str, Cell]:
    cells = _plain_cells(rows, 0, signature)
    return dict(zip((column.name for column in signature.columns), cells, strict=True))


def _plain_cells(rows: Rows, row: int, signature: Signature) -> list[Cell]:
    """Return one row as JSON carries it: null for a missing cell, text for an infinity."""
    cells: list[Cell] = []
    for index in range(len(signature.columns)):
        cell = rows.strings[index][row] if index in rows.strings else float(rows.numbers[row, index])
        if isinstance(cell, float) and not math.isfinite(cell):
            cell = None if math.isnan(cell) else str(cell)
        cells.append(cell)
    return cells
