"""Files of rows for the tests: one table in every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq

from packager.artifact import Column

ROWS = 2500
SUFFIXES = (".parquet", ".csv", ".feather", ".npz")


def column(name: str, dtype: str = "float64") -> Column:
    """Return a column of the model."""
    return Column(name, dtype, True, float("inf"))  # type: ignore[arg-type]


def table() -> pa.Table:
    """Return a table of numbers, text and a label, without missing cells, so that every format can hold it."""
    generator = np.random.default_rng(7)
    return pa.table(
        {
            "amount": generator.normal(size=ROWS) * 10.0 ** generator.integers(-20, 20, ROWS),
            "hour": generator.integers(0, 24, ROWS),
            "country": generator.choice(["de", "fr", 'ü, "x"\ny'], ROWS).tolist(),
            "is_fraud": generator.integers(0, 2, ROWS),
        }
    )


def write(path: Path, rows: pa.Table) -> Path:
    """Write a table in the format of the path's suffix."""
    if path.suffix == ".parquet":
        pq.write_table(rows, path, row_group_size=700)
    elif path.suffix == ".csv":
        pa.csv.write_csv(rows, path)
    elif path.suffix == ".feather":
        pyarrow.feather.write_feather(rows, path, chunksize=300)
    else:
        columns = {name: rows[name].to_numpy() for name in rows.column_names}
        np.savez_compressed(
            path, **{name: cells.astype(str) if cells.dtype == object else cells for name, cells in columns.items()}
        )
    return path
