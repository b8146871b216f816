"""The stage: every variant against the native model, on made rows, on verification rows, in quality.

In: open variants and the oracle. Out: verdicts, each with its limit and the recipe key that sets it. The stage judges;
`gate` decides what the verdicts mean.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from packager.artifact import NATIVE, Signature, Variant
from packager.dataset.read import Dataset
from packager.dataset.rows import Rows
from packager.recipe.model import Recipe
from packager.report.model import Drift, Flips, Gain
from packager.runtime.session import RunFailed, Session, open_session
from packager.verify.champion import Champion, gains
from packager.verify.drift import drifts, segment_drifts
from packager.verify.flips import FlipCounter
from packager.verify.oracle import Oracle
from packager.verify.parity import Tally
from packager.verify.probes import Probes, judged_kinds
from packager.verify.reading import Reading, drift_metric, label_indices
from packager.verify.refusals import refuse_refusals
from packager.verify.scores import Scores
from packager.verify.spool import Spool

Outputs = dict[str, npt.NDArray[Any]]


class Progress(Protocol):
    """What is told of rows that are done; `about`: the total is a guess."""

    def __call__(self, done: int, total: int | None, *, about: bool) -> None: ...


# Rows that are in memory at once, per column; 30 columns make chunks of some 17,000 rows.
_CELLS_PER_CHUNK = 500_000
_MAX_CHUNK_ROWS = 50_000


@dataclass(frozen=True)
class Subject:
    """One variant under judgement: its open session and its tallies on made rows and on verification rows."""

    variant: Variant
    session: Session
    made: Tally
    data: Tally
    scores: Scores | None = None


@dataclass(frozen=True)
class Findings:
    """What the verification rows tell beside the tallies: quality where they are labelled, and flipped decisions."""

    drifts: Sequence[Drift] = ()
    segments: Sequence[Drift] = ()
    gains: Sequence[Gain] = ()
    flips: Sequence[Flips] = ()


def open_subjects(variants: Sequence[Variant], signature: Signature, recipe: Recipe) -> list[Subject]:
    """Open every variant that has a file, with the limits of its precision."""
    subjects = []
    for variant in variants:
        if variant.status == "ok" and variant.path is not None:
            tolerance = recipe.verify.parity.tolerance(variant.precision)
            session = open_session(variant.path, signature)
            tallies = Tally(signature, tolerance), Tally(signature, tolerance)
            subjects.append(Subject(variant, session, *tallies, Scores(signature)))
    return subjects


def verify_made_rows(
    subjects: Sequence[Subject], probes: Probes, native: Outputs, taken: npt.NDArray[np.bool_]
) -> None:
    """Judge every subject, the first of which is the baseline, on made rows that the native model takes."""
    for subject in subjects:
        kinds = judged_kinds(subject.variant.precision, is_baseline=subject is subjects[0])
        judged = probes.of(kinds)[taken]
        if judged.any():
            numbers = np.flatnonzero(taken)[judged]
            answers = {name: values[judged] for name, values in native.items()}
            _compare(subject.session, subject.made, probes.rows.take(numbers), answers, numbers=numbers)


def verify_data(
    subjects: Sequence[Subject],
    dataset: Dataset,
    oracle: Oracle,
    *,
    recipe: Recipe,
    progress: Progress,
    champion: Champion | None = None,
) -> Findings:
    """Judge every subject on the verification rows, streamed; find out about quality where the rows are labelled."""
    signature = subjects[0].session.signature
    spool = open_spool(signature, dataset, recipe, folder=oracle.scratch / "drift")
    label, segment = (recipe.data.label, recipe.verify.segment) if spool else (None, None)
    flips = FlipCounter(signature, recipe.verify.thresholds)
    chunk_rows = min(_MAX_CHUNK_ROWS, max(1, _CELLS_PER_CHUNK // len(signature.columns)))
    total, done = dataset.num_rows(), 0
    shown = functools.partial(progress, total=total or dataset.about_rows(), about=total is None)
    batches = dataset.batches(signature.columns, label=label, segment=segment, batch_rows=chunk_rows)
    shown(0)
    for batch, (native, taken) in oracle.answers_in_turn(batches):
        refuse_refusals(batch, taken, signature)
        if spool is not None:
            spool.add_batch(batch)
            spool.add_answers(NATIVE, signature, native)
        truth = None if batch.label is None or not signature.classes else label_indices(batch.label, signature.classes)
        for subject in subjects:
            answers = _compare(subject.session, subject.data, batch.rows, native)
            if answers is not None and subject.scores is not None:
                subject.scores.add(native, answers, truth)
            if answers is not None:
                flips.add(subject.variant.name, native, answers)
            if answers is not None and spool is not None:
                spool.add_answers(subject.variant.name, signature, answers)
        done += len(batch.rows)
        shown(done)
    if spool is None:
        return Findings(flips=flips.flips())
    answered = [subject.variant.name for subject in subjects if subject.data.malformed is None]
    if champion is not None:
        champion.score(dataset, spool, batch_rows=chunk_rows)
    return replace(quality(spool, answered, recipe), flips=flips.flips())


def open_spool(signature: Signature, dataset: Dataset, recipe: Recipe, *, folder: Path) -> Spool | None:
    """Return where labelled rows are gathered, or None where they have no labels or no metric fits."""
    metric = drift_metric(signature, recipe)
    if metric is None or recipe.data.label is None:
        return None
    more = f" and {len(dataset.files) - 1} more" if len(dataset.files) > 1 else ""
    where = f"{dataset.files[0]}{more}: the label column {recipe.data.label!r}"
    return Spool(folder, Reading.of(metric, signature, where=where, key=recipe.where("data.label")))


def quality(spool: Spool, variants: Sequence[str], recipe: Recipe) -> Findings:
    """Return what the gathered rows tell of every variant: drift, drift per segment, gain over the champion."""
    asked = recipe.verify
    return Findings(
        drifts=drifts(spool, variants, asked.drift),
        segments=segment_drifts(spool, variants, asked.drift) if asked.segment else (),
        gains=gains(spool, variants, asked.champion) if asked.champion else (),
    )


def _compare(
    session: Session, tally: Tally, rows: Rows, native: Outputs, *, numbers: npt.NDArray[np.intp] | None = None
) -> Outputs | None:
    """Add one comparison to the tally and return the variant's answers, None where it gives none."""
    try:
        answers = session.answers(rows)
    except RunFailed as error:
        tally.add_failure(len(rows), str(error))
        return None
    tally.add(native, answers, numbers)
    return answers
