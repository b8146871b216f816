"""Decisions at business thresholds: how many rows a variant would decide otherwise than the native model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature

Outputs = dict[str, npt.NDArray[Any]]


class FlipCounter:
    """Counts flips of `score >= threshold`; the score is the second class's probability, or the value."""

    def __init__(self, signature: Signature, thresholds: Sequence[float]) -> None:
        self._thresholds = tuple(thresholds)
        roles = {output.role: output for output in signature.outputs}
        self._output = roles.get("probability") or roles.get("value")
        self.counts: dict[str, dict[str, int]] = {}

    def add(self, variant: str, native: Outputs, answers: Outputs) -> None:
        """Count the flips of one variant in one chunk of rows."""
        if not self._thresholds or self._output is None:
            return
        expected, found = (_scores(outputs[self._output.name]) for outputs in (native, answers))
        counts = self.counts.setdefault(variant, {})
        for threshold in self._thresholds:
            flipped = int(np.count_nonzero((expected >= threshold) != (found >= threshold)))
            counts[str(threshold)] = counts.get(str(threshold), 0) + flipped


def _scores(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return one score a row: of two classes the second, of several the largest."""
    if values.ndim == 1:
        return values
    return np.asarray(values[:, 1] if values.shape[1] == 2 else values.max(axis=1))
