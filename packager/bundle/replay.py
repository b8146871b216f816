"""Replay: the golden rows through the bundle's own score.py, in a child process laid out as the platform does.

Its answers must agree with the native ones within the limits that the variant passed, and equal the ONNX session's
own outputs bit for bit; what it imports must be what the bundle's environment holds.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packager.bundle import scoring
from packager.bundle.compare import Compared, as_served, compare, served_outputs, session_outputs
from packager.bundle.golden import GoldenSet, read_golden
from packager.bundle.graph import open_answering, open_served
from packager.bundle.manifest import check_digests
from packager.bundle.model_info import MODEL_FILE, ModelInfo, read_info
from packager.errors import BundleError
from packager.runtime.machine import cpu_features

# Packages of the building side: a score.py that loads one would not run where only its own environment is.
_FORBIDDEN = frozenset({"packager", "sklearn", "lightgbm", "joblib", "skl2onnx", "onnx", "pandas"})

_NO_SESSION = (
    "answers not held bit for bit against a session: packager's extension is not compiled here, limits alone were"
)


@dataclass(frozen=True)
class ReplayResult:
    """How the golden rows fared. `failures` says in a sentence each what is wrong; `ok` means there are none.

    `differing_rows` are the positions of golden rows whose answers lie beyond the limits, or whose labels differ.
    `coverage`: per kind of thing how many the golden rows reach of how many the model has. `cpu_features` are this
    processor's; `built_on` those of the one that built the bundle, None where its answers do not depend on them.
    `form`: of a bundle with a fast path, which form of the model has answered, and why not the fast one. The model.onnx
    that then stands by is asked the same rows and held against limits of its own: `onnx_max_abs_error`,
    `onnx_label_mismatches` and `onnx_failures`, which are among `failures` too. `gap`: what
    could not be checked here.
    """

    rows: int
    max_abs_error: float
    label_mismatches: int
    ok: bool
    seconds: float
    cpu_features: tuple[str, ...]
    failures: tuple[str, ...]
    differing_rows: tuple[int, ...]
    coverage: dict[str, tuple[int, int]]
    built_on: tuple[str, ...] | None
    form: str | None = None
    onnx_max_abs_error: float | None = None
    onnx_label_mismatches: int | None = None
    onnx_failures: tuple[str, ...] = ()
    gap: str | None = None

    @property
    def on_other_cpu(self) -> bool:
        """Tell whether the answers depend on the processor, and were verified on another kind than this one."""
        return self.built_on is not None and self.built_on != self.cpu_features


def replay(bundle: Path) -> ReplayResult:
    """Check the digests, score the golden rows as the platform would, and compare. Writes nothing into the bundle.

    BundleError where the bundle is not what its manifest says or its score.py does not run.
    """
    started = time.perf_counter()
    try:
        check_digests(bundle)
    except OSError as error:
        raise BundleError(f"{error.filename or bundle} cannot be read: {error.strerror}") from None
    info = read_info(bundle / "code")
    golden = read_golden(bundle, info)
    found = _replayed(bundle, info, golden)
    standby = [] if info.fast_path is None else _standing_by(bundle, info, golden)
    limits = golden.limits_of("onnx")
    onnx_failures = [f"model.onnx: {said}" for one in standby for said in one.failures(limits)]
    failures = [*found.failures, *onnx_failures]
    return ReplayResult(
        rows=len(golden.cells),
        max_abs_error=_largest_error(found.compared),
        label_mismatches=_label_mismatches(found.compared),
        ok=not failures,
        seconds=time.perf_counter() - started,
        cpu_features=cpu_features(),
        failures=tuple(failures),
        differing_rows=tuple(sorted({row for one in [*found.compared, *standby] for row in one.differing_rows})),
        coverage=golden.coverage,
        built_on=golden.cpu_features,
        form=found.form,
        onnx_max_abs_error=_largest_error(standby) if standby else None,
        onnx_label_mismatches=_label_mismatches(standby) if standby else None,
        onnx_failures=tuple(onnx_failures),
        gap=found.gap,
    )


@dataclass(frozen=True)
class _Replayed:
    """What is wrong, how each output fared where every request was answered, and which form of the model answered."""

    failures: list[str]
    compared: list[Compared]
    form: str | None
    gap: str | None = None


def _replayed(bundle: Path, info: ModelInfo, golden: GoldenSet) -> _Replayed:
    with tempfile.TemporaryDirectory(prefix="replay-") as scratch:
        bodies = [json.dumps({info.request_key: cells}) for cells in golden.requests]
        answers = scoring.score(bundle, bodies, Path(scratch))
    failures = [
        f"score.py answered golden request {number} with status {status}"
        for number, (status, _) in enumerate(answers.answers)
        if status != 200
    ]
    if foreign := sorted(answers.modules & _FORBIDDEN):
        failures.append(f"score.py imports {', '.join(foreign)}, which its environment does not hold")
    form = None if info.fast_path is None else " and ".join(answers.forms)
    if failures:
        return _Replayed(failures, [], form)
    served = served_outputs((body for _, body in answers.answers), info, len(golden.cells))
    session = open_answering(bundle, info, form or "")
    # Where this program has no library of its own, the bundle's own answers are held against the limits alone.
    gap = _NO_SESSION if session is None else None
    own = served if session is None else session_outputs(session, info, golden.requests)
    limits = golden.limits_of(form or "")
    compared = compare(served, own, golden.outputs, info=info, limits=limits)
    return _Replayed([failure for one in compared for failure in one.failures(limits)], compared, form, gap)


def _standing_by(bundle: Path, info: ModelInfo, golden: GoldenSet) -> list[Compared]:
    """Return how the ONNX model fares that serves where the binned one can't."""
    session = open_served(bundle / "model" / MODEL_FILE, info.signature)
    own = as_served(session_outputs(session, info, golden.requests), info)
    return compare(own, own, golden.outputs, info=info, limits=golden.limits_of("onnx"))


def _largest_error(compared: Sequence[Compared]) -> float:
    return max((one.max_abs_error for one in compared), default=0.0)


def _label_mismatches(compared: Sequence[Compared]) -> int:
    return sum(one.label_mismatches for one in compared)
