"""Metrics of labels: functions of how many rows each combination of true and answered labels has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packager.quality.resample import RESAMPLES, resampled_table
from packager.quality.sample import Array, Doubles, Sample, Spread

_CHUNK_ROWS = 1_000_000


@dataclass(frozen=True)
class Counts:
    """Rows per class, shape [..., classes]: answered rightly, answered at all, true."""

    right: Doubles
    answered: Doubles
    true: Doubles


@dataclass(frozen=True)
class Table:
    """The combinations of true, native and variant label that occur, and how many rows each has; shape [cells]."""

    truth: Array
    native: Array
    variant: Array
    rows: npt.NDArray[np.int64]


def both(name: str, sample: Sample) -> tuple[float, float]:
    """Return the metric `name`, a key of FUNCTIONS, of both models."""
    native, variant = _values(name, sample.classes, _table(sample))(None)
    return float(native[0]), float(variant[0])


def estimate(name: str, sample: Sample) -> Spread:
    """Return the metric of both, and its difference in every resample."""
    table = _table(sample)
    values = _values(name, sample.classes, table)
    draws = resampled_table(table.rows, lambda weights: np.subtract(*values(weights)))
    native, variant = values(None)
    return Spread(float(native[0]), float(variant[0]), f"bootstrap, {RESAMPLES:,} resamples", draws=draws)


def _values(name: str, classes: int, table: Table) -> Callable[[Doubles | None], tuple[Doubles, Doubles]]:
    """Return what gives the metric of both for counts of the table's cells, shape [some, cells]; None: its own."""
    function = FUNCTIONS[name]

    def values(weights: Doubles | None) -> tuple[Doubles, Doubles]:
        counts = table.rows[None, :].astype(np.float64) if weights is None else weights
        native, variant = (
            function(_counts(table.truth, label, counts, classes)) for label in (table.native, table.variant)
        )
        return native, variant

    return values


def _table(sample: Sample) -> Table:
    """Count the rows per combination of true, native and variant label."""
    classes = sample.classes
    found: dict[int, int] = {}
    for start in range(0, len(sample), _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        codes = (sample.truth[part].astype(np.int64) * classes + sample.native[part]) * classes + sample.variant[part]
        for code, rows in zip(*(side.tolist() for side in np.unique(codes, return_counts=True)), strict=True):
            found[code] = found.get(code, 0) + rows
    codes = np.array(sorted(found), dtype=np.int64)
    counts = np.array([found[code] for code in codes.tolist()], dtype=np.int64)
    return Table(codes // classes**2, codes // classes % classes, codes % classes, counts)


def _counts(truth: Array, label: Array, weights: Doubles, classes: int) -> Counts:
    right = weights * (truth == label)
    return Counts(
        _by_class(truth, right, classes), _by_class(label, weights, classes), _by_class(truth, weights, classes)
    )


def _by_class(key: Array, weights: Doubles, classes: int) -> Doubles:
    """Return the sums of `weights` [some, cells] per class that `key` [cells] names; shape [some, classes]."""
    order = np.argsort(key, kind="stable")
    present, starts = np.unique(key[order], return_index=True)
    sums = np.zeros((len(weights), classes))
    sums[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return sums


def _share(part: Doubles, whole: Doubles) -> Doubles:
    """Return part / whole, NaN where there is no whole."""
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))


def _accuracy(counts: Counts) -> Doubles:
    return np.asarray(counts.right.sum(axis=-1) / counts.true.sum(axis=-1))


def _balanced_accuracy(counts: Counts) -> Doubles:
    return _mean_over(counts.true > 0, _share(counts.right, counts.true))


def _averaged(share: Callable[[Counts], Doubles]) -> Callable[[Counts], Doubles]:
    """Binary models are scored for their second class, others by the plain mean over the classes that occur."""

    def compute(counts: Counts) -> Doubles:
        values = share(counts)
        if values.shape[-1] == 2:
            return np.asarray(values[..., 1])
        return _mean_over(counts.true + counts.answered > 0, np.nan_to_num(values))  # as zero_division=0 does

    return compute


def _mean_over(present: npt.NDArray[np.bool_], values: Doubles) -> Doubles:
    return _share(np.where(present, values, 0.0).sum(axis=-1), present.sum(axis=-1).astype(np.float64))


def _precision(counts: Counts) -> Doubles:
    """Of no answered row the precision is 0, as scikit-learn's zero_division=0 says."""
    return np.where(counts.answered > 0, _share(counts.right, counts.answered), 0.0)


def _recall(counts: Counts) -> Doubles:
    return _share(counts.right, counts.true)


def _f1(counts: Counts) -> Doubles:
    return _share(2 * counts.right, counts.true + counts.answered)


def _mcc(counts: Counts) -> Doubles:
    """Matthews' correlation for any number of classes; Gorodkin (2004), Comput. Biol. Chem. 28, 367, equation 8."""
    rows = counts.true.sum(axis=-1)
    covariance = counts.right.sum(axis=-1) * rows - (counts.answered * counts.true).sum(axis=-1)
    spreads = [rows**2 - (side**2).sum(axis=-1) for side in (counts.answered, counts.true)]
    product = spreads[0] * spreads[1]
    return np.where(product > 0, covariance / np.sqrt(np.where(product > 0, product, 1.0)), 0.0)


FUNCTIONS: dict[str, Callable[[Counts], Doubles]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "precision": _averaged(_precision),
    "recall": _averaged(_recall),
    "f1": _averaged(_f1),
    "mcc": _mcc,
}
