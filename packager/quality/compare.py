"""Two models on the same labelled rows: the metric of both, the drop, and the interval in which the drop lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from packager.quality import counted, losses, ranked
from packager.quality.resample import CONFIDENCE, normal_interval, percentile_interval
from packager.quality.sample import Array, Sample, Spread
from packager.recipe.metrics import METRICS

IDENTICAL = "identical answers"


class Family(NamedTuple):
    """Metrics that are computed alike: the values of both models alone, and with the spread of their difference."""

    both: Callable[[str, Sample], tuple[float, float]]
    estimate: Callable[[str, Sample], Spread]


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(counted.FUNCTIONS, Family(counted.both, counted.estimate)),
    **dict.fromkeys(losses.LOSSES, Family(losses.both, losses.estimate)),
    **dict.fromkeys(ranked.VALUES, Family(ranked.both, ranked.estimate)),
}


@dataclass(frozen=True)
class Comparison:
    """`drop` > 0 is a loss of the variant; `interval` holds it with the asked confidence, None where none is known."""

    native: float
    variant: float
    drop: float
    interval: tuple[float, float] | None
    method: str


def compare(name: str, sample: Sample, *, confidence: float = CONFIDENCE) -> Comparison:
    """Compare by one metric that `undefined` has no word against; NaN where the variant answers no finite numbers."""
    metric = METRICS[name]
    same = np.array_equal(sample.native, sample.variant)
    if same or not _finite(sample.variant):
        native, _ = FAMILIES[name].both(name, replace(sample, variant=sample.native))
        if same:
            return Comparison(native, native, 0.0, (0.0, 0.0), IDENTICAL)
        return Comparison(native, float("nan"), float("nan"), None, "the variant's answers are not all finite numbers")
    spread = FAMILIES[name].estimate(name, sample)
    drop = metric.drop(spread.native, spread.variant)
    sign = 1.0 if metric.greater_is_better else -1.0
    if spread.draws is not None:
        interval = percentile_interval(sign * spread.draws, confidence)
    else:
        interval = normal_interval(drop, spread.error if spread.error is not None else float("inf"), confidence)
    return Comparison(spread.native, spread.variant, drop, interval, spread.method)


def undefined(name: str, truth: Array, native: Array, classes: int) -> str | None:
    """Say why a metric has no value on these rows, or None where it has one."""
    if not _finite(native):
        return "its answers are not all finite numbers"
    if name in ("roc_auc", "average_precision"):
        present = len(np.unique(truth))
        if present < max(classes, 2):
            return "they are all of one class" if present == 1 else f"they hold {present} of {classes} classes only"
    if name in ("precision", "recall", "f1", "mcc", "balanced_accuracy") and len(np.unique(truth)) == 1:
        return "they are all of one class"
    if name == "r2" and (len(truth) < 2 or np.ptp(truth) == 0):
        return "their true values are all equal"
    if name == "ndcg" and (truth.min(initial=0.0) < 0 or truth.max(initial=0.0) <= 0):
        return "relevance has to be at least 0, and more for some row"
    return None


def _finite(values: Array) -> bool:
    return bool(np.isfinite(values).all()) if values.dtype.kind == "f" else bool((values >= 0).all())
