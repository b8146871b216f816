"""What a bundle is made from: values that earlier stages decided, nothing measured by the clock among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from packager.artifact import VERIFIED_SETTINGS, SessionSettings, Signature, Variant, Verdict
from packager.bundle.manifest import Json
from packager.dataset.rows import Rows

if TYPE_CHECKING:
    from packager.recipe.deploy import Deploy
    from packager.recipe.model import BundleSettings
    from packager.recipe.parity import Tolerance

Outputs = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Golden:
    """Rows and the native answers by `Output.name`: labels [n], probabilities [n, k], values [n] or [n, m].

    `coverage`: per kind of thing (classes, categories, splits …) how many the rows reach of how many the model has.
    """

    rows: Rows
    outputs: Outputs
    coverage: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelCard:
    """Facts for the README. Of `checks` only what was checked and its limit are told: figures differ by machine."""

    framework: str
    estimators: tuple[str, ...]
    checks: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class BundlePlan:
    """One bundle: `model` is the ONNX variant to serve, `tolerance` the limits it passed, `lock` recipe.lock.yml.

    `binned`: the variant that serves in its place where it can; `model` is then the baseline, which stands by and has
    passed `baseline_tolerance`.
    `cpu_features` are those of this processor where the variant's answers depend on them, else None. `session` is how
    score.py runs the model.
    """

    name: str
    version: str
    model: Variant
    signature: Signature
    tolerance: Tolerance
    settings: BundleSettings
    deploy: Deploy
    golden: Golden
    lineage: dict[str, Json]
    lock: str
    card: ModelCard
    cpu_features: tuple[str, ...] | None = None
    session: SessionSettings = VERIFIED_SETTINGS
    binned: Variant | None = None
    baseline_tolerance: Tolerance | None = None

    @property
    def selected(self) -> Variant:
        """Return the variant that the build has selected."""
        return self.binned or self.model
