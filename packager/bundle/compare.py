"""Served answers against the ONNX session's, bit for bit, and against the native ones, within limits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from packager.bundle.golden import Cells, Limits, whole_labels
from packager.bundle.manifest import Json
from packager.bundle.samples import rows_of
from packager.errors import BundleError

if TYPE_CHECKING:
    from packager.bundle.model_info import ModelInfo, ServedOutput
    from packager.bundle.plan import Outputs
    from packager.runtime.session import Session

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Compared:
    """How one output fared. `misshapen` says which shapes do not fit; then nothing else was compared with native.

    `differing_rows` are the positions of rows whose answers lie beyond the limits, or whose labels differ.
    """

    name: str
    rows: int
    bitwise: bool
    values: int = 0
    beyond: int = 0
    max_abs_error: float = 0.0
    label_mismatches: int = 0
    misshapen: str | None = None
    differing_rows: tuple[int, ...] = ()

    def failures(self, limits: Limits) -> list[str]:
        """Say in a sentence each what is wrong."""
        said = []
        if not self.bitwise:
            said.append(f"{self.name}: the answers are not bit for bit those of the session")
        if self.misshapen is not None:
            said.append(f"{self.name}: {self.misshapen}")
        if self.label_mismatches > (allowed := whole_labels(limits.label_mismatch, self.rows)):
            counted = f"{self.label_mismatches} of {self.rows} labels differ from the native ones"
            said.append(f"{self.name}: {counted}, limit {allowed}")
        if self.beyond:
            within = f"atol {limits.atol:g}, rtol {limits.rtol:g}"
            counted = f"{self.beyond} of {self.values} values are off, by up to {self.max_abs_error:.3g}"
            said.append(f"{self.name}: {counted}, beyond {within}")
        return said


def compare(served: Outputs, own: Outputs, native: Outputs, *, info: ModelInfo, limits: Limits) -> list[Compared]:
    """Compare what was served to some rows with the session's own outputs and the native ones, output by output."""
    return [
        _compare(output, served[output.name], own[output.name], native[output.name], limits) for output in info.outputs
    ]


def served_outputs(bodies: Iterable[str], info: ModelInfo, rows: int) -> Outputs:
    """Return what was answered over all requests, by output name, in the dtype that it is answered in."""
    parts: dict[str, list[Array]] = {output.name: [] for output in info.outputs}
    try:
        for body in bodies:
            document = json.loads(body)
            for output in info.outputs:
                parts[output.name].append(_read_output(document, output, info.outputs))
        served = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        message = f"score.py answers with 200, and not with what its bundle promises ({type(error).__name__})"
        raise BundleError(message, hint="build or fetch the bundle anew") from None
    for name, values in served.items():
        if len(values) != rows:
            raise BundleError(f"score.py answered {len(values)} values of {name!r} for {rows} rows")
    return served


def session_outputs(session: Session, info: ModelInfo, requests: Sequence[Cells]) -> Outputs:
    """Return the session's outputs over all requests, asked one by one: int8 scales its activations per call."""
    parts = [session.answers(rows_of(cells, info.signature)) for cells in requests]
    return {output.name: np.concatenate([part[output.name] for part in parts]) for output in info.outputs}


def as_served(own: Outputs, info: ModelInfo) -> Outputs:
    """Return a session's outputs in the shapes and dtypes that they are served in."""
    return {output.name: own[output.name].reshape(-1, *output.shape).astype(output.dtype) for output in info.outputs}


def _read_output(document: dict[str, list[Json]], output: ServedOutput, outputs: Sequence[ServedOutput]) -> Array:
    together = [other.name for other in outputs if other.field == output.field]
    found: Json = document[output.field]
    if len(together) > 1:
        found = document[output.field][together.index(output.name)]
    return np.array(found, dtype=output.dtype)


def _compare(output: ServedOutput, answered: Array, own: Array, native: Array, limits: Limits) -> Compared:
    is_own = own.size == answered.size and _identical(answered, own.reshape(answered.shape).astype(output.dtype))
    rows = len(answered)
    if native.shape != answered.shape:
        misshapen = f"answers of shape {answered.shape}, native ones of shape {native.shape}"
        return Compared(output.name, rows, is_own, misshapen=misshapen)
    if output.role == "label" or output.dtype != "float64":
        differing = np.flatnonzero((answered != native).reshape(rows, -1).any(axis=1))
        mismatches = len(differing)
        return Compared(
            output.name, rows, is_own, label_mismatches=mismatches, differing_rows=tuple(differing.tolist())
        )
    errors = np.abs(answered.astype(np.float64) - native.astype(np.float64))
    is_beyond = ~(errors <= limits.atol + limits.rtol * np.abs(native.astype(np.float64)))
    differing = np.flatnonzero(is_beyond.reshape(rows, -1).any(axis=1))
    return Compared(
        output.name,
        rows,
        is_own,
        values=errors.size,
        beyond=int(is_beyond.sum()),
        max_abs_error=float(errors.max(initial=0.0)),
        differing_rows=tuple(differing.tolist()),
    )


def _identical(one: Array, other: Array) -> bool:
    if one.dtype.kind == "f":
        return one.tobytes() == other.tobytes()
    return bool(np.array_equal(one, other))
