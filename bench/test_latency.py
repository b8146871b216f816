"""Scoring: the original, our exact form and the stock conversion, other rows in every call, one thread each."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.models import NAMES, converted, fitted, rows
from packager.dataset.rows import Rows
from packager.runtime.session import open_session
from packager.training.native import NativeModel

POOL = 20_000


@pytest.mark.parametrize("form", ["native", "own", "stock"])
@pytest.mark.parametrize("batch", [1, 100, 1000])
@pytest.mark.parametrize("name", NAMES)
def test_latency(benchmark: Any, tmp_path: Path, name: str, batch: int, form: str) -> None:
    benchmark.group = f"{name}, {batch} rows"
    pool = rows(POOL)
    batches = [pool[start : start + batch] for start in range(0, POOL - batch + 1, batch)]
    if form == "native":
        score = NativeModel(fitted(name)).scorer(threads=1)
        turns = cycle(batches)
        benchmark(lambda: score(next(turns)))
        return
    dtype = "float64" if form == "own" else "float32"
    variant, signature = converted(name, tmp_path, dtype=dtype, engine=form)
    session = open_session(Path(str(variant.path)), signature)
    feeds = cycle([Rows(np.asarray(part)).feeds(signature, session.input_dtype) for part in batches])
    names = [output.name for output in signature.outputs]
    benchmark(lambda: session.inference.run(names, next(feeds)))
