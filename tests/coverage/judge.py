"""The independent judge: the native model's own answers to its own rows, against those of the graph."""

from __future__ import annotations

import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Output, Signature
from packager.dataset.rows import Rows
from packager.runtime.session import RunFailed, Session
from packager.training.native import NativeModel

from .cells import Cells
from .rows import BEYOND, judged_rows, servable
from .steps import is_stepwise

Doubles = npt.NDArray[np.float64]
Answers = dict[str, npt.NDArray[Any]]
Ask = Callable[[Cells], Answers]

# The default limits of a build.
_ATOL, _RTOL = 1e-6, 1e-5
# Rows that a model refuses are found by halving; past this many failures a kind of rows is given up.
_MOST_REFUSALS = 40
# Labels on a boundary are few. So many rows of each part are asked alone before they are held against a conversion.
_MOST_ASKED_ALONE = 20
# Of each part of a kind, so many rows go through the scoring script as well.
_MOST_SERVED = 40


@dataclass
class Judgement:
    """What was found over all rows. `differing` counts per kind the rows beyond the default limits.

    `worst` is the largest error, relative to 1 + the size of the score.
    """

    rows: int = 0
    differing: Counter[str] = field(default_factory=Counter)
    inexact: Counter[str] = field(default_factory=Counter)
    labels: int = 0
    worst: float = 0.0
    failure: str | None = None
    # Rows that differ so far out that most models answer with rounding: told, not held against the conversion.
    beyond: int = 0
    # Some rows of each kind that the native model takes, for the scoring script.
    kept: list[tuple[str, Rows]] = field(default_factory=list)

    @property
    def is_within_limits(self) -> bool:
        return self.rows > 0 and not self.differing and self.failure is None

    @property
    def is_exact(self) -> bool:
        return self.is_within_limits and not self.inexact

    def told(self) -> str:
        """Say what differs in a few words."""
        if self.failure is not None:
            return self.failure
        if not self.rows:
            return "no row could be judged"
        kinds = self.differing or self.inexact
        where = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4))
        labels = f"{self.labels} labels, " if self.labels else ""
        return f"{labels}scores off by {self.worst:.1g}, rows: {where}" if kinds else ""


def judge(model: Any, held: Cells, session: Session, *, exact_within: float) -> Judgement:
    """Compare native and converted answers on rows of every kind that the native model takes."""
    ask = _asker(NativeModel(model), session)
    judgement = Judgement(failure=_unlike(model, held, session.signature))
    if judgement.failure is not None:
        return judgement
    numbers = _numbers_of(ask) if is_stepwise(model) else None
    for kind, rows in judged_rows(model, held, numbers):
        asked = servable(rows, session.signature, kind)
        if len(asked) and kind == BEYOND:
            apart = Judgement()
            _judge_kind(apart, kind, asked, ask=ask, session=session, exact_within=exact_within)
            judgement.beyond += apart.differing[kind] + (apart.failure is not None)
        elif len(asked):
            _judge_kind(judgement, kind, asked, ask=ask, session=session, exact_within=exact_within)
        if judgement.failure is not None:
            break
    return judgement


def _unlike(model: Any, held: Cells, signature: Signature) -> str | None:
    """Tell why rows of the model are no rows of the signature, or what of its answers is left out."""
    try:
        held.rows(signature)
    except ValueError as error:
        return str(error)
    roles = {output.role for output in signature.outputs}
    if "label" in roles and "probability" not in roles and _states_probabilities(model, held):
        return "its probabilities are left out"
    return None


def _states_probabilities(model: Any, held: Cells) -> bool:
    try:
        model.predict_proba(held.native())
    except Exception:  # noqa: BLE001 - some have the method, and it raises
        return False
    return True


def _judge_kind(
    judgement: Judgement, kind: str, rows: Cells, *, ask: Ask, session: Session, exact_within: float
) -> None:
    for taken, native in _accepted(ask, rows):
        judgement.rows += len(taken)
        if kind != "infinite":
            judgement.kept.append((kind, taken.take(slice(0, _MOST_SERVED)).rows(session.signature)))
        try:
            found = session.answers(taken.rows(session.signature))
        except RunFailed as error:
            judgement.failure = f"the graph fails on {kind} rows: {error}"
            return
        native = _settled(native, found, taken, ask, session.signature)
        for output in session.signature.outputs:
            problem = _compare(judgement, kind, output, native[output.name], found[output.name], exact_within)
            if problem is not None:
                judgement.failure = problem
                return


def _settled(native: Answers, found: Answers, rows: Cells, ask: Ask, signature: Signature) -> Answers:
    """Return the native answers, those of some rows whose labels differ asked again, each row alone.

    How a library adds up the product with one vector depends on how many rows there are: where a row lies on the very
    boundary of a linear model, the model itself answers either label. The graph answers a row as the model does alone.
    """
    differs = np.zeros(len(rows), dtype=bool)
    for output in signature.outputs:
        one, other = native[output.name], found[output.name]
        if output.role == "label" and one.shape == other.shape and _kind(one) == _kind(other):
            differs |= (one != other).reshape(len(rows), -1).any(axis=1)
    settled = {name: answer.copy() for name, answer in native.items()}
    for at in np.flatnonzero(differs)[:_MOST_ASKED_ALONE]:
        for name, answer in ask(rows.take(slice(at, at + 1))).items():
            settled[name][at] = answer[0]
    return settled


