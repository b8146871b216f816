"""Scoring: the original, our exact forms, the stock conversion and the peers; other rows in every call, one thread."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.models import NAMES, binned, converted, fitted, rows
from bench.peers import PEERS, Score, Unavailable, peer
from packager.binned.library import LibraryUnavailable
from packager.binned.model_file import NotApplicable
from packager.runtime.session import open_session
from packager.training.native import NativeModel

BATCHES = (1, 10, 100, 1_000, 10_000)
POOL = 40_000


@pytest.fixture(scope="module", params=NAMES)
def forms(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Score | str]]:
    """One model in every form that it has here; a text says why it has not."""
    name, folder = request.param, tmp_path_factory.mktemp("forms")
    made: dict[str, Score | str] = {"native": NativeModel(fitted(name)).scorer(threads=1)}
    for engine, dtype in (("own", "float64"), ("stock", "float32")):
        made[engine] = _session(name, folder, dtype=dtype, engine=engine)
    made["binned"] = _binned(name, folder)
    for other in PEERS:
        try:
            made[other] = peer(other, fitted(name), folder)
        except Unavailable as reason:
            made[other] = str(reason)
    return name, made


# The form changes fastest: what is compared is measured within seconds.
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("form", ["native", "own", "binned", "stock", *PEERS])
def test_latency(benchmark: Any, forms: tuple[str, dict[str, Score | str]], batch: int, form: str) -> None:
    name, made = forms
    benchmark.group = f"{name}, {batch} rows"
    score = made[form]
    if isinstance(score, str):
        pytest.skip(score)
    pool = rows(POOL)
    turns = cycle([pool[start : start + batch] for start in range(0, POOL - batch + 1, batch)])
    benchmark.extra_info |= {"model": name, "rows": batch, "form": form}
    benchmark(lambda: score(next(turns)))


def _binned(name: str, folder: Path) -> Score | str:
    """Return the binned form's `run` as a function of rows, or why there is none."""
    try:
        model = binned(name, folder)
    except (NotApplicable, LibraryUnavailable) as reason:
        return str(reason)
    return lambda part: model.run(["label", "probabilities"], {"features": part})


def _session(name: str, folder: Path, *, dtype: str, engine: str) -> Score:
    """Return `session.run` as a function of rows, which a graph of float32 is given in its own dtype."""
    variant, signature = converted(name, folder, dtype=dtype, engine=engine)
    session = open_session(Path(str(variant.path)), signature)
    names, inference, (entry,) = [output.name for output in signature.outputs], session.inference, signature.input_names
    return lambda part: inference.run(names, {entry: np.asarray(part, session.input_dtype)})
