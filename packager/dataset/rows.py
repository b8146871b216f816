"""Rows as arrays: what every stage and the source worker pass around. Needs numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from packager.artifact import MISSING_TEXT, Signature
from packager.dataset.arrays import read_arrays, write_arrays


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
        """Write the rows to a file that needs no unpickling."""
        arrays: dict[str, npt.NDArray[np.generic]] = {"numbers": self.numbers}
        for column, cells in self.strings.items():
            arrays[f"lengths_{column}"], arrays[f"text_{column}"] = _packed(cells)
        write_arrays(path, arrays)

    @classmethod
    def load(cls, path: Path) -> Rows:
        """Read what `save` wrote."""
        arrays = read_arrays(path)
        columns = [int(name.removeprefix("text_")) for name in arrays if name.startswith("text_")]
        strings = {column: _unpacked(arrays[f"lengths_{column}"], arrays[f"text_{column}"]) for column in columns}
        return cls(arrays["numbers"], strings)


def _packed(cells: npt.NDArray[np.object_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return each cell's length in bytes, -1 where it is missing, and the bytes of all."""
    encoded = [None if cell is None else cell.encode("utf-8", "surrogatepass") for cell in cells]
    lengths = np.array([-1 if cell is None else len(cell) for cell in encoded], dtype=np.int64)
    return lengths, np.frombuffer(b"".join(cell for cell in encoded if cell), dtype=np.uint8)


def _unpacked(lengths: npt.NDArray[np.int64], text: npt.NDArray[np.uint8]) -> npt.NDArray[np.object_]:
    content, ends = text.tobytes(), np.cumsum(np.maximum(lengths, 0))
    cells = [
        None if length < 0 else content[end - length : end].decode("utf-8", "surrogatepass")
        for length, end in zip(lengths.tolist(), ends.tolist(), strict=True)
    ]
    return np.array(cells, dtype=object)


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
