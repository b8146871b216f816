"""Replay: the golden rows through the bundle's own score.py, in a child process laid out as the platform does.

Its answers must agree with the native ones within the limits that the variant passed, and equal the ONNX session's
own outputs bit for bit; what it imports must be what the bundle's environment holds.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from packager.bundle import scoring
from packager.bundle.graph import open_served
from packager.bundle.manifest import Json, check_digests
from packager.bundle.model_info import MODEL_FILE, ModelInfo, ServedOutput, read_info
from packager.bundle.samples import rows_of
from packager.errors import BundleError

if TYPE_CHECKING:
    from packager.bundle.plan import Outputs

# Packages of the building side: a score.py that loads one would not run where only its own environment is.
_FORBIDDEN = frozenset({"packager", "sklearn", "lightgbm", "joblib", "skl2onnx", "onnx", "pandas"})
# What reduced precisions answer with depends on these; a replay that fails elsewhere is easier to understand with them.
_CPU_FEATURES = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16", "asimddp", "i8mm", "sve")


@dataclass(frozen=True)
class ReplayResult:
    """How the golden rows fared. `failures` says in a sentence each what is wrong; `ok` means there are none.

    `differing_rows` are the positions of golden rows whose answers lie beyond the limits, or whose labels differ.
    """

    rows: int
    max_abs_error: float
    label_mismatches: int
    ok: bool
    seconds: float
    cpu_features: tuple[str, ...]
    failures: tuple[str, ...]
    differing_rows: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Difference:
    max_abs_error: float = 0.0
    label_mismatches: int = 0
    failures: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()


def replay(bundle: Path) -> ReplayResult:
    """Check the digests, score the golden rows as the platform would, and compare. Writes nothing into the bundle.

    BundleError where the bundle is not what its manifest says or its score.py does not run.
    """
    started = time.perf_counter()
    check_digests(bundle)
    info = read_info(bundle / "code")
    golden = json.loads((bundle / "samples" / "golden.json").read_bytes())
    cells = [row for request in golden["requests"] for row in request[info.request_key]]
    with tempfile.TemporaryDirectory(prefix="replay-") as scratch:
        asked = [json.dumps(request) for request in golden["requests"]]
        answers = scoring.score(bundle, asked, Path(scratch))
    failures = _refusals(answers)
    differences: list[_Difference] = []
    if not failures:
        served = _served_outputs(answers, info, len(cells))
        own = _own_outputs(bundle, info, [request[info.request_key] for request in golden["requests"]])
        differences = [_compare(output, served, own, golden) for output in info.outputs]
        failures = [failure for difference in differences for failure in difference.failures]
    return ReplayResult(
        rows=len(cells),
        max_abs_error=max((difference.max_abs_error for difference in differences), default=0.0),
        label_mismatches=sum(difference.label_mismatches for difference in differences),
        ok=not failures,
        seconds=time.perf_counter() - started,
        cpu_features=cpu_features(),
        failures=tuple(failures),
        differing_rows=tuple(sorted({row for difference in differences for row in difference.rows})),
    )


def _own_outputs(bundle: Path, info: ModelInfo, requests: list[list[list[Json]]]) -> Outputs:
    """Return the session's outputs over all requests, asked one by one: int8 scales its activations per call."""
    session = open_served(bundle / "model" / MODEL_FILE, info.signature)
    parts = [session.answers(rows_of(cells, info.signature)) for cells in requests]
    return {output.name: np.concatenate([part[output.name] for part in parts]) for output in info.outputs}


