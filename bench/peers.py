"""What a user would pick instead: each peer turns a fitted model into a function from rows to answers, in one thread.

A peer that is not installed, or cannot take a model, says so in `Unavailable`; nothing stands in for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Score = Callable[[npt.NDArray[np.float64]], Any]

# lleaves compiles a model of this many leaves for minutes; BENCH_SLOW=1 waits for it.
_SLOW_LEAVES = 50_000


class Unavailable(Exception):
    """The message says why a peer gives no figure."""


def peer(name: str, model: Any, folder: Path) -> Score:
    """Return what `name`, a key of PEERS, makes of a fitted model; it may compile into `folder`."""
    try:
        return PEERS[name](model, folder)
    except ImportError as error:
        raise Unavailable(f"{name} is not installed: {error}") from error


def _lleaves(model: Any, folder: Path) -> Score:
    if not hasattr(model, "booster_"):
        raise Unavailable("lleaves compiles LightGBM models only")
    if model.n_estimators_ * model.num_leaves > _SLOW_LEAVES and os.environ.get("BENCH_SLOW") != "1":
        raise Unavailable("lleaves compiles this model for minutes: BENCH_SLOW=1 waits for it")
    compiled = import_module("lleaves").Model(model_file=_text(model, folder))
    compiled.compile()
    return lambda rows: compiled.predict(rows, n_jobs=1)


def _tl2cgen(model: Any, folder: Path) -> Score:
    tl2cgen = import_module("tl2cgen")
    if _leaves(model) > _SLOW_LEAVES and os.environ.get("BENCH_SLOW") != "1":
        raise Unavailable("tl2cgen compiles this model for minutes: BENCH_SLOW=1 waits for it")
    library = folder / "compiled.so"
    options = {"parallel_comp": os.cpu_count() or 1}
    tl2cgen.export_lib(_treelite(model, folder), toolchain="gcc", libpath=str(library), params=options)
    predictor = tl2cgen.Predictor(str(library), nthread=1)
    return lambda rows: predictor.predict(tl2cgen.DMatrix(rows))


def _onedal(model: Any, folder: Path) -> Score:
    daal4py = import_module("daal4py")
    daal4py.daalinit(1)
    try:
        converted = daal4py.mb.convert_model(getattr(model, "booster_", None) or _treelite(model, folder))
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise Unavailable(f"oneDAL takes no such model: {error}") from error
    if not hasattr(converted, "predict_proba"):  # it would answer with a regressor's sums
        raise Unavailable(f"oneDAL takes no {type(model).__name__} as a classifier")
    score: Score = converted.predict_proba
    return score


def _treelite(model: Any, folder: Path) -> Any:
    treelite = import_module("treelite")
    if hasattr(model, "booster_"):
        return treelite.frontend.load_lightgbm_model(_text(model, folder))
    try:
        return treelite.sklearn.import_model(model)
    except (treelite.TreeliteError, NotImplementedError, AttributeError) as error:
        raise Unavailable(f"treelite takes no {type(model).__name__}") from error


def _text(model: Any, folder: Path) -> str:
    path = folder / "model.txt"
    model.booster_.save_model(path)
    return str(path)


def _leaves(model: Any) -> int:
    if hasattr(model, "booster_"):
        return int(model.n_estimators_ * model.num_leaves)
    return sum(tree.tree_.n_leaves for tree in getattr(model, "estimators_", []) if hasattr(tree, "tree_"))


PEERS: dict[str, Callable[[Any, Path], Score]] = {"lleaves": _lleaves, "tl2cgen": _tl2cgen, "oneDAL": _onedal}
