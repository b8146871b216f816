"""Where the rows lay that a model without trees was fitted on, as far as it still knows.

In: a fitted estimator. Out: the range of each column. Rows that are made elsewhere tell little: far from all that
neighbours, kernels and clusters know, answers are alike, and a float form that drowns large numbers looks exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.structure import Doubles

# Rows that were kept as they were, then points that lie among them.
_KEPT = ("_fit_X", "X_train_", "X_fit_", "support_vectors_")
_CENTERS = ("cluster_centers_", "subcluster_centers_", "means_", "theta_", "centroids_")
# How far rows lie around centers, where nothing tells: as far as columns that are scaled to a spread of 1.
_AROUND = 3.0
# Rows of counts are of very unlike length, as texts are: a column reaches so many times its mean, and this at least.
_MANY, _SOME = 10.0, 3.0
# A start value that is this many times what the columns add at such a spread: they must lie far off to make up for it.
# A model whose answers differ by less than a hundred thousandth of themselves would be none.
_FAR = 1e5


def range_of(model: Any, count: int) -> tuple[Doubles, Doubles] | None:
    """Return (low, high) per column, None where the model keeps nothing of its rows."""
    for names, around in ((_KEPT, 0.0), (_CENTERS, _AROUND)):
        for name in names:
            rows = _rows(getattr(model, name, None), count)
            if rows is not None:
                return rows.min(axis=0) - around, rows.max(axis=0) + around
    return _counts_of(model, count) or _around_zero_of(model, count)


def _counts_of(model: Any, count: int) -> tuple[Doubles, Doubles] | None:
    """Return how far a model of counts has seen its columns go; not where it only asks which are above a number."""
    counted = _rows(getattr(model, "feature_count_", None), count)
    if counted is None or hasattr(model, "binarize"):
        return None
    mean = (counted / np.maximum(model.class_count_, 1.0)[:, None]).max(axis=0)
    return np.zeros(count), np.maximum(np.ceil(_MANY * mean), _SOME)


def _rows(kept: Any, count: int) -> Doubles | None:
    if not isinstance(kept, np.ndarray) or kept.dtype.kind not in "fiu":
        return None
    fits = kept.ndim == 2 and kept.shape[1] == count and len(kept) and np.isfinite(kept).all()
    return kept.astype(np.float64) if fits else None


def _around_zero_of(model: Any, count: int) -> tuple[Doubles, Doubles] | None:
    """Return where a linear model's score is moderate, if that is far from zero: at the nearest such point."""
    weights = _rows(np.atleast_2d(getattr(model, "coef_", np.zeros(0))), count)
    start = np.ravel(np.asarray(getattr(model, "intercept_", 0.0), dtype=object))
    if weights is None or not np.abs(weights[0]).sum() or not _is_finite(start[0]):
        return None
    if abs(start[0]) < _FAR * np.abs(weights[0]).sum() * _AROUND:
        return None
    middle = -start[0] * weights[0] / (weights[0] @ weights[0])
    return middle - _AROUND, middle + _AROUND


def _is_finite(number: Any) -> bool:
    return isinstance(number, float) and bool(np.isfinite(number))