def cpu_features() -> tuple[str, ...]:
    """Return those features of this processor that change what reduced precisions answer, where it tells them."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ()
    flags = {flag for line in text.splitlines() if line.startswith(("flags", "Features")) for flag in line.split()}
    return tuple(feature for feature in _CPU_FEATURES if feature in flags)


def _refusals(answers: scoring.Answers) -> list[str]:
    failures = [
        f"score.py answered golden request {number} with status {status}"
        for number, (status, _) in enumerate(answers.answers)
        if status != 200
    ]
    if foreign := sorted(answers.modules & _FORBIDDEN):
        failures.append(f"score.py imports {', '.join(foreign)}, which its environment does not hold")
    return failures


def _served_outputs(answers: scoring.Answers, info: ModelInfo, rows: int) -> Outputs:
    """Return what was answered over all requests, by output name, in the dtype that it is answered in."""
    parts: dict[str, list[npt.NDArray[np.generic]]] = {output.name: [] for output in info.outputs}
    for _, body in answers.answers:
        document = json.loads(body)
        for output in info.outputs:
            parts[output.name].append(_read_output(document, output, info.outputs))
    served = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    for name, values in served.items():
        if len(values) != rows:
            raise BundleError(f"score.py answered {len(values)} values of {name!r} for {rows} rows")
    return served


def _read_output(
    document: dict[str, list[Json]], output: ServedOutput, outputs: tuple[ServedOutput, ...]
) -> npt.NDArray[np.generic]:
    together = [other.name for other in outputs if other.field == output.field]
    found: Json = document[output.field]
    if len(together) > 1:
        found = document[output.field][together.index(output.name)]
    return np.array(found, dtype=output.dtype)


def _compare(output: ServedOutput, served: Outputs, own: Outputs, golden: dict[str, dict[str, Json]]) -> _Difference:
    answered = served[output.name]
    expected = own[output.name].reshape(answered.shape).astype(output.dtype)
    native = np.array(golden["outputs"][output.name], dtype=output.dtype)
    failures = []
    if not _identical(answered, expected):
        failures.append(f"{output.name}: the answers are not bit for bit those of the ONNX session")
    if native.shape != answered.shape:
        failures.append(f"{output.name}: answers of shape {answered.shape}, native ones of shape {native.shape}")
        return _Difference(failures=tuple(failures))
    limits = {name: float(limit) for name, limit in golden["tolerance"].items() if isinstance(limit, int | float)}
    if output.role == "label" or output.dtype != "float64":
        return _compare_labels(output.name, answered, native, failures=failures, limit=limits["label_mismatch"])
    return _compare_numbers(output.name, answered.astype(np.float64), native.astype(np.float64), failures, limits)


def _identical(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> bool:
    if one.dtype.kind == "f":
        return one.tobytes() == other.tobytes()
    return bool(np.array_equal(one, other))


def _compare_labels(
    name: str, answered: npt.NDArray[np.generic], native: npt.NDArray[np.generic], *, failures: list[str], limit: float
) -> _Difference:
    differing = np.flatnonzero((answered != native).reshape(len(native), -1).any(axis=1))
    mismatches = len(differing)
    if mismatches > limit * len(native):
        failures.append(f"{name}: {mismatches} of {len(native)} labels differ from the native ones, limit {limit:g}")
    return _Difference(label_mismatches=mismatches, failures=tuple(failures), rows=tuple(differing.tolist()))


def _compare_numbers(
    name: str,
    answered: npt.NDArray[np.float64],
    native: npt.NDArray[np.float64],
    failures: list[str],
    limits: dict[str, float],
) -> _Difference:
    errors = np.abs(answered - native)
    allowed = limits["atol"] + limits["rtol"] * np.abs(native)
    is_beyond = ~(errors <= allowed)
    beyond = int(is_beyond.sum())
    worst = float(errors.max(initial=0.0))
    if beyond:
        within = f"atol {limits['atol']:g}, rtol {limits['rtol']:g}"
        failures.append(f"{name}: {beyond} of {errors.size} values are off, by up to {worst:.3g}, beyond {within}")
    differing = np.flatnonzero(is_beyond.reshape(len(native), -1).any(axis=1))
    return _Difference(max_abs_error=worst, failures=tuple(failures), rows=tuple(differing.tolist()))
