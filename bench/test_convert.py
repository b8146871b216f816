"""Converting: arrays to one TreeEnsemble, beside the stock converters in the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.models import converted, fitted


@pytest.mark.parametrize("engine", ["own", "stock"])
@pytest.mark.parametrize("name", ["forest 200x14", "lightgbm 500x31"])
def test_convert(benchmark: Any, tmp_path: Path, name: str, engine: str) -> None:
    fitted(name)
    benchmark.group = f"convert {name}"
    dtype = "float64" if engine == "own" else "float32"
    benchmark.pedantic(converted, (name, tmp_path), {"dtype": dtype, "engine": engine}, rounds=3, warmup_rounds=1)
    benchmark.extra_info["file_bytes"] = next(tmp_path.glob("*.onnx")).stat().st_size
