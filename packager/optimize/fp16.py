"""FP16: weights and arithmetic in half precision. The graph still takes and gives float32 and rounds within itself."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from packager.artifact import Precision

if TYPE_CHECKING:
    from onnx import ModelProto

PRECISION: Precision = "fp16"
_ML_DOMAIN = "ai.onnx.ml"
# ONNX Runtime's ScatterND cannot add in half precision.
_NO_HALF = ("ScatterND",)


def requires(model: ModelProto) -> str | None:
    """Return why half precision cannot apply, or None: machine-learning operators have no half form."""
    operators = {node.op_type for node in model.graph.node if node.domain == _ML_DOMAIN}
    if trees := sorted(name for name in operators if name.startswith("TreeEnsemble")):
        return f"{', '.join(trees)} has no half-precision kernel, and half of an input would cross split thresholds"
    if any(node.op_type == "Scan" for node in model.graph.node):
        return "it decides between equally near rows step by step, and half precision makes many more rows equal"
    return None


def touches(model: ModelProto) -> str:
    """Say what fp16 works on, and what the graph has instead."""
    there = sorted({node.op_type for node in model.graph.node})
    return f"fp16 works on float32 weights and arithmetic; this graph has {', '.join(there)}"


def apply(source: Path, target: Path) -> None:
    """Convert the plain operators; those without a half form, machine-learning ones among them, stay in float32."""
    import onnx
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    model = onnx.load(str(source))
    kept = {node.op_type for node in model.graph.node if node.domain == _ML_DOMAIN} | {*_NO_HALF}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # weights below half's smallest number become zero; parity judges that
        half = convert_float_to_float16(
            model, keep_io_types=True, op_block_list=[*DEFAULT_OP_BLOCK_LIST, *sorted(kept)]
        )
    ordered = OnnxModel(half)  # the converter appends its casts behind the nodes that read them
    ordered.topological_sort()
    onnx.save(ordered.model, str(target))
