"""The scoring script's `run()` beside the bare `session.run()` it cannot do without: other rows in every call.

`with log`: the server's own log handler writes each request's line, as under azmlinfsrv.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.models import COLUMNS, converted, fitted, rows
from packager.artifact import Variant
from packager.bundle.plan import BundlePlan, Golden, ModelCard
from packager.bundle.write import write_bundle
from packager.dataset.rows import Rows
from packager.recipe.deploy import Deploy
from packager.recipe.model import BundleSettings
from packager.recipe.parity import Tolerance

NAME = "lightgbm 500x31"
BATCHES = (1, 100, 1_000)
POOL = 20_000
# Digits after the point, as amounts and rates have them; a double has up to 17 digits, which take longer to read.
DIGITS = {"4 digits": 4, "all digits": None}


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Return score.py of a bundle, after its init()."""
    folder = tmp_path_factory.mktemp("score")
    bundle = folder / "bundle"
    bundle.mkdir()
    write_bundle(_plan(folder), bundle)
    spec = importlib.util.spec_from_file_location("entry_module", bundle / "code" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    os.environ["AZUREML_MODEL_DIR"] = str(bundle / "model")
    module.init()
    return module


@pytest.fixture
def log(tmp_path: Path) -> Iterator[logging.Logger]:
    """Return the script's logger with what azmlinfsrv attaches to it, writing to a file."""
    from azureml_inference_server_http.log_config import AMLLogFormatter

    logger = logging.getLogger("azmlinfsrv")
    with (tmp_path / "log").open("w") as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(AMLLogFormatter())
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        yield logger
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


# All is work of one thread: its processor time, which other processes disturb less.
@pytest.mark.benchmark(timer=time.thread_time)
@pytest.mark.parametrize("digits", DIGITS)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("form", ["session.run", "run", "run with log"])
def test_score(benchmark: Any, script: ModuleType, request: Any, form: str, batch: int, digits: str) -> None:
    benchmark.group = f"score.py, {NAME}, {batch} rows, {digits}"
    benchmark.extra_info |= {"model": NAME, "rows": batch, "form": form}
    parts = _parts(batch, DIGITS[digits])
    if form == "session.run":
        entry, names = script.INFO["inputs"][0], script.OUTPUTS
        inputs = cycle([{entry: part} for part in parts])
        benchmark(lambda: script.SESSION.run(names, next(inputs)))
        return
    if form == "run with log":
        request.getfixturevalue("log")
    # All are made before the first call, which would else be timed with it.
    bodies = cycle([json.dumps({"features": part.tolist()}).encode() for part in parts])
    assert script.run(next(bodies)).status_code == 200
    benchmark(lambda: script.run(next(bodies)))


def _parts(batch: int, digits: int | None) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    pool = rows(POOL) if digits is None else rows(POOL).round(digits)
    return [pool[start : start + batch] for start in range(0, POOL - batch + 1, batch)]


def _plan(folder: Path) -> BundlePlan:
    model, (made, signature) = fitted(NAME), converted(NAME, folder)
    few = np.random.default_rng(3).normal(size=(4, COLUMNS))
    outputs = {"label": model.predict(few), "probability": model.predict_proba(few)}
    return BundlePlan(
        name="bench",
        version="1",
        model=Variant("fp64", "fp64", "ok", path=made.path),
        signature=signature,
        tolerance=Tolerance(),
        settings=BundleSettings(),
        deploy=Deploy(),
        golden=Golden(Rows(few), {output.name: outputs[output.role] for output in signature.outputs}),
        lineage={},
        lock="recipe_version: 1\n",
        card=ModelCard("lightgbm", ("LGBMClassifier",)),
    )
