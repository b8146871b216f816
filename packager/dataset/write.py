"""Rows out: one table of arrays in, one parquet file out, the same bytes each time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

# Readers take in a row group at a time.
ROW_GROUP_ROWS = 65_536


def write_table(path: Path, columns: Mapping[str, npt.NDArray[np.generic] | npt.NDArray[np.object_]]) -> None:
    """Write columns of equal length to a parquet file; None in an object array is a missing cell, NaN stays NaN."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({name: pa.array(cells, from_pandas=False) for name, cells in columns.items()})
    pq.write_table(table, path, row_group_size=ROW_GROUP_ROWS)
