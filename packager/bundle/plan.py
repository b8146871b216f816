"""What a bundle is made from: values that earlier stages decided, nothing measured by the clock among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature, Variant, Verdict
from packager.bundle.manifest import Json
from packager.dataset.rows import Rows

if TYPE_CHECKING:
    from packager.recipe.model import BundleSettings, Deploy
    from packager.recipe.parity import Tolerance

Outputs = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Golden:
    """Made rows and the native answers by `Output.name`: labels [n], probabilities [n, k], values [n] or [n, m]."""

    rows: Rows
    outputs: Outputs


@dataclass(frozen=True)
class ModelCard:
    """Facts for the README. Of `checks` only what was checked and its limit are told: figures differ by machine."""

    framework: str
    estimators: tuple[str, ...]
    checks: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class BundlePlan:
    """One bundle: `model` is the ONNX variant to serve, `tolerance` the limits it passed, `lock` recipe.lock.yml."""

    name: str
    version: str
    model: Variant
    signature: Signature
    tolerance: Tolerance
    settings: BundleSettings
    deploy: Deploy | None
    golden: Golden
    lineage: dict[str, Json]
    lock: str
    card: ModelCard
