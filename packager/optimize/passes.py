"""The pass contract, and the infrastructure that holds each pass to it.

In: the fp32 form. Out: one Variant per pass. A pass says beforehand why it does not apply; what it did is found out
afterwards by comparing the graphs, not by asking it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from packager.artifact import Precision, Signature, Variant
from packager.files import sha256_file
from packager.runtime.graph import operator_counts
from packager.runtime.session import NoKernel, open_session

if TYPE_CHECKING:
    from onnx import ModelProto


class Pass(Protocol):
    """A reduced precision. A module is the implementation."""

    PRECISION: Precision

    def requires(self, model: ModelProto) -> str | None:
        """Return why the pass cannot apply to this graph, or None."""

    def apply(self, source: Path, target: Path) -> None:
        """Write the reduced form of the fp32 file `source` to `target`."""

    def touches(self, model: ModelProto) -> str:
        """Say in words which operators the precision works on, and what the graph has instead."""


def run_pass(step: Pass, source: Path, signature: Signature, folder: Path) -> Variant:
    """Apply one pass to the fp32 form; the outcome is ok, no_op, not_applicable or failed, with its reason."""
    import onnx

    before = onnx.load(str(source))
    name = step.PRECISION
    if reason := step.requires(before):
        return Variant(name, name, "not_applicable", reason)
    target = folder / f"{name}.onnx"
    try:
        step.apply(source, target)
        after = onnx.load(str(target))
        onnx.checker.check_model(after)
    except Exception as error:  # noqa: BLE001 - converters raise every kind; the other precisions go on
        return Variant(name, name, "failed", f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    if _interface(before) != _interface(after):
        return Variant(name, name, "failed", "it changed the names, types or shapes of the inputs or outputs")
    if not _changed(before, after):
        target.unlink()
        return Variant(name, name, "no_op", f"nothing changed: {step.touches(before)}")
    try:
        open_session(target, signature)
    except NoKernel as error:
        return Variant(name, name, "failed", f"ONNX Runtime does not run it: {error}")
    return finished_variant(name, target)


def finished_variant(precision: Precision, path: Path, reason: str | None = None) -> Variant:
    """Return the ok variant that lies in `path`, with its size, digest and operators."""
    return Variant(
        precision, precision, "ok", reason, path, path.stat().st_size, sha256_file(path), operator_counts(path)
    )


def _interface(model: ModelProto) -> list[tuple[str, int, tuple[int, ...]]]:
    """Return name, type and fixed dimensions of every input and output; what a free dimension is called may change."""
    found = []
    for value in (*model.graph.input, *model.graph.output):
        tensor = value.type.tensor_type
        found.append((value.name, tensor.elem_type, tuple(dim.dim_value for dim in tensor.shape.dim)))
    return found


def _changed(before: ModelProto, after: ModelProto) -> bool:
    """Tell whether a pass did anything to what is computed: operators, or the dtypes of weights."""
    return _fingerprint(before) != _fingerprint(after)


def _fingerprint(model: ModelProto) -> tuple[list[str], list[tuple[int, ...]]]:
    operators = sorted(node.op_type for node in model.graph.node if node.op_type not in ("Cast", "Identity"))
    weights = sorted((tensor.data_type, *tensor.dims) for tensor in model.graph.initializer)
    return operators, weights
