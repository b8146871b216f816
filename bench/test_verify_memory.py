"""Verification streams: peak memory of a build over a million rows of 30 columns, in every process of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.models import COLUMNS, fitted, rows
from bench.watch import build_and_watch

MILLION = 1_000_000


def test_a_million_rows(benchmark: Any, tmp_path: Path) -> None:
    benchmark.group = "verify 1,000,000 rows x 30 columns"
    joblib.dump(fitted("logistic"), tmp_path / "model.joblib")
    names = [f"f{index}" for index in range(COLUMNS)]
    schema = pa.schema([*((name, pa.float64()) for name in names), ("target", pa.int64())])
    with pq.ParquetWriter(tmp_path / "rows.parquet", schema) as writer:
        for seed in range(10):
            part = rows(MILLION // 10, seed=seed + 10)
            columns = [*part.T, (part[:, 0] > 0).astype(np.int64)]
            writer.write_table(pa.table([pa.array(column) for column in columns], schema=schema))
            rows.cache_clear()
    recipe = {
        "recipe_version": 1,
        "name": "million",
        "version": "1",
        "source": {"uri": "model.joblib"},
        "data": {"verification": "rows.parquet", "label": "target"},
        "benchmark": {"batch_sizes": [1], "process": "skip"},
    }
    (tmp_path / "recipe.yml").write_text(json.dumps(recipe))
    benchmark.extra_info["peak_mib"] = benchmark.pedantic(build_and_watch, (tmp_path,), rounds=1) / 2**20
    report = json.loads((tmp_path / "dist" / "million-1" / "report" / "report.json").read_text())
    benchmark.extra_info["verify_s"] = report["timings_s"]["verify"]
