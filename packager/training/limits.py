"""How large a number may be before a model's own answer is rounding: steps that sum squares of unlike columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from packager.training.estimators import nested_estimators

# A number this much larger than all fitted ones leaves half of a double's digits to the other columns' distances.
_FAR_FACTOR = 1e4


def has_limits(model: Any) -> bool:
    """Tell whether some step of the model answers with rounding to numbers that it takes."""
    return any(_limit(step) is not None for step in nested_estimators(model))


@contextmanager
def refusing_far_rows(model: Any) -> Iterator[None]:
    """Have such steps refuse rows with larger numbers while the block runs."""
    watched = [(step, limit) for step in nested_estimators(model) if (limit := _limit(step)) is not None]
    try:
        for step, limit in watched:
            step.transform = _guarded(step.transform, limit)
        yield
    finally:
        for step, _ in watched:
            vars(step).pop("transform", None)


def _limit(step: Any) -> float | None:
    """Return the largest magnitude at which the nearest rows of a KNNImputer are not a matter of rounding."""
    if type(step).__name__ != "KNNImputer" or not hasattr(step, "_fit_X"):
        return None
    known = np.abs(step._fit_X[~step._mask_fit_X])
    return _FAR_FACTOR * float(known.max(initial=1e-3))


def _guarded(transform: Any, limit: float) -> Any:
    def refuse_far(rows: Any) -> Any:
        if np.nanmax(np.abs(np.asarray(rows, dtype=np.float64)), initial=0.0) > limit:
            raise ValueError("numbers this large leave nothing of the other columns' distances")
        return transform(rows)

    return refuse_far
