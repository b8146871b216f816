"""Quality on the labelled rows: the native model against each variant, over all rows and per segment.

In: a spool of truth and answers. Out: the drop of each variant with its interval, and what that decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from packager.artifact import NATIVE
from packager.errors import VerifyError
from packager.quality.compare import Comparison, compare, undefined
from packager.quality.resample import CONFIDENCE
from packager.quality.sample import Sample
from packager.recipe.model import Drift as AskedDrift
from packager.report.model import Drift
from packager.verify.decision import Measured
from packager.verify.spool import Spool

# Segments that are measured each by itself: those of the most rows. The others are measured together.
MAX_SEGMENTS = 20
_OTHERS = "(others)"
_NONE = float("nan")


def measured(comparison: Comparison, rows: int) -> Measured:
    """Return the drop that a comparison found as what a limit is held against."""
    return Measured(comparison.drop, comparison.interval, rows, comparison.native)


def drifts(spool: Spool, variants: Sequence[str], asked: AskedDrift | None) -> list[Drift]:
    """Return the drift of every variant; VerifyError where the metric has no value on these rows."""
    reading = spool.reading
    if reason := undefined(reading.metric, spool.read("truth"), spool.read(NATIVE), reading.class_count):
        raise VerifyError(
            f"{reading.where}: {reading.metric} has no value on these {spool.rows:,} rows: {reason}",
            key=reading.key,
            hint="add rows of the other classes, or name another metric in verify.drift.metric",
        )
    return [_drift(reading.metric, variant, spool.sample(NATIVE, variant), asked=asked) for variant in variants]


def segment_drifts(spool: Spool, variants: Sequence[str], asked: AskedDrift | None) -> list[Drift]:
    """Return the drift of every variant in each segment, the largest first.

    The intervals hold together, all of one variant with 95%: each is made wider by Bonferroni's rule. A segment in
    which the metric has no value has none here either.
    """
    parts = _segments(spool)
    confidence = 1.0 - (1.0 - CONFIDENCE) / len(parts.names)
    metric, classes = spool.reading.metric, spool.reading.class_count
    found = []
    for variant in variants:
        sample = spool.sample(NATIVE, variant)
        for index, name in enumerate(parts.names):
            part = _rows_of(sample, parts.of_row == index)
            if undefined(metric, part.truth, part.native, classes):
                drift = Drift(variant, metric, _NONE, _NONE, _NONE, len(part), None, confidence, "no value")
                found.append(replace(drift, decision="undecided" if asked else None, segment=name))
            else:
                drift = _drift(metric, variant, part, asked=asked, confidence=confidence)
                found.append(replace(drift, segment=name))
    return found


@dataclass(frozen=True)
class _Segments:
    """The names of the segments that are measured, and the position of each row's among them."""

    names: tuple[str, ...]
    of_row: npt.NDArray[np.uint8]


def _segments(spool: Spool) -> _Segments:
    codes, values = spool.read("segment"), list(spool.segment_values)
    order = np.argsort(-np.bincount(codes, minlength=len(values)), kind="stable")
    positions = np.full(len(values), MAX_SEGMENTS, dtype=np.uint8)
    positions[order[:MAX_SEGMENTS]] = np.arange(len(order[:MAX_SEGMENTS]))
    names = [values[code] for code in order[:MAX_SEGMENTS].tolist()]
    return _Segments((*names, *([_OTHERS] if len(order) > MAX_SEGMENTS else [])), positions[codes])


def _rows_of(sample: Sample, rows: npt.NDArray[np.bool_]) -> Sample:
    return Sample(sample.truth[rows], sample.native[rows], sample.variant[rows], sample.classes)


def _drift(
    metric: str, variant: str, sample: Sample, *, asked: AskedDrift | None, confidence: float = CONFIDENCE
) -> Drift:
    found = compare(metric, sample, confidence=confidence)
    return Drift(
        variant=variant,
        metric=metric,
        native=found.native,
        value=found.variant,
        drop=found.drop,
        rows=len(sample),
        interval=found.interval,
        confidence=confidence,
        method=found.method,
        decision=None if asked is None else measured(found, len(sample)).against(asked.max_drop),
    )
