"""One case through the program, in the order of a build, and through the independent judge after it.

In: a case. Out: a finding, whatever happens. The program's own functions decide what a build would decide.
"""

from __future__ import annotations

import re
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from packager.artifact import Precision, Signature, Variant
from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.convert.trace import structure_of
from packager.errors import ConvertError, PackagerError
from packager.recipe.parity import Parity
from packager.runtime.session import NoKernel, Session, open_session
from packager.training.native import NativeModel, signature_of
from packager.verify.parity import Tally
from packager.verify.probes import make_probes
from packager.verify.verify import Subject, verify_made_rows

from .case import Case
from .cells import cells_of
from .judge import judge
from .served import served_otherwise
from .steps import exact_within

Status = Literal["exact", "float32", "refused", "caught", "WRONG", "failed", "no predict"]
"""exact: same labels and scores within 1e-9 (trees) or 1e-6. float32: within the default limits only. refused: exit 4
or 3. caught: exit 6. WRONG: passes verification and differs. failed: an error that is ours."""
Engine = Literal["own", "stock"]
STATUSES: tuple[Status, ...] = get_args(Status)

_FORMS: dict[Precision, str] = {"fp64": "float64", "fp32": "float32"}
_MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True)
class Finding:
    """What became of one case, and why where it is not exact."""

    name: str
    table: str
    family: str
    status: Status
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class _Outcome:
    status: Status
    reason: str = ""


def measure(case: Case, *, engine: Engine = "own") -> Finding:
    """Fit, convert, verify and judge one case."""
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outcome = _outcome(case, engine)
        except Exception as error:  # noqa: BLE001 - a fault of ours is a row as well
            outcome = _Outcome("failed", f"{type(error).__name__}: {error}")
    reason = brief(outcome.reason)
    return Finding(case.name, case.table, case.family, outcome.status, reason, time.perf_counter() - started)


def brief(reason: str) -> str:
    """Return a reason in one line, without what differs from run to run."""
    line = re.sub(r"0x[0-9a-f]+", "0x…", " ".join(reason.split()))
    line = re.sub(r"(?<![\w:/])/\S*/(?=[^/\s]+)", "", line)
    line = re.sub(r" does not convert in float\d\d: (?:[A-Z]\w*Error: )?", ": ", line)
    return line if len(line) <= _MAX_REASON_CHARACTERS else line[: _MAX_REASON_CHARACTERS - 1] + "…"


def _outcome(case: Case, engine: Engine) -> _Outcome:
    fitted = case.make()
    model = fitted.model
    if not hasattr(model, "predict") and not hasattr(model, "transform"):
        return _Outcome("no predict", "answers nothing about rows that it was not fitted on")
    native = NativeModel(model)
    with tempfile.TemporaryDirectory() as folder:
        try:
            signature = signature_of(native)
            precision, session = _baseline(model, signature, Path(folder), engine)
        except PackagerError as error:
            return _Outcome("refused", error.message.removeprefix("no exact conversion: "))
        objection = None if engine == "stock" else _objection(native, session, precision)
        judgement = judge(model, cells_of(fitted.held_out), session, exact_within=exact_within(model))
        if objection is not None:
            return _Outcome("caught", f"{objection} (independent rows: {judgement.told() or 'no difference'})")
        if not judgement.is_within_limits:
            return _Outcome("WRONG", judgement.told())
        path = Path(folder) / f"{precision}.onnx"
        if engine == "own" and (otherwise := served_otherwise(session, path, judgement.kept)):
            return _Outcome("WRONG", otherwise)
        if precision == "fp32":
            return _Outcome("float32", "only in float32")
        if not judgement.is_exact:
            return _Outcome("float32", f"in part: {judgement.told()}")
        return _Outcome("exact", f"rows beyond 1e9: {judgement.beyond} differ" if judgement.beyond else "")


def _baseline(model: Any, signature: Signature, folder: Path, engine: Engine) -> tuple[Precision, Session]:
    """Return the form that a build takes as its baseline; raise the last ConvertError when there is none."""
    failure = ConvertError("no form was tried")
    for precision, dtype in _FORMS.items():
        if engine == "stock" and precision == "fp64":
            continue
        path = folder / f"{precision}.onnx"
        try:
            convert(model, signature, path, dtype=np.dtype(dtype), choices=Choices(None, engine))
            return precision, open_session(path, signature)
        except ConvertError as error:
            failure = error
        except NoKernel as error:
            failure = ConvertError(f"ONNX Runtime has no {dtype} kernel for it: {error}")
    raise failure


def _objection(native: NativeModel, session: Session, precision: Precision) -> str | None:
    """Return what the program's own verification says against the form, None where it lets it pass."""
    probes = make_probes(structure_of(native.model, session.signature), session.signature)
    answers, taken = native.tolerant_answers(probes.rows)
    if answers is None:
        return "the model answers none of the made rows"
    tolerance = Parity().tolerance(precision)
    subject = Subject(
        Variant(precision, precision, "ok"),
        session,
        Tally(session.signature, tolerance),
        Tally(session.signature, tolerance),
    )
    verify_made_rows([subject], probes, answers, taken)
    tally = subject.made
    if tally.malformed is not None:
        return tally.malformed
    faults = []
    if tally.label_mismatches:
        faults.append(f"{tally.label_mismatches:,} of {tally.labels:,} labels differ")
    if tally.beyond:
        faults.append(f"{tally.beyond:,} of {tally.values:,} values differ, by up to {tally.max_abs_error:.1g}")
    return "; ".join(faults) or (None if tally.rows else "no row was compared")
