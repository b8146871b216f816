"""Numerical parity: how far a variant's answers lie from the native ones, added up chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Output, Signature
from packager.recipe.parity import Tolerance
from packager.report.model import ErrorDistribution
from packager.verify.sketch import ERROR_EDGES, QuantileSketch, decades
from packager.verify.worst import Comparison, Errors, WorstRows

Outputs = dict[str, npt.NDArray[Any]]


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
    sketches: dict[str, QuantileSketch] = field(default_factory=dict)
    worst: WorstRows = field(default_factory=WorstRows)

    @property
    def mismatch_share(self) -> float:
        """Return the share of rows whose label differs, in [0, 1]."""
        return self.label_mismatches / self.labels if self.labels else 0.0

    def add(self, native: Outputs, variant: Outputs, numbers: npt.NDArray[np.intp] | None = None) -> None:
        """Compare the answers to the same rows; `numbers` are the rows' own, counted on where there are none."""
        compared = Comparison(native, variant, {}, {})
        for output in self.signature.outputs:
            expected, found = native[output.name], variant[output.name]
            if expected.shape != found.shape:
                self.malformed = f"{output.name} has shape {found.shape}, the native answer {expected.shape}"
            elif output.role == "label" or output.dtype == "string":
                self._add_labels(output, compared)
            else:
                self._add_values(output, compared)
        rows = len(next(iter(native.values())))
        if compared.labels or compared.errors:
            self.worst.add(compared, np.arange(self.rows, self.rows + rows) if numbers is None else numbers)
        self.rows += rows

    def add_failure(self, rows: int, reason: str) -> None:
        """Note that the variant gave no answers to `rows` rows."""
        self.malformed = reason
        self.rows += rows

    def distributions(self, variant: str) -> list[ErrorDistribution]:
        """Return the error histograms, one per numeric output."""
        return [
            ErrorDistribution(
                variant,
                name,
                self.exact[name],
                (0.0, *ERROR_EDGES, float("inf")),
                tuple(counts.tolist()),
                self.sketches[name].quantiles(),
            )
            for name, counts in self.counts.items()
        ]

    def _add_labels(self, output: Output, compared: Comparison) -> None:
        expected, found = compared.native[output.name], compared.variant[output.name]
        self.labels += len(expected)
        differs = ~same_labels(expected, found).reshape(len(expected), -1)
        mismatches = int(np.count_nonzero(differs.any(axis=1)))
        self.label_mismatches += mismatches
        if mismatches:
            compared.labels[output.name] = differs

    def _add_values(self, output: Output, compared: Comparison) -> None:
        expected, found = (outputs[output.name] for outputs in (compared.native, compared.variant))
        native, variant = (values.ravel().astype(np.float64, copy=False) for values in (expected, found))
        at = np.flatnonzero(native != variant)  # few, where a conversion is exact: only these are looked at
        native, variant = native[at], variant[at]
        alike = np.isnan(native) & np.isnan(variant)
        if alike.any():
            at, native, variant = at[~alike], native[~alike], variant[~alike]
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            error, size = np.abs(variant - native), np.abs(native)
            error[np.isnan(error)] = np.inf
            limit = self.tolerance.atol + self.tolerance.rtol * size
            limit[~np.isfinite(limit)] = 0.0
            relative = np.where(size != 0, error / size, 0.0)
        self.values += expected.size
        self.beyond += int(np.count_nonzero(error > limit))
        self.max_abs_error = max(self.max_abs_error, float(error.max(initial=0.0)))
        self.max_rel_error = max(self.max_rel_error, float(np.nanmax(relative, initial=0.0)))
        self._add_distribution(output.name, expected.size - at.size, error)
        if at.size:
            compared.errors[output.name] = Errors(at, error, limit, expected.size // len(expected))

    def _add_distribution(self, output: str, exact: int, errors: npt.NDArray[np.float64]) -> None:
        counts = np.zeros(len(ERROR_EDGES) + 1, dtype=np.int64)
        if errors.size:
            counts += np.bincount(decades(errors), minlength=len(counts))
        self.exact[output] = self.exact.get(output, 0) + exact
        self.counts[output] = self.counts.get(output, 0) + counts
        self.sketches.setdefault(output, QuantileSketch()).add(exact, errors)


def same_labels(expected: npt.NDArray[Any], found: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where labels are equal: text as text, whole numbers exactly, the rest as numbers; in their shape."""
    if expected.dtype.kind in "OUS" or found.dtype.kind in "OUS":
        return np.asarray(expected.astype(str) == found.astype(str))
    if expected.dtype.kind in "iu" and found.dtype.kind in "iu":
        return np.asarray(expected == found)
    return np.asarray(expected.astype(np.float64) == found.astype(np.float64))
