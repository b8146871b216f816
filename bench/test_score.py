"""score.py of a built bundle: `run()` for one row beside what it cannot do without, `session.run` and JSON parsing."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

RECIPES = Path(__file__).parents[1] / "recipes"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle")
    command = [sys.executable, "-m", "packager", "build", str(RECIPES / "fraud-lightgbm.yml"), "--out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*/bundle"))


def bodies(count: int, batch: int) -> list[str]:
    """Return request bodies of distinct rows for the fraud model."""
    random = np.random.default_rng(0)
    numbers = random.uniform(0, 40, (count, batch, 6)).round(2)
    numbers[:, :, 2] = np.floor(numbers[:, :, 2])
    return [json.dumps({"features": part.tolist()}) for part in numbers]


def run_of(bundle: Path) -> Callable[[str], Any]:
    """Return the `run` of the bundle's own script, after `init()`."""
    os.environ["AZUREML_MODEL_DIR"] = str(bundle / "model")
    spec = importlib.util.spec_from_file_location("score", bundle / "code" / "score.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("the bundle has no score.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.init()
    run: Callable[[str], Any] = module.run
    return run


@pytest.mark.parametrize("batch", [1, 100])
def test_run(benchmark: Any, bundle: Path, batch: int) -> None:
    benchmark.group = f"score {batch} rows"
    run, turns = run_of(bundle), cycle(bodies(200, batch))
    benchmark(lambda: run(next(turns)))


@pytest.mark.parametrize("batch", [1, 100])
def test_session_and_json(benchmark: Any, bundle: Path, batch: int) -> None:
    benchmark.group = f"score {batch} rows"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(bundle / "model" / "model.onnx"), options)
    turns = cycle(bodies(200, batch))
    benchmark(lambda: session.run(None, {"features": np.array(json.loads(next(turns))["features"])}))
