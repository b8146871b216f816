"""The models that are measured, fitted on made rows with a fixed seed; each is fitted once a run."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from lightgbm import LGBMClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from packager.artifact import Signature, Variant
from packager.binned.library import library
from packager.binned.model_file import pack_model
from packager.binned.scorer import BinnedModel
from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.training.native import NativeModel, signature_of

COLUMNS = 30
TRAINING_ROWS = 20_000
Doubles = npt.NDArray[np.float64]


@cache
def rows(count: int, seed: int = 1) -> Doubles:
    """Return distinct made rows, of shape [count, 30]."""
    return np.random.default_rng(seed).normal(size=(count, COLUMNS))


@cache
def fitted(name: str) -> Any:
    """Return a fitted model: "lightgbm 500x31", "1000x127" or "50x31", "forest 200x14", "logistic" or "mlp 512x3"."""
    features = rows(TRAINING_ROWS, seed=0)
    noise = np.random.default_rng(2).normal(size=TRAINING_ROWS)
    target = (features[:, 0] * features[:, 1] + np.sin(features[:, 2] * 2) + noise / 2 > 0).astype(int)
    models = {
        "lightgbm 50x31": LGBMClassifier(n_estimators=50, num_leaves=31, verbose=-1, random_state=0),
        "lightgbm 500x31": LGBMClassifier(n_estimators=500, num_leaves=31, verbose=-1, random_state=0),
        "lightgbm 1000x127": LGBMClassifier(n_estimators=1_000, num_leaves=127, verbose=-1, random_state=0),
        "forest 200x14": RandomForestClassifier(200, max_depth=14, random_state=0, n_jobs=-1),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
        "mlp 512x3": make_pipeline(StandardScaler(), MLPClassifier((512, 512, 512), max_iter=3, random_state=0)),
    }
    return models[name].fit(features, target)


NAMES = ("lightgbm 500x31", "lightgbm 1000x127", "forest 200x14", "logistic", "mlp 512x3")


def converted(name: str, folder: Path, *, dtype: str = "float64", engine: Any = "own") -> tuple[Variant, Signature]:
    """Return the ONNX form of a fitted model, as the build makes it."""
    native = NativeModel(fitted(name))
    signature = signature_of(native)
    path = folder / f"{name.replace(' ', '_')}_{dtype}_{engine}.onnx"
    convert(native.model, signature, path, dtype=np.dtype(dtype), choices=Choices(engine=engine))
    return Variant(engine, "fp64" if dtype == "float64" else "fp32", "ok", path=path), signature


def packed(name: str, folder: Path) -> Path:
    """Return the file of a fitted model's binned form; NotApplicable where it has no trees."""
    path = folder / f"{name.replace(' ', '_')}.binned"
    if not path.exists():
        variant, _ = converted(name, folder)
        pack_model(Path(str(variant.path)), path)
    return path


def binned(name: str, folder: Path, *, threads: int = 1) -> BinnedModel:
    """Return the binned form of a fitted model, open."""
    return BinnedModel(packed(name, folder).read_bytes(), library(), threads=threads)
