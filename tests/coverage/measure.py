"""One case through the program, in the order of a build, and through the independent judge after it.

In: a case. Out: a finding, whatever happens. The program's own functions decide what a build would decide.
"""

from __future__ import annotations

import re
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from packager.artifact import Precision, Signature, Variant
from packager.convert.assemble import Choices
from packager.convert.convert import convert
from packager.dataset.rows import Rows
from packager.errors import ConvertError, PackagerError
from packager.runtime.session import NoKernel, Session, open_session
from packager.training.native import NativeModel, signature_of

from .case import Case, Fitted
from .cells import cells_of
from .detection import Cell, Detection, detect, objection_to_made_rows
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
    # Asked for with `gated`: what verification says, and how many of the judge's rows of each kind differ.
    detection: Detection | None = None
    differing: dict[str, int] = field(default_factory=dict)

    def cell(self, *, with_rows: bool) -> Cell | None:
        """Say what the gate's answer is worth, None where it was not asked."""
        if self.detection is None:
            return None
        incomparable = self.status == "WRONG" and not self.differing
        return self.detection.cell(None if incomparable else self.differing, with_rows=with_rows)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Finding:
        """Return the finding that `dataclasses.asdict` made into plain values."""
        detection = document["detection"]
        return cls(**{**document, "detection": None if detection is None else Detection(**detection)})


@dataclass(frozen=True)
class _Outcome:
    status: Status
    reason: str = ""
    detection: Detection | None = None
    differing: dict[str, int] = field(default_factory=dict)


def measure(case: Case, *, engine: Engine = "own", gated: bool = False) -> Finding:
    """Fit, convert, verify and judge one case; verification is asked about the stock engine's forms where `gated`."""
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            outcome = _outcome(case, engine, gated=gated)
        except Exception as error:  # noqa: BLE001 - a fault of ours is a row as well
            outcome = _Outcome("failed", f"{type(error).__name__}: {error}")
    return Finding(
        case.name,
        case.table,
        case.family,
        outcome.status,
        brief(outcome.reason),
        time.perf_counter() - started,
        outcome.detection,
        outcome.differing,
    )


def brief(reason: str) -> str:
    """Return a reason in one line, without what differs from run to run."""
    line = re.sub(r"0x[0-9a-f]+", "0x…", " ".join(reason.split()))
    line = re.sub(r"(?<![\w:/])/\S*/(?=[^/\s]+)", "", line)
    line = re.sub(r" does not convert in float\d\d: (?:[A-Z]\w*Error: )?", ": ", line)
    return line if len(line) <= _MAX_REASON_CHARACTERS else line[: _MAX_REASON_CHARACTERS - 1] + "…"


def _outcome(case: Case, engine: Engine, *, gated: bool) -> _Outcome:
    fitted = case.make()
    model = fitted.model
    if not hasattr(model, "predict") and not hasattr(model, "transform"):
        return _Outcome("no predict", "answers nothing about rows that it was not fitted on")
    native = NativeModel(model)
    with tempfile.TemporaryDirectory() as folder:
        try:
            signature = signature_of(native)
            baseline, session = _baseline(model, signature, Path(folder), engine)
        except PackagerError as error:
            return _Outcome("refused", error.message.removeprefix("no exact conversion: "))
        if engine == "stock":
            return _stock(fitted, native, session, baseline if gated else None)
        objection = objection_to_made_rows(native, session, baseline)
        judgement = judge(model, cells_of(fitted.held_out), session, exact_within=exact_within(model))
        if objection:
            return _Outcome("caught", f"{objection} (independent rows: {judgement.told() or 'no difference'})")
        if not judgement.is_within_limits:
            return _Outcome("WRONG", judgement.told())
        if otherwise := served_otherwise(session, Path(folder) / f"{baseline.name}.onnx", judgement.kept):
            return _Outcome("WRONG", otherwise)
        if baseline.precision == "fp32":
            return _Outcome("float32", "only in float32")
        if not judgement.is_exact:
            return _Outcome("float32", f"in part: {judgement.told()}")
        return _Outcome("exact", f"rows beyond 1e9: {judgement.beyond} differ" if judgement.beyond else "")


def _stock(fitted: Fitted, native: NativeModel, session: Session, baseline: Variant | None) -> _Outcome:
    """Judge what the stock converters made; ask verification about it as the `baseline`, where there is one."""
    judgement = judge(fitted.model, cells_of(fitted.held_out), session, exact_within=exact_within(fitted.model))
    status: Status = "float32" if judgement.is_within_limits else "WRONG"
    rows = _rows(fitted, session.signature)
    detection = None if baseline is None else detect(native, session, baseline, rows)
    differing = {} if judgement.failure is not None else dict(judgement.differing)
    return _Outcome(status, judgement.told() or "only in float32", detection, differing)


def _baseline(model: Any, signature: Signature, folder: Path, engine: Engine) -> tuple[Variant, Session]:
    """Return the form that a build takes as its baseline; raise the last ConvertError when there is none."""
    failure = ConvertError("no form was tried")
    for precision, dtype in _FORMS.items():
        if engine == "stock" and precision == "fp64":
            continue
        path = folder / f"{precision}.onnx"
        try:
            convert(model, signature, path, dtype=np.dtype(dtype), choices=Choices(None, engine))
            return Variant(precision, precision, "ok", path=path), open_session(path, signature)
        except ConvertError as error:
            failure = error
        except NoKernel as error:
            failure = ConvertError(f"ONNX Runtime has no {dtype} kernel for it: {error}")
    raise failure


def _rows(fitted: Fitted, signature: Signature) -> Rows | None:
    """Return the held-out rows as a build reads them, None where they are no rows of the signature."""
    try:
        return cells_of(fitted.held_out).rows(signature)
    except ValueError:
        return None
