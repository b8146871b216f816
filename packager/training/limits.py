"""How large a number may be before a model's own answer is rounding: steps that sum squares of unlike columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.training.estimators import nested_estimators

# A number this much larger than all fitted ones leaves half of a double's digits to the other columns' distances.
_FAR_FACTOR = 1e4
# The squared distances of a NearestCentroid are differences of squares of this size at most: their last bits, which
# are added up in an order that depends on how many rows are asked together, are below 1e-6 of a probability.
FARTHEST_SQUARE = 1e9


@dataclass(frozen=True)
class _Limit:
    """`method` of a step answers with rounding to rows of numbers that are `far`."""

    method: str
    far: Callable[[npt.NDArray[np.float64]], bool]


def has_limits(model: Any) -> bool:
    """Tell whether some step of the model answers with rounding to numbers that it takes."""
    return any(_limit(step) is not None for step in nested_estimators(model))


@contextmanager
def refusing_far_rows(model: Any) -> Iterator[None]:
    """Have such steps refuse rows with larger numbers while the block runs."""
    watched = [(step, limit) for step in nested_estimators(model) if (limit := _limit(step)) is not None]
    try:
        for step, limit in watched:
            setattr(step, limit.method, _guarded(getattr(step, limit.method), limit))
        yield
    finally:
        for step, limit in watched:
            vars(step).pop(limit.method, None)


def _limit(step: Any) -> _Limit | None:
    find = _LIMITS.get(type(step).__name__)
    return None if find is None else find(step)


def _of_neighbours(step: Any) -> _Limit | None:
    """Return at which magnitude the nearest rows of a KNNImputer are a matter of rounding."""
    if not hasattr(step, "_fit_X"):
        return None
    known = np.abs(step._fit_X[~step._mask_fit_X])
    limit = _FAR_FACTOR * float(known.max(initial=1e-3))
    return _Limit("transform", lambda rows: bool(np.nanmax(np.abs(rows), initial=0.0) > limit))


def _of_centroids(step: Any) -> _Limit | None:
    """Return at which distance from 0 the probabilities of a NearestCentroid are a matter of rounding."""
    if step.metric != "euclidean" or not hasattr(step, "centroids_"):
        return None
    spread = np.where(step.within_class_std_dev_ != 0, step.within_class_std_dev_, 1.0)
    return _Limit("_decision_function", lambda rows: bool(np.square(rows / spread).sum(axis=1).max() > FARTHEST_SQUARE))


_LIMITS: dict[str, Callable[[Any], _Limit | None]] = {"KNNImputer": _of_neighbours, "NearestCentroid": _of_centroids}


def _guarded(answer: Any, limit: _Limit) -> Any:
    def refuse_far(rows: Any) -> Any:
        cells = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, dtype=np.float64)
        with np.errstate(over="ignore"):
            if limit.far(cells):
                raise ValueError("numbers this large leave nothing of the other columns' distances")
        return answer(rows)

    return refuse_far
