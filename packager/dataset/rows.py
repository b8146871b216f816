"""Rows as arrays: what every stage and the source worker pass around. Needs numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from packager.artifact import MISSING_TEXT, Signature


@dataclass(frozen=True)
class Rows:
    """Rows in the model's column order.

    `numbers`: float64 of shape [rows, columns]; NaN is a missing cell, and text columns are NaN throughout.
    `strings`: per index of a text column an object array [rows] of str, None where the cell is missing.
    """

    numbers: npt.NDArray[np.float64]
    strings: dict[int, npt.NDArray[np.object_]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> Rows:
        """Return the rows at `index`, an integer or boolean array or a slice."""
        return Rows(self.numbers[index], {column: cells[index] for column, cells in self.strings.items()})

    def feeds(self, signature: Signature, dtype: npt.DTypeLike) -> dict[str, npt.NDArray[np.generic]]:
        """Return the graph's inputs by name: numbers cast to `dtype` (that of the graph), MISSING_TEXT for None."""
        with np.errstate(over="ignore"):  # 1e39 is infinite in float32, as it is for the served model
            numbers = np.ascontiguousarray(self.numbers, dtype=dtype)
        if signature.layout == "tensor":
            return {"features": numbers}
        return {
            name: _fed(self.strings[index]) if index in self.strings else numbers[:, index : index + 1]
            for index, name in enumerate(signature.input_names)
        }

    def save(self, path: Path) -> None:
        """Write the rows as .npz without pickled objects, so that any numpy reads them safely."""
        arrays: dict[str, npt.NDArray[np.generic]] = {"numbers": self.numbers}
        for column, cells in self.strings.items():
            missing = np.array([cell is None for cell in cells], dtype=bool)
            arrays[f"text_{column}"] = np.array(["" if cell is None else cell for cell in cells], dtype=np.str_)
            arrays[f"missing_{column}"] = missing
        np.savez(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Rows:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            strings = {}
            for key in arrays.files:
                if key.startswith("text_"):
                    cells = arrays[key].astype(object)
                    cells[arrays[key.replace("text_", "missing_")]] = None
                    strings[int(key.removeprefix("text_"))] = cells
            return cls(arrays["numbers"], strings)


def _fed(cells: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Return text cells as a graph takes them, of shape [rows, 1]."""
    filled = cells.copy()
    filled[[cell is None for cell in cells]] = MISSING_TEXT
    return filled.reshape(-1, 1)


def concatenate(parts: Sequence[Rows]) -> Rows:
    """Return the parts one after another; there must be at least one."""
    columns = parts[0].strings.keys()
    return Rows(
        np.concatenate([part.numbers for part in parts]),
        {column: np.concatenate([part.strings[column] for part in parts]) for column in columns},
    )
