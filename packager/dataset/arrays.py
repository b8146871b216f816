"""Named arrays in one file: how rows and answers pass between processes. Needs numpy alone.

Each name and each array is an .npy record after the other. An .npz file would cost a checksum at both ends, which is
more than a quick model takes to score the rows. Nothing is pickled, and nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays of numbers or of fixed-width text; ValueError for objects."""
    with path.open("wb") as stream:
        for name, array in arrays.items():
            npy.write_array(stream, np.array(name), allow_pickle=False)
            npy.write_array(stream, array, allow_pickle=False)


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read what `write_arrays` wrote."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    with path.open("rb") as stream:
        while stream.peek(1):
            name = str(npy.read_array(stream, allow_pickle=False))
            arrays[name] = npy.read_array(stream, allow_pickle=False)
    return arrays
