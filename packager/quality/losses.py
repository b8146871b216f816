"""Metrics that are functions of means over rows: each row adds to a few sums, so that any number of rows will do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from packager.quality.resample import RESAMPLES, SEED, UNITS, resampled
from packager.quality.sample import Array, Doubles, Sample, Spread

_CHUNK_ROWS = 200_000
# scikit-learn keeps probabilities this far from 0 and 1, and so does log_loss here; the same holds for mape's divisor.
_EPSILON = float(np.finfo(np.float64).eps)


def both(name: str, sample: Sample) -> tuple[float, float]:
    """Return the metric `name`, a key of LOSSES, of both models."""
    native, variant = _values(name, _sums(name, sample, units=1), np.ones((1, 1)))
    return float(native[0]), float(variant[0])


def estimate(name: str, sample: Sample) -> Spread:
    """Return the metric of both, and its difference in every resample."""
    units = min(len(sample), UNITS)
    sums = _sums(name, sample, units=units)
    draws = resampled(units, lambda weights: np.subtract(*_values(name, sums, weights)))
    native, variant = _values(name, sums, np.ones((1, units)))
    grouped = "" if len(sample) <= UNITS else f" of {UNITS:,} random groups of rows"
    method = f"bootstrap, {RESAMPLES:,} resamples{grouped}"
    return Spread(float(native[0]), float(variant[0]), method, draws=draws)


def _values(name: str, sums: Doubles, weights: Doubles) -> tuple[Doubles, Doubles]:
    rows, native, variant, truth, squares = (weights @ sums).T
    value = FINISH.get(name, _mean)
    return value(rows, native, truth, squares), value(rows, variant, truth, squares)


def _sums(name: str, sample: Sample, *, units: int) -> Doubles:
    """Return per row, or per random group of rows where they are more than `units`, the sums that make the metric.

    Columns: rows, loss of the native model, loss of the variant, truth and its square. The truth is taken from its
    mean, so that no digits are lost. Groups are drawn by chance: rows may be sorted.
    """
    random = np.random.default_rng(SEED)
    centre = float(sample.truth.mean()) if name == "r2" else 0.0
    sums = np.zeros((units, 5))
    for start in range(0, len(sample), _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        truth = sample.truth[part]
        losses = [LOSSES[name](truth, found[part]) for found in (sample.native, sample.variant)]
        centred = (truth - centre) if name == "r2" else np.zeros(len(truth))
        unit = random.integers(0, units, len(truth)) if len(sample) > units else np.arange(start, start + len(truth))
        for column, values in enumerate((np.ones(len(truth)), *losses, centred, centred**2)):
            sums[:, column] += np.bincount(unit, values, minlength=units)
    return sums


def _log_loss(truth: Array, score: Array) -> Doubles:
    if score.ndim == 1:
        chance = np.where(truth == 1, score, 1.0 - score)
    else:
        chance = score[np.arange(len(truth)), truth.astype(np.intp)]
    return np.asarray(-np.log(np.clip(chance, _EPSILON, 1.0 - _EPSILON)))


def _brier(truth: Array, score: Array) -> Doubles:
    """Of two classes the squared distance of the second; of several the squared distance, summed over classes."""
    if score.ndim == 1:
        return np.asarray((score - (truth == 1)) ** 2)
    return np.asarray(((score - (truth[:, None] == np.arange(score.shape[1]))) ** 2).sum(axis=1))


def _squared(truth: Array, value: Array) -> Doubles:
    return np.asarray((truth - value) ** 2)


def _absolute(truth: Array, value: Array) -> Doubles:
    return np.asarray(np.abs(truth - value))


def _relative(truth: Array, value: Array) -> Doubles:
    return np.asarray(np.abs(truth - value) / np.maximum(np.abs(truth), _EPSILON))


def _mean(rows: Doubles, loss: Doubles, truth: Doubles, squares: Doubles) -> Doubles:
    return np.asarray(loss / rows)


def _root(rows: Doubles, loss: Doubles, truth: Doubles, squares: Doubles) -> Doubles:
    return np.asarray(np.sqrt(loss / rows))


def _explained(rows: Doubles, loss: Doubles, truth: Doubles, squares: Doubles) -> Doubles:
    """Return 1 - residual over total sum of squares; NaN where all true values of a resample are equal."""
    total = squares - truth**2 / rows
    return np.asarray(1.0 - np.divide(loss, total, out=np.full(len(total), np.nan), where=total > 0))


LOSSES: dict[str, Callable[[Array, Array], Doubles]] = {
    "log_loss": _log_loss,
    "brier": _brier,
    "rmse": _squared,
    "mae": _absolute,
    "mape": _relative,
    "r2": _squared,
}
FINISH: dict[str, Callable[[Doubles, Doubles, Doubles, Doubles], Doubles]] = {"rmse": _root, "r2": _explained}
