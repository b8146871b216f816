"""Rehearsal: made rows through the bundle's own score.py before the bundle is anyone's.

In: rows that a request can carry with their native answers, and rows that none can. Out: how the first fared against
the session and the native model, and which of the others score.py did not refuse.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from packager.bundle import scoring
from packager.bundle.compare import Compared, as_served, compare, served_outputs, session_outputs
from packager.bundle.fast_path import KEY, LIBRARY_FILE, is_binned
from packager.bundle.golden import Cells, in_requests, read_golden
from packager.bundle.graph import open_answering, open_served
from packager.bundle.model_info import MODEL_FILE, ModelInfo, read_info
from packager.bundle.plan import Golden
from packager.bundle.refusals import Refusal, refusals, uncarried
from packager.bundle.samples import json_rows
from packager.dataset.rows import Rows
from packager.errors import BundleError


@dataclass(frozen=True)
class Rehearsal:
    """`outputs`: how the answers to `rows` rows fared; `taken`: what score.py should have refused, of `refusals`.

    `unfit`: what is wrong with how score.py chooses between the forms of the model.
    """

    rows: int
    outputs: tuple[Compared, ...]
    refusals: int
    taken: tuple[str, ...]
    unfit: tuple[str, ...] = ()

    @property
    def faults(self) -> list[str]:
        """Say in a sentence each what the script does wrong."""
        unlike = [one.name for one in self.outputs if not one.bitwise]
        said = [f"{name}: the answers to made rows are not bit for bit those of the session" for name in unlike]
        return [*said, *(f"it takes a request that it must refuse, {taken}" for taken in self.taken), *self.unfit]

    @property
    def unlike_session(self) -> int:
        """Return of how many outputs the answers are not the session's own, bit for bit."""
        return sum(not one.bitwise for one in self.outputs)

    @property
    def beyond(self) -> int:
        """Return how many values lie beyond the limits."""
        return sum(one.beyond for one in self.outputs) + sum(one.misshapen is not None for one in self.outputs)

    @property
    def label_mismatches(self) -> int:
        """Return the most labels of one output that differ from the native ones."""
        return max((one.label_mismatches for one in self.outputs), default=0)


def rehearse(bundle: Path, made: Golden, others: Rows) -> Rehearsal:
    """Send all rows to the bundle's score.py; BundleError where it refuses one of `made`, of which there must be one.

    Of `others` those are sent that no request can carry.
    """
    info = read_info(bundle / "code")
    made = _within_limits(made, info)
    cells = json_rows(made.rows, info.signature)
    requests = in_requests(cells, info.max_batch)
    refused = [*refusals(info, cells[0]), *uncarried(others, info)]
    with tempfile.TemporaryDirectory(prefix="rehearse-") as scratch:
        bodies = [json.dumps({info.request_key: part}) for part in requests] + [one.body for one in refused]
        scored = scoring.score(bundle, bodies, Path(scratch))
    answers = scored.answers
    _require_answered(answers[: len(requests)], info)
    served = served_outputs((body for _, body in answers[: len(requests)]), info, len(cells))
    session = open_answering(bundle, info, scored.forms[0])
    own = served if session is None else session_outputs(session, info, requests)
    native = {output.name: made.outputs[output.name].astype(output.dtype) for output in info.outputs}
    limits = read_golden(bundle, info).limits_of(scored.forms[0])
    compared = compare(served, own, native, info=info, limits=limits)
    taken, unfit = _taken(refused, answers[len(requests) :]), _unfit(bundle, info, scored.forms, requests[0])
    return Rehearsal(len(cells), tuple(compared), len(refused), tuple(taken), tuple(unfit))


def _unfit(bundle: Path, info: ModelInfo, forms: tuple[str, ...], cells: Cells) -> Iterator[str]:
    """Yield what is wrong with the fast path: it must serve here, and without its library ONNX must, or nothing."""
    fast = info.fast_path
    if fast is None:
        return
    if len(forms) != 1 or not is_binned(forms[0]):
        yield f"it serves another form of the model than the binned one: {', '.join(forms)}"
    body = json.dumps({info.request_key: cells})
    with tempfile.TemporaryDirectory(prefix="rehearse-") as scratch:
        try:
            found = scoring.score(bundle, [body], Path(scratch), without=LIBRARY_FILE)
        except BundleError as error:
            if fast.mode == "prefer" or KEY not in error.message:
                yield f"without its library it does not start: {error.message}"
            return
    if fast.mode == "require":
        yield f"without its library it starts, and {KEY} is require"
        return
    served = served_outputs((body for _, body in found.answers), info, len(cells))
    session = open_served(bundle / "model" / MODEL_FILE, info.signature)
    own = as_served(session_outputs(session, info, [cells]), info)
    if found.forms != ("onnx; missing",) or any(served[name].tobytes() != own[name].tobytes() for name in own):
        yield f"without its library it does not answer as model.onnx does ({', '.join(found.forms)})"


def _within_limits(made: Golden, info: ModelInfo) -> Golden:
    """Leave out rows further out than the served model's limits, which may be lower than the native one's."""
    most = np.array([column.max_abs for column in info.signature.columns])
    fit = np.flatnonzero(~(np.abs(made.rows.numbers) > most).any(axis=1))
    return Golden(made.rows.take(fit), {name: values[fit] for name, values in made.outputs.items()})


def _require_answered(answers: tuple[tuple[int, str], ...], info: ModelInfo) -> None:
    for number, (status, body) in enumerate(answers):
        if status != 200:
            said = json.loads(body)["error"]["message"] if status < 500 else "a fault of its own"
            rows = f"rows {number * info.max_batch} and after"
            raise BundleError(f"score.py refuses made rows that the model takes, {rows}: {said}", measured=status)


def _taken(refused: list[Refusal], answers: tuple[tuple[int, str], ...]) -> list[str]:
    return [
        f"{one.what}: status {status} instead of {one.status}"
        for one, (status, _) in zip(refused, answers, strict=True)
        if status != one.status
    ]