def _compare(
    judgement: Judgement, kind: str, output: Output, native: Any, found: Any, exact_within: float
) -> str | None:
    """Count what differs; return what makes the two incomparable."""
    if native.shape != found.shape and native.reshape(len(native), -1).shape != found.reshape(len(found), -1).shape:
        return f"{output.name} is of shape {list(found.shape)}, the native answer {list(native.shape)}"
    expected, got = native.reshape(len(native), -1), found.reshape(len(found), -1)
    if expected.dtype == object and output.role == "value" and _kind(expected) == "number":
        expected = expected.astype(np.float64)
    if output.role == "label" or expected.dtype.kind not in "fiu":
        if _kind(expected) != _kind(got):
            return f"{output.name} is {_kind(got)}, the native answer {_kind(expected)}"
        different = (expected.astype(str) != got.astype(str)) if _kind(expected) == "text" else expected != got
        rows = int(different.any(axis=1).sum())
        judgement.labels += rows
        judgement.differing[kind] += rows
        judgement.differing += Counter()  # drop zeros
        return None
    error = _error(expected.astype(np.float64), got.astype(np.float64))
    magnitude = np.where(np.isfinite(expected.astype(np.float64)), np.abs(expected.astype(np.float64)), 0.0)
    judgement.differing[kind] += int((error > _ATOL + _RTOL * magnitude).any(axis=1).sum())
    judgement.inexact[kind] += int((error > exact_within * (1 + magnitude)).any(axis=1).sum())
    judgement.differing += Counter()
    judgement.inexact += Counter()
    judgement.worst = max(judgement.worst, float((error / (1 + magnitude)).max(initial=0.0)))
    return None


def _error(expected: Doubles, found: Doubles) -> Doubles:
    same = (expected == found) | (np.isnan(expected) & np.isnan(found))
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(found - expected)
    return np.where(same, 0.0, np.where(np.isnan(error), np.inf, error))


def _kind(values: npt.NDArray[Any]) -> str:
    if values.dtype.kind in "US" or (values.dtype == object and all(isinstance(cell, str) for cell in values.ravel())):
        return "text"
    return "truth" if values.dtype.kind == "b" else "number"


def _accepted(ask: Ask, rows: Cells) -> list[tuple[Cells, Answers]]:
    """Return the rows that the native model answers, in parts, with its answers."""
    found: list[tuple[Cells, Answers]] = []
    refusals = 0

    def visit(start: int, end: int) -> None:
        nonlocal refusals
        if refusals >= _MOST_REFUSALS:
            return
        part = rows.take(slice(start, end))
        try:
            found.append((part, ask(part)))
        except Exception:  # noqa: BLE001 - a refusal, whatever its kind
            refusals += 1
            if end - start > 1:
                middle = (start + end) // 2
                visit(start, middle)
                visit(middle, end)

    visit(0, len(rows))
    return found


def _reads_sparse_otherwise(model: Any, rows: Cells) -> bool:
    """Tell whether a model answers otherwise to missing cells in sparse rows, though no fit leaves a trace of those.

    A request holds dense rows, and so do the program's own.
    """
    is_forest = type(model).__name__ == "IsolationForest" and rows.form == "sparse"
    return is_forest and any(np.isnan(column).any() for column in rows.columns)


def _asker(native: NativeModel, session: Session) -> Ask:
    """Return the native answers by the names of the graph's outputs, asked in the form that it was fitted in."""
    model, task = native.model, session.signature.task
    questions = {
        "label": "predict",
        "probabilities": "predict_proba",
        "variable": "transform" if task == "transformer" else "predict",
        "decision": "decision_function",
    }

    def ask(rows: Cells) -> Answers:
        if _reads_sparse_otherwise(model, rows):
            rows = replace(rows, form="array")
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answers: Answers = {}
            for output in session.signature.outputs:
                if output.name in questions and not isinstance(answers.get(output.name), list):
                    answers[output.name] = _dense(getattr(model, questions[output.name])(rows.native()))
                else:  # an output of a kind of its own: as the program asks for it
                    answers[output.name] = native.answers(rows.rows(session.signature))[output.name]
            return answers

    return ask


def _numbers_of(ask: Ask) -> Callable[[Cells], Doubles]:
    """Return all answers of a row as numbers, to find where they jump; a refused row is NaN, which equals nothing."""

    def numbers(rows: Cells) -> Doubles:
        answers = list(ask(rows).values())
        columns = [values.reshape(len(values), -1) for values in answers if values.dtype.kind in "fiub"]
        if not columns:
            texts = answers[0].reshape(len(answers[0]), -1).astype(str)
            columns = [np.vectorize(lambda text: zlib.crc32(text.encode()), otypes=[np.float64])(texts)]
        return np.concatenate([values.astype(np.float64) for values in columns], axis=1)

    return numbers


def _dense(answer: Any) -> npt.NDArray[Any]:
    return np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
