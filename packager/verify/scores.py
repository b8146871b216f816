"""Scores as pictures need them, in exact counts of bounded size: native against variant, and how often they come true.

A score is the probability of the second of two classes, of the likeliest of several, or a value.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import NATIVE, Signature
from packager.report.model import Calibration, ScoreMap
from packager.verify.sketch import ERROR_EDGES, decades

Outputs = dict[str, npt.NDArray[Any]]
Doubles = npt.NDArray[np.float64]

# Cells on a side: what a picture of a telephone's width can show.
SIDE = 64
# The usual number of bins of a calibration curve.
CALIBRATION_BINS = 10
# Of values that are all alike a cell is still this part of them wide, where doubles tell apart 2e-16.
_NARROWEST = 1e-12
# Scores beyond this are left out, as infinities are: the edges of their cells would be infinite.
_FURTHEST = 1e300


class Scores:
    """What is told of the scores of one variant, added up chunk by chunk; nothing where there is no one score a row."""

    def __init__(self, signature: Signature) -> None:
        self._classes = signature.classes
        numeric = [output for output in signature.outputs if output.role != "label" and output.dtype != "string"]
        is_scored = len(numeric) == 1 and signature.task != "transformer"
        self._output = numeric[0].name if is_scored else None
        several = is_scored and numeric[0].width > 1
        self._is_probability = several and numeric[0].role == "probability"
        if self._is_probability and (self._classes is None or len(self._classes) != numeric[0].width):
            self._output = None  # a probability for each of several labels: no row has one score
        self._grid = ScoreGrid(is_probability=self._is_probability)
        self._before, self._after = CalibrationCounts(), CalibrationCounts()

    def add(self, native: Outputs, variant: Outputs, truth: npt.NDArray[np.int32] | None) -> None:
        """Add a chunk; `truth` holds the positions of the true labels among the classes."""
        if self._output is None or native[self._output].shape != variant[self._output].shape:
            return
        expected, found = (outputs[self._output].astype(np.float64) for outputs in (native, variant))
        if not self._is_probability:
            self._grid.add(expected.ravel(), found.ravel())
            return
        of_native = self._likeliest(expected)
        scores = _picked(expected, of_native)
        self._grid.add(scores, _picked(found, of_native))
        if truth is not None:
            of_variant = self._likeliest(found)
            self._before.add(scores, np.equal(of_native, truth))
            self._after.add(_picked(found, of_variant), np.equal(of_variant, truth))

    def score_maps(self, variant: str) -> list[ScoreMap]:
        """Return the map of native and variant scores, none where nothing was added."""
        return [self._grid.score_map(variant, self._said())] if self._grid.rows else []

    def calibrations(self, variant: str) -> list[Calibration]:
        """Return the curves of the native model and of the variant, none without labels."""
        if not self._before.rows:
            return []
        return [self._before.calibration(NATIVE, self._said()), self._after.calibration(variant, self._said())]

    def _likeliest(self, probabilities: Doubles) -> npt.NDArray[np.intp] | int:
        """Return the column of the score, [rows]; one for all rows where there are two: the second."""
        return 1 if probabilities.shape[1] == 2 else np.asarray(probabilities.argmax(axis=1))

    def _said(self) -> str:
        if not self._is_probability:
            return "value"
        if self._classes is not None and len(self._classes) == 2:
            return f"probability of {self._classes[1]}"
        return "probability of the likeliest class"


def _picked(probabilities: Doubles, columns: npt.NDArray[np.intp] | int) -> Doubles:
    if isinstance(columns, int):
        return np.ascontiguousarray(probabilities[:, columns])
    return probabilities[np.arange(len(probabilities)), columns]


class ScoreGrid:
    """Exact counts of pairs of scores on SIDE x SIDE cells, and of their differences by decade.

    Probabilities have the cells of [0, 1]. Of other values a cell is as wide as a power of two, and doubles, two cells
    becoming one, whenever a value comes that lies outside: counts stay exact and no range has to be known beforehand.
    """

    def __init__(self, *, is_probability: bool) -> None:
        self._grows = not is_probability
        self._step = 1 / SIDE
        self._first = 0
        self._pairs = np.zeros((SIDE, SIDE), dtype=np.int64)
        self._deviations = np.zeros((SIDE, len(ERROR_EDGES) + 2), dtype=np.int64)
        self.rows = 0
        self._left_out = 0

    def add(self, native: Doubles, variant: Doubles) -> None:
        """Add pairs of scores, each [rows]."""
        finite = (np.abs(native) < _FURTHEST) & (np.abs(variant) < _FURTHEST)  # NaN is not
        if not finite.all():
            self._left_out += len(native) - int(np.count_nonzero(finite))
            native, variant = native[finite], variant[finite]
        if not len(native):
            return
        if self._grows:
            self._reach(float(min(native.min(), variant.min())), float(max(native.max(), variant.max())))
        x = self._cells(native)
        equal = np.bincount(x, minlength=SIDE)
        apart = np.flatnonzero(native != variant)  # few, where a conversion is exact
        if apart.size:
            native, variant, x = native[apart], variant[apart], x[apart]
            equal -= np.bincount(x, minlength=SIDE)
            _count(self._pairs, x, self._cells(variant))
            _count(self._deviations, x, 1 + decades(np.abs(variant - native)))
        self._pairs[np.arange(SIDE), np.arange(SIDE)] += equal
        self._deviations[:, 0] += equal
        self.rows += int(np.count_nonzero(finite))

    def score_map(self, variant: str, score: str) -> ScoreMap:
        """Return the cells that hold anything."""
        pairs, deviations = (
            tuple((int(i), int(j), int(counts[i, j])) for i, j in np.argwhere(counts))
            for counts in (self._pairs, self._deviations)
        )
        edges = (0.0, *ERROR_EDGES, math.inf)
        return ScoreMap(variant, score, self._first * self._step, self._step, pairs, deviations, edges, self._left_out)

    def _cells(self, scores: Doubles) -> npt.NDArray[np.intp]:
        return _whole(np.floor(scores / self._step) - self._first, SIDE)

    def _reach(self, low: float, high: float) -> None:
        """Widen the cells until they hold both values as well; what was counted moves along, two cells into one."""
        width = max(high / SIDE - low / SIDE, _NARROWEST * max(abs(high), abs(low)), sys.float_info.min)
        step = 2.0 ** math.ceil(math.log2(width))
        if not self.rows:
            self._step, self._first = step, math.floor(low / step)
        doublings = 0
        while self._step < step:
            self._step, doublings = self._step * 2, doublings + 1
        held = np.flatnonzero(self._pairs.any(axis=1) | self._pairs.any(axis=0))
        start, end = (self._first + int(held[at]) if len(held) else math.floor(low / self._step) for at in (0, -1))
        while True:
            first = min(start >> doublings, math.floor(low / self._step))
            if max(end >> doublings, math.floor(high / self._step)) - first < SIDE:
                break
            self._step, doublings = self._step * 2, doublings + 1
        self._move(first, [((self._first + cell) >> doublings) - first for cell in range(SIDE)])

    def _move(self, first: int, places: list[int]) -> None:
        """Let cell i become `places[i]`, counted from `first`; those outside hold nothing."""
        target = np.clip(np.array(places, dtype=object), 0, SIDE - 1).astype(np.intp)
        pairs, deviations = np.zeros_like(self._pairs), np.zeros_like(self._deviations)
        np.add.at(pairs, (target[:, None], target[None, :]), self._pairs)
        np.add.at(deviations, target, self._deviations)
        self._first, self._pairs, self._deviations = first, pairs, deviations


class CalibrationCounts:
    """Exact counts of a calibration curve: rows, their probabilities' sum, how many came true, by bin."""

    def __init__(self) -> None:
        self.rows = 0
        self._counts = np.zeros(CALIBRATION_BINS, dtype=np.int64)
        self._true = np.zeros(CALIBRATION_BINS, dtype=np.int64)
        self._sums = np.zeros(CALIBRATION_BINS)

    def add(self, probabilities: Doubles, came_true: npt.NDArray[np.bool_]) -> None:
        """Add rows; a probability that is no number is left out."""
        known = ~np.isnan(probabilities)
        if not known.all():
            probabilities, came_true = probabilities[known], came_true[known]
        bins = _whole(np.floor(probabilities * CALIBRATION_BINS), CALIBRATION_BINS)
        self._counts += np.bincount(bins, minlength=CALIBRATION_BINS)
        self._true += np.bincount(bins[came_true], minlength=CALIBRATION_BINS)
        self._sums += np.bincount(bins, weights=probabilities, minlength=CALIBRATION_BINS)
        self.rows += len(probabilities)

    def calibration(self, variant: str, event: str) -> Calibration:
        """Return the curve."""
        cells = zip(self._counts.tolist(), self._sums.tolist(), self._true.tolist(), strict=True)
        bins = tuple((rows, total / rows, true / rows) if rows else (0, None, None) for rows, total, true in cells)
        return Calibration(variant, event, bins)


def _whole(cells: Doubles, count: int) -> npt.NDArray[np.intp]:
    """Return cells as whole numbers; the ends take what lies on or beyond the edge."""
    found: npt.NDArray[np.intp] = np.clip(cells, 0, count - 1).astype(np.intp)
    return found


def _count(counts: npt.NDArray[np.int64], x: npt.NDArray[np.intp], y: npt.NDArray[np.intp]) -> None:
    """Add one to the cell of each pair."""
    counts += np.bincount(x * counts.shape[1] + y, minlength=counts.size).reshape(counts.shape)
