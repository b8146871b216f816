"""Rows of any form that a model is fitted on, as columns of cells: changed cell by cell, given back in their form.

The native model is asked in its own form, never through the program's rows, so that a mistake in those shows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature
from packager.dataset.rows import Rows

Form = Literal["array", "objects", "frame", "sparse", "list", "records"]
Cell = npt.NDArray[Any]


@dataclass(frozen=True)
class Cells:
    """`columns`: per column float64 numbers, or an object array of texts with None where one is missing."""

    form: Form
    names: tuple[str, ...]
    columns: tuple[Cell, ...]
    # Of a table: each column's own dtype.
    dtypes: tuple[Any, ...] = ()

    def __len__(self) -> int:
        return len(self.columns[0])

    @property
    def numeric(self) -> list[int]:
        return [index for index, column in enumerate(self.columns) if column.dtype != object]

    @property
    def texts(self) -> list[int]:
        return [index for index, column in enumerate(self.columns) if column.dtype == object]

    def take(self, index: Any) -> Cells:
        return replace(self, columns=tuple(column[index] for column in self.columns))

    def with_cells(self, rows: Any, column: int, values: Any) -> Cells:
        """Return the rows with other values in some cells of one column."""
        changed = self.columns[column].copy()
        changed[rows] = values
        return replace(self, columns=(*self.columns[:column], changed, *self.columns[column + 1 :]))

    def native(self) -> Any:
        """Return the rows in the form in which the model was fitted."""
        if self.form == "list":
            return self.columns[0].tolist()
        if self.form == "records":
            kept = [list(row) for row in zip(*(column.tolist() for column in self.columns), strict=True)]
            return [dict(zip(self.names, row, strict=True)) for row in kept]
        if self.form == "frame":
            return self._frame()
        if self.form == "objects":
            return np.stack([column.astype(object) for column in self.columns], axis=1)
        numbers = np.stack(self.columns, axis=1)
        if self.form == "sparse":
            from scipy.sparse import csr_matrix

            return csr_matrix(numbers)
        return numbers

    def _frame(self) -> Any:
        import pandas

        table = {}
        for name, column, dtype in zip(self.names, self.columns, self.dtypes, strict=True):
            table[name] = pandas.Series(_in_dtype(column, dtype))
        return pandas.DataFrame(table)

    def rows(self, signature: Signature) -> Rows:
        """Return the rows as the program passes them around; ValueError where its signature is of other columns."""
        if len(signature.columns) != len(self.columns):
            raise ValueError(f"the signature has {len(signature.columns)} columns, the model {len(self.columns)}")
        own = {name: index for index, name in enumerate(self.names)}
        order = [own.get(column.name, at) for at, column in enumerate(signature.columns)]
        numbers = np.full((len(self), len(order)), np.nan)
        strings: dict[int, npt.NDArray[np.object_]] = {}
        for at, (index, column) in enumerate(zip(order, signature.columns, strict=True)):
            if column.dtype == "any":
                continue
            if column.dtype == "string":
                strings[at] = _texts(self.columns[index])
            elif self.columns[index].dtype == object:
                raise ValueError(f"the signature reads the text column {at} as numbers")
            else:
                numbers[:, at] = self.columns[index]
        return Rows(numbers, strings)


def cells_of(held_out: Any) -> Cells:
    """Return the rows as cells; ValueError where they are no table."""
    if hasattr(held_out, "toarray"):
        numbers = np.asarray(held_out.toarray(), dtype=np.float64)
        return Cells("sparse", _numbered(numbers.shape[1]), tuple(numbers.T))
    if hasattr(held_out, "columns"):
        columns = tuple(_column(held_out[name].to_numpy(dtype=object)) for name in held_out.columns)
        return Cells("frame", tuple(map(str, held_out.columns)), columns, tuple(held_out.dtypes))
    if isinstance(held_out, list):
        names = tuple(sorted(held_out[0]))
        cells = tuple(_column(np.array([row[name] for row in held_out], dtype=object)) for name in names)
        return Cells("records", names, cells)
    array = np.asarray(held_out)
    if array.ndim == 1:
        return Cells("list", ("text",), (_column(array),))
    if array.ndim != 2:
        raise ValueError(f"rows of {array.ndim - 1} dimensions are no rows of a table")
    if array.dtype != object:
        return Cells("array", _numbered(array.shape[1]), tuple(array.T.astype(np.float64)))
    return Cells("objects", _numbered(array.shape[1]), tuple(_column(column) for column in array.T))


def concatenate(parts: list[Cells]) -> Cells:
    """Return the parts one after another."""
    joined = tuple(np.concatenate([part.columns[at] for part in parts]) for at in range(len(parts[0].columns)))
    return replace(parts[0], columns=joined)


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"feature_{index}" for index in range(count))


def _column(cells: Cell) -> Cell:
    import pandas

    missing = pandas.isna(cells.astype(object))
    if any(isinstance(cell, str) for cell in cells):
        texts = cells.astype(object)
        texts[missing] = None
        return texts
    return np.array([np.nan if hole else float(cell) for cell, hole in zip(cells, missing, strict=True)])


def _texts(column: Cell) -> npt.NDArray[np.object_]:
    return np.array([cell if cell is None or isinstance(cell, str) else str(cell) for cell in column], dtype=object)


def _in_dtype(column: Cell, dtype: Any) -> Any:
    """Return the cells in the dtype that the column was fitted with, as numbers where one does not fit into it."""
    import pandas

    if isinstance(dtype, pandas.CategoricalDtype):
        # A category that training has not seen stays one: it is no missing cell.
        known = {value if isinstance(value, str) else float(value): at for at, value in enumerate(dtype.categories)}
        unseen = [cell for cell in dict.fromkeys(column.tolist()) if cell is not None and cell == cell]
        unseen = [cell for cell in unseen if cell not in known]
        known |= {cell: at for at, cell in enumerate(unseen, start=len(known))}
        codes = [known.get(cell, -1) for cell in column.tolist()]
        return pandas.Categorical.from_codes(codes, categories=[*dtype.categories, *unseen], ordered=dtype.ordered)
    if column.dtype == object:
        return column if isinstance(dtype, np.dtype) else pandas.array(column, dtype=dtype)
    there = column[~np.isnan(column)] if not isinstance(dtype, np.dtype) else column  # pandas' own dtypes have holes
    whole = np.isfinite(there).all() and (there == np.round(there)).all() and (np.abs(there) < 2**31).all()
    fits = {"b": bool(whole and np.isin(there, (0, 1)).all()), "i": whole, "u": whole and (there >= 0).all()}
    if isinstance(dtype, np.dtype):
        return column.astype(dtype) if fits.get(dtype.kind) else column
    return pandas.array(column, dtype=dtype) if fits.get(dtype.kind, True) else column
