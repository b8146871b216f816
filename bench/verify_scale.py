"""Verify many rows, and time what no verification can do without: the native calls and `session.run` on the same rows.

usage: python -m bench.verify_scale MODEL ROWS [FOLDER]

MODEL is "logistic", "lightgbm 50x31" or "lightgbm 500x31"; rows lie in several parquet files of 30 columns, half of
them float32, and a label. Printed as JSON:
- `alone_s`: predict and predict_proba in one thread, plus `session.run` in one thread, on the same chunks; reading the
  rows is not counted;
- `verify_s`: the stage of a real build, one variant, with reading the rows, made rows and quality;
- `ratio`: the one over the other;
- `peak_mib`: the most resident memory of all processes of that build together, pages that they share counted in each.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.models import COLUMNS, fitted
from bench.watch import build_and_watch
from packager.dataset.read import open_dataset
from packager.runtime.session import open_session
from packager.training.native import NativeModel, signature_of

_ROWS_A_FILE, _ROWS_A_GROUP = 2_500_000, 500_000
_ROWS_A_CHUNK = 16_384
_NAMES = [f"f{index}" for index in range(COLUMNS)]
_SCHEMA = pa.schema(
    [*((name, pa.float32() if index % 2 else pa.float64()) for index, name in enumerate(_NAMES)), ("target", pa.int8())]
)


def main() -> None:
    """Print the figures of one model and one number of rows."""
    model, rows = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as made:
        folder = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        if not list(folder.glob("rows-*.parquet")):
            write_rows(folder, rows)
        print(json.dumps(measure(folder, model, rows), indent=1))


def measure(folder: Path, model: str, rows: int) -> dict[str, object]:
    """Build the model of that name against the rows in the folder; then time the two models alone on them."""
    joblib.dump(fitted(model), folder / "model.joblib")
    recipe = {
        "recipe_version": 1,
        "name": "scale",
        "version": "1",
        "source": {"uri": "model.joblib"},
        "data": {"verification": "rows-*.parquet", "label": "target", "features": _NAMES},
        "optimize": {"precisions": ["fp64"]},
        "benchmark": {"batch_sizes": [1], "process": "skip"},
    }
    (folder / "recipe.yml").write_text(json.dumps(recipe))
    peak = build_and_watch(folder)
    made = folder / "dist" / "scale-1"
    report = json.loads((made / "report" / "report.json").read_text())
    native_s, session_s = alone(folder, model, made / "bundle" / "model" / "model.onnx")
    verify_s = report["timings_s"]["verify"]
    return {
        "model": model,
        "rows": rows,
        "verified": report["verification"]["rows"],
        "native_s": native_s,
        "session_s": session_s,
        "alone_s": native_s + session_s,
        "verify_s": verify_s,
        "ratio": verify_s / (native_s + session_s),
        "peak_mib": peak / 2**20,
    }


def alone(folder: Path, model: str, onnx: Path) -> tuple[float, float]:
    """Return the seconds that the native calls and `session.run` take on all rows, each in one thread."""
    native = NativeModel(fitted(model))
    signature = signature_of(native)
    session = open_session(onnx, signature)
    native_s = session_s = 0.0
    columns = [replace(column, name=name) for column, name in zip(signature.columns, _NAMES, strict=True)]
    for batch in open_dataset(folder / "rows-*.parquet").batches(columns, batch_rows=_ROWS_A_CHUNK):
        feeds = batch.rows.feeds(signature, session.input_dtype)
        started = time.perf_counter()
        native.answers(batch.rows)
        between = time.perf_counter()
        session.inference.run(None, feeds)
        native_s, session_s = native_s + between - started, session_s + time.perf_counter() - between
    return native_s, session_s


def write_rows(folder: Path, rows: int) -> None:
    """Write rows with a label that depends on them, a row group at a time."""
    random = np.random.default_rng(7)
    for start in range(0, rows, _ROWS_A_FILE):
        path = folder / f"rows-{start // _ROWS_A_FILE:03}.parquet"
        with pq.ParquetWriter(path, _SCHEMA, compression="snappy") as writer:
            for done in range(start, min(start + _ROWS_A_FILE, rows), _ROWS_A_GROUP):
                count = min(_ROWS_A_GROUP, rows - done)
                features = random.normal(size=(COLUMNS, count))
                noise = random.normal(size=count) / 2
                target = (features[0] * features[1] + np.sin(features[2] * 2) + noise > 0).astype(np.int8)
                arrays = [pa.array(cells).cast(field.type) for cells, field in zip(features, _SCHEMA, strict=False)]
                writer.write_table(pa.table([*arrays, pa.array(target)], schema=_SCHEMA))


if __name__ == "__main__":
    main()
