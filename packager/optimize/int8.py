"""INT8 by dynamic quantization: weights of matrix products become uint8, activations are scaled per call."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from packager.artifact import Precision

if TYPE_CHECKING:
    from onnx import ModelProto

PRECISION: Precision = "int8"

# Products with constant weights, for which ONNX Runtime has integer kernels. The quantizer would also squeeze the
# tables of Gather, a forest's leaves among them: that is storage, makes nothing faster, and rounds what is exact.
_QUANTIZED = ("MatMul", "Gemm", "Conv")


def requires(model: ModelProto) -> str | None:
    """Return why dynamic quantization cannot apply, or None."""
    del model
    return None


def touches(model: ModelProto) -> str:
    """Say what int8 works on, and what the graph has instead."""
    there = sorted({node.op_type for node in model.graph.node if node.op_type not in ("Cast", "Identity")})
    return f"int8 works on {', '.join(_QUANTIZED)}; this graph has {', '.join(there)}"


def apply(source: Path, target: Path) -> None:
    """Quantize; the quantizer's own chatter is dropped."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quiet = logging.getLogger()
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        quantize_dynamic(str(source), str(target), weight_type=QuantType.QUInt8, op_types_to_quantize=list(_QUANTIZED))
    finally:
        quiet.setLevel(level)
