"""Does a variant answer a row the same, however it is asked: alone or among others, on more threads, again?

In: a variant's open session and made rows that the native model takes. Out: three verdicts. Parity with the native
model is judged in large batches on one thread, and carries over to requests of any size only if these hold.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature, Verdict
from packager.dataset.rows import Rows
from packager.recipe.parity import Parity, Tolerance
from packager.runtime.session import BINNED_TREES, CPU_PROVIDER, RunFailed, Session, open_session
from packager.verify.parity import Tally
from packager.verify.probes import Probes, kinds_without_huge
from packager.verify.verify import Subject

Outputs = dict[str, npt.NDArray[Any]]
# What is held to the last bit has no limit in the recipe: its key is the one that asks for the variant.
EXACT_KEY = "optimize.precisions"
INVARIANCE = ("batch_invariance", "thread_invariance", "repeatable")

# Rows of each kind; some 1,000 together are the large batch that all other answers are compared with.
_ROWS_PER_KIND = 200
# Every fifth of these is asked in small batches as well: some hundred calls of each size.
_STRIDE = 5
_SMALL_BATCHES = (1, 2, 7)
# ONNX Runtime shares out the work as soon as there is a second thread, binned trees where there are rows enough.
_THREADS = 2
_MANY_ROWS = 20_000
_EXACT = Tolerance(atol=0.0, rtol=0.0, label_mismatch=0.0)


def ask_otherwise(subject: Subject, probes: Probes, parity: Parity) -> list[Verdict]:
    """Return whether answers stay the same in batches of any size, on more threads, and when asked again.

    Sums of another order may differ by a rounding, and int8 scales its numbers per batch: what holds is the variant's
    own limits, against one large batch on one thread. The same call again gives the same bits; binned trees, with
    nothing around them, give the same bits however they are asked.
    """
    name, precision = subject.variant.name, subject.variant.precision
    # Without huge numbers: what is left of their sums is rounding, another one in every order.
    rows = _sample(probes, kinds_without_huge(precision))
    if not len(rows) or subject.variant.path is None:
        return []
    key = EXACT_KEY if _is_trees_alone(subject.session) else parity.tolerance_key(precision, "atol")
    keys = dict(zip(INVARIANCE, (key, key, EXACT_KEY), strict=True))
    several = open_session(subject.variant.path, subject.session.signature, threads=_THREADS)
    try:
        counts = _differing(subject, rows, several)
    except RunFailed as error:
        return [Verdict(check, name, str(error), 0, False, keys[check]) for check in INVARIANCE]
    return [
        Verdict(check, name, count, 0, count == 0, keys[check]) for check, count in zip(INVARIANCE, counts, strict=True)
    ]


def _is_trees_alone(session: Session) -> bool:
    """Tell whether nothing but binned trees runs: no sum of ONNX Runtime's, whose order follows batch and threads."""
    return session.operators.keys() == {CPU_PROVIDER} and session.operators[CPU_PROVIDER].keys() == {BINNED_TREES}


def _sample(probes: Probes, kinds: tuple[str, ...]) -> Rows:
    """Return some rows of each kind."""
    chosen = []
    for kind in kinds:
        found = np.flatnonzero(probes.of((kind,)))
        picked = np.linspace(0, len(found) - 1, min(_ROWS_PER_KIND, len(found))).astype(np.intp)
        chosen.append(found[picked])
    return probes.rows.take(np.concatenate(chosen))


def _differing(subject: Subject, rows: Rows, several: Session) -> tuple[int, int, int]:
    """Return how many answers differ in each check, in the order of INVARIANCE."""
    session, limits = subject.session, _EXACT if _is_trees_alone(subject.session) else subject.made.tolerance
    together = session.answers(rows)
    few = rows.take(slice(None, None, _STRIDE))
    among = {name: values[::_STRIDE] for name, values in together.items()}
    signature = _with_raw_scores(session.signature)
    batches, threads, again = (Tally(signature, one) for one in (limits, limits, _EXACT))
    for size in _SMALL_BATCHES:
        _add_in_batches(batches, session, few, among, size=size)
    many = np.resize(np.arange(len(rows)), _MANY_ROWS if _is_trees_alone(session) else len(rows))
    threads.add({name: values[many] for name, values in together.items()}, several.answers(rows.take(many)))
    _add_in_batches(threads, several, few, among, size=1)
    again.add(together, session.answers(rows))
    return _differ(batches), _differ(threads), _differ(again)


def _with_raw_scores(signature: Signature) -> Signature:
    """Return the signature with labels that are scores as values: LightGBM's, where the objective is a user's own."""
    if signature.classes is not None:
        return signature
    values = [replace(output, role="value") if output.dtype == "float64" else output for output in signature.outputs]
    return replace(signature, outputs=tuple(values))


def _add_in_batches(tally: Tally, session: Session, rows: Rows, expected: Outputs, *, size: int) -> None:
    for start in range(0, len(rows), size):
        batch = slice(start, start + size)
        tally.add({name: values[batch] for name, values in expected.items()}, session.answers(rows.take(batch)))


def _differ(tally: Tally) -> int:
    """Return how many scores differ beyond the limits, and labels, where more differ than the limits allow."""
    labels = tally.label_mismatches if tally.mismatch_share > tally.tolerance.label_mismatch else 0
    return tally.beyond + labels + (tally.malformed is not None)
