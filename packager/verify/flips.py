"""Decisions at business thresholds: how many rows a variant would decide otherwise than the native model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature
from packager.report.model import Flips

Outputs = dict[str, npt.NDArray[Any]]


class FlipCounter:
    """Counts flips of `score >= threshold`; a score is the second class's probability, or a value.

    Of several outputs, and of several labels or values a row, each is a decision of its own.
    """

    def __init__(self, signature: Signature, thresholds: Sequence[float]) -> None:
        self._thresholds = tuple(thresholds)
        self._outputs = [output.name for output in signature.outputs if output.role == "probability"]
        # Columns are classes where a row has one label, or each of its labels an output `probabilities_n` of its own.
        self._are_classes = signature.classes is not None or "probabilities" not in self._outputs
        if not self._outputs:
            self._outputs = [output.name for output in signature.outputs if output.role == "value"]
            self._are_classes = False
        self._counts: dict[tuple[str, float], npt.NDArray[np.int64]] = {}

    def add(self, variant: str, native: Outputs, answers: Outputs) -> None:
        """Count the flips of one variant in one chunk of rows."""
        for name in self._outputs if self._thresholds else ():
            expected, found = (self._scores(outputs[name]) for outputs in (native, answers))
            for threshold in self._thresholds:
                before, after = expected >= threshold, found >= threshold
                counts = np.array([before.size, np.count_nonzero(before & ~after), np.count_nonzero(after & ~before)])
                key = (variant, threshold)
                self._counts[key] = self._counts.get(key, np.zeros(3, dtype=np.int64)) + counts

    def flips(self) -> list[Flips]:
        """Return what was counted, per variant and threshold."""
        return [Flips(variant, threshold, *counts.tolist()) for (variant, threshold), counts in self._counts.items()]

    def _scores(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the scores that are compared: of two classes the second's, of several the largest, else all."""
        if values.ndim == 1 or not self._are_classes:
            return values
        return np.asarray(values[:, 1] if values.shape[1] == 2 else values.max(axis=1))
