"""What is asked: distinct rows, the bundle that all servers' model comes from, and the trained model's own answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import joblib
import numpy as np
import numpy.typing as npt

from bench.models import converted, fitted, packed, rows
from bench.serving.contenders import Contender
from packager.artifact import Variant
from packager.bundle.plan import BundlePlan, Golden, ModelCard
from packager.bundle.write import write_bundle
from packager.dataset.rows import Rows
from packager.recipe.deploy import Deploy
from packager.recipe.model import BundleSettings
from packager.recipe.parity import Tolerance

MODEL = "lightgbm 500x31"
# Requests of each size before one comes again: more rows than any cache or branch predictor remembers.
BODIES = {1: 6_000, 100: 300, 1_000: 50}
CHECKED_ROWS = 100


@dataclass(frozen=True)
class Checked:
    """A request of CHECKED_ROWS rows: their JSON, and the trained model's probabilities."""

    rows: str
    probabilities: npt.NDArray[np.float64]


def write_model(folder: Path) -> tuple[Path, Path]:
    """Write our bundle, one of the ONNX form alone beside it, and the trained model; return the first and the last."""
    path = folder / "model.joblib"
    joblib.dump(fitted(MODEL), path)
    variant, signature = converted(MODEL, folder)
    made = rows(8, seed=11)
    one = fitted(MODEL).predict_proba(made)
    golden = Golden(Rows(made), {"label": one.argmax(axis=1), "probabilities": one})
    plan = BundlePlan(
        name="served",
        version="1",
        model=variant,
        signature=signature,
        tolerance=Tolerance(),
        settings=BundleSettings(),
        deploy=Deploy(),
        golden=golden,
        lineage={},
        lock="recipe_version: 1\n",
        card=ModelCard("lightgbm", ("LGBMClassifier",)),
    )
    binned = Variant("binned", "binned", "ok", path=packed(MODEL, folder))
    for name, its in (("bundle", replace(plan, binned=binned)), ("onnx-bundle", plan)):
        (folder / name).mkdir()
        write_bundle(its, folder / name)
    return folder / "bundle", path


def checked() -> Checked:
    """Return rows with the answers that every server must give to them."""
    asked = rows(CHECKED_ROWS, seed=12)
    return Checked(json.dumps(asked.tolist()), fitted(MODEL).predict_proba(asked))


@cache
def _texts(size: int) -> list[str]:
    """Return the rows of each request as JSON text."""
    parts = rows(BODIES[size] * size, seed=size).reshape(BODIES[size], size, -1)
    return [json.dumps(part.tolist()) for part in parts]


def write_bodies(contender: Contender, size: int, path: Path) -> None:
    """Write the contender's request bodies, one a line."""
    with path.open("w") as stream:
        stream.writelines(f"{contender.encode(text, size)}\n" for text in _texts(size))
