"""Converting: arrays to one TreeEnsemble, beside the stock converters in the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.models import fitted
from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.training.native import NativeModel, signature_of


@pytest.mark.parametrize("engine", ["own", "stock"])
@pytest.mark.parametrize("name", ["forest 200x14", "lightgbm 500x31"])
def test_convert(benchmark: Any, tmp_path: Path, name: str, engine: Any) -> None:
    benchmark.group = f"convert {name}"
    native = NativeModel(fitted(name))
    signature = signature_of(native)
    path = tmp_path / "model.onnx"
    dtype = np.dtype(np.float64 if engine == "own" else np.float32)
    arguments = (native.model, signature, path)
    keywords = {"dtype": dtype, "choices": Choices(engine=engine)}
    benchmark.pedantic(convert, arguments, keywords, rounds=3, warmup_rounds=1)
    benchmark.extra_info["file_bytes"] = path.stat().st_size
