"""Numerical parity: how far a variant's answers lie from the native ones, added up chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Output, Signature
from packager.recipe.parity import Tolerance
from packager.report.model import ErrorDistribution

Outputs = dict[str, npt.NDArray[Any]]

# Decades of absolute error that the report shows; errors below and above fall into the outer bins.
_EDGES = tuple(10.0**power for power in range(-18, 4))


@dataclass
class Tally:
    """What was found so far for one variant. Exact counts, nothing sampled."""

    signature: Signature
    tolerance: Tolerance
    rows: int = 0
    labels: int = 0
    label_mismatches: int = 0
    values: int = 0
    beyond: int = 0
    max_abs_error: float = 0.0
    max_rel_error: float = 0.0  # over values whose native one is not 0
    malformed: str | None = None
    exact: dict[str, int] = field(default_factory=dict)
    counts: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    @property
    def mismatch_share(self) -> float:
        """Return the share of rows whose label differs, in [0, 1]."""
        return self.label_mismatches / self.labels if self.labels else 0.0

    def add(self, native: Outputs, variant: Outputs) -> None:
        """Compare the answers to the same rows."""
        for output in self.signature.outputs:
            expected, found = native[output.name], variant[output.name]
            if expected.shape != found.shape:
                self.malformed = f"{output.name} has shape {found.shape}, the native answer {expected.shape}"
            elif output.role == "label" or output.dtype == "string":
                self._add_labels(expected, found)
            else:
                self._add_values(output, expected, found)
        self.rows += len(next(iter(native.values())))

    def add_failure(self, rows: int, reason: str) -> None:
        """Note that the variant gave no answers to `rows` rows."""
        self.malformed = reason
        self.rows += rows

    def distributions(self, variant: str) -> list[ErrorDistribution]:
        """Return the error histograms, one per numeric output."""
        return [
            ErrorDistribution(variant, name, self.exact[name], (0.0, *_EDGES, float("inf")), tuple(counts.tolist()))
            for name, counts in self.counts.items()
        ]

    def _add_labels(self, expected: npt.NDArray[Any], found: npt.NDArray[Any]) -> None:
        self.labels += len(expected)
        differs = ~same_labels(expected, found).reshape(len(expected), -1)
        self.label_mismatches += int(np.count_nonzero(differs.any(axis=1)))

    def _add_values(self, output: Output, expected: npt.NDArray[Any], found: npt.NDArray[Any]) -> None:
        native, variant = expected.astype(np.float64), found.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            error = np.abs(variant - native)
            same = (variant == native) | (np.isnan(variant) & np.isnan(native))
            error = np.where(same, 0.0, np.where(np.isnan(error), np.inf, error))
            limit = self.tolerance.atol + self.tolerance.rtol * np.abs(native)
            limit = np.where(np.isfinite(limit), limit, 0.0)
            relative = np.where(native != 0, error / np.abs(native), 0.0)
        self.values += error.size
        self.beyond += int(np.count_nonzero(error > limit))
        self.max_abs_error = max(self.max_abs_error, float(error.max(initial=0.0)))
        self.max_rel_error = max(self.max_rel_error, float(np.nanmax(relative, initial=0.0)))
        counts = np.histogram(error[~same], bins=[0.0, *_EDGES, np.inf])[0]
        self.exact[output.name] = self.exact.get(output.name, 0) + int(np.count_nonzero(same))
        self.counts[output.name] = self.counts.get(output.name, 0) + counts


def same_labels(expected: npt.NDArray[Any], found: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where labels are equal: text as text, whole numbers exactly, the rest as numbers; in their shape."""
    if expected.dtype.kind in "OUS" or found.dtype.kind in "OUS":
        return np.asarray(expected.astype(str) == found.astype(str))
    if expected.dtype.kind in "iu" and found.dtype.kind in "iu":
        return np.asarray(expected == found)
    return np.asarray(expected.astype(np.float64) == found.astype(np.float64))
