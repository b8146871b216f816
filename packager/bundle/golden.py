"""samples/golden.json: requests that are ready to send, the native answers, and the limits that answers must keep.

A build writes it, a replay reads it back; what was read is checked, for anyone can edit a file.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from packager.bundle.fast_path import is_binned
from packager.bundle.manifest import Json
from packager.bundle.samples import json_rows
from packager.errors import BundleError

if TYPE_CHECKING:
    from packager.bundle.model_info import ModelInfo
    from packager.bundle.plan import BundlePlan, Outputs
    from packager.recipe.parity import Tolerance

GOLDEN_FILE = "samples/golden.json"
Cells = list[list[Json]]


@dataclass(frozen=True)
class Limits:
    """How far answers may lie from the native ones: |answer - native| <= atol + rtol * |native|."""

    atol: float
    rtol: float
    label_mismatch: float


@dataclass(frozen=True)
class GoldenSet:
    """Cells of each request, the native answers to all of them in order, and within which limits they are repeated.

    `baseline_limits`: those of the model.onnx that stands by for a binned form; None where it has no others.
    `coverage`: per kind of thing how many of a model's these rows reach. `cpu_features`: of the processor that built
    the bundle, where answers depend on it, else None.
    """

    requests: tuple[Cells, ...]
    outputs: Outputs
    limits: Limits
    coverage: dict[str, tuple[int, int]]
    cpu_features: tuple[str, ...] | None
    baseline_limits: Limits | None = None

    def limits_of(self, form: str) -> Limits:
        """Return the limits of the form of the model that has answered, as its header tells it."""
        return self.limits if is_binned(form) or self.baseline_limits is None else self.baseline_limits

    def from_recorded(self, form: str) -> Limits:
        """Return how far this form's answers may lie from those that the selected form gave when built."""
        own, other = self.limits_of(form), self.limits
        if own is other:
            return own
        return Limits(own.atol + other.atol, own.rtol + other.rtol, own.label_mismatch + other.label_mismatch)

    @property
    def cells(self) -> Cells:
        """Return the rows of all requests."""
        return [row for cells in self.requests for row in cells]


def whole_labels(share: float, rows: int) -> int:
    """Return how many of so many rows may have another label: the share, rounded up to whole rows."""
    return math.ceil(round(share * rows, 6))


def golden_document(plan: BundlePlan, info: ModelInfo) -> dict[str, Json]:
    """Return golden.json for a plan."""
    cells = json_rows(plan.golden.rows, info.signature)
    baseline = plan.baseline_tolerance
    outputs: dict[str, Json] = {
        output.name: _listed(output.name, plan.golden.outputs.get(output.name), len(cells))
        for output in info.signature.outputs
    }
    return {
        "requests": [{info.request_key: list(part)} for part in in_requests(cells, info.max_batch)],
        "outputs": outputs,
        "tolerance": _told(plan.tolerance),
        **({} if baseline is None else {"baseline_tolerance": _told(baseline)}),
        "coverage": {name: list(figures) for name, figures in plan.golden.coverage.items()},
        "cpu_features": None if plan.cpu_features is None else list(plan.cpu_features),
    }


def in_requests(cells: Cells, max_batch: int) -> list[Cells]:
    """Return the rows as requests take them: at most `max_batch` at once."""
    return [cells[start : start + max_batch] for start in range(0, len(cells), max_batch)]


def read_golden(bundle: Path, info: ModelInfo) -> GoldenSet:
    """Read golden.json; BundleError where it is not a golden set of this model."""
    try:
        return _parse(json.loads((bundle / GOLDEN_FILE).read_bytes()), info)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BundleError(
            f"{bundle / GOLDEN_FILE} is not a golden set of this model ({type(error).__name__})",
            hint="build or fetch the bundle anew",
        ) from None


def _parse(document: dict[str, dict[str, Json]], info: ModelInfo) -> GoldenSet:
    """Return the golden set of parsed JSON; any of the errors that `read_golden` names where it isn't one."""
    requests = tuple(_cells(request, info) for request in document["requests"])
    rows = sum(map(len, requests))
    outputs = {output.name: np.array(document["outputs"][output.name], dtype=output.dtype) for output in info.outputs}
    if not rows or any(values.ndim == 0 or len(values) != rows for values in outputs.values()):
        raise ValueError("rows")
    baseline = document.get("baseline_tolerance")
    coverage = {str(name): (int(figures[0]), int(figures[1])) for name, figures in document.get("coverage", {}).items()}  # type: ignore[index,arg-type]
    features = document.get("cpu_features")
    return GoldenSet(
        requests,
        outputs,
        _limits(document["tolerance"]),
        coverage,
        None if features is None else tuple(map(str, features)),
        None if baseline is None else _limits(baseline),
    )


def _cells(request: Json, info: ModelInfo) -> Cells:
    rows = request[info.request_key] if isinstance(request, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise TypeError("rows")
    cells = [row for row in rows if isinstance(row, list) and len(row) == len(info.signature.columns)]
    if len(cells) != len(rows):
        raise ValueError("columns")
    return cells


def _told(tolerance: Tolerance) -> Json:
    return asdict(Limits(tolerance.atol, tolerance.rtol, tolerance.label_mismatch))


def _limits(values: dict[str, Json]) -> Limits:
    return Limits(**{name: _limit(value) for name, value in values.items()})


def _limit(value: Json) -> float:
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError("limit")
    return float(value)


def _listed(name: str, values: npt.NDArray[np.generic] | None, rows: int) -> Json:
    if values is None or len(values) != rows:
        measured = "none" if values is None else f"{len(values)} answers"
        message = f"The golden rows lack native answers for {name!r}"
        raise BundleError(message, measured=measured, limit=f"{rows} answers")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BundleError(f"A native answer for {name!r} is not finite, and JSON can't carry it")
    listed: Json = values.tolist()
    return listed
