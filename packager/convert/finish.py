"""Give a converted graph its final form: one input layout, our names, exact shapes, one byte form.

In: what was assembled. Out: a model whose inputs and outputs are the signature's, with each opset named
once, no dead nodes, and the same bytes in every run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.artifact import Output, Signature
from packager.convert.arithmetic.sparse import check_widths
from packager.convert.bodies import read_by, rename_reads
from packager.convert.graph import ML_DOMAIN
from packager.convert.neutral import keep_small_steps
from packager.convert.scales import keep_scales

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto

# TreeEnsemble came with 5, which has no stock tree operators any more.
_ML_OPSET_OF_TREE_ENSEMBLE = 5
_STOCK_TREES = {"TreeEnsembleClassifier", "TreeEnsembleRegressor"}
# The IR version of the oldest runtime that runs TreeEnsemble in double.
_IR_VERSION = 10
_SPLIT_SIZES = "split_sizes"


def finish(model: ModelProto, signature: Signature, dtype: np.dtype[np.floating]) -> ModelProto:
    """Return a new model in final form; raise ValueError when its outputs are not the signature's."""
    import onnx
    from onnx import helper

    graph = model.graph
    _make_way(graph, signature)
    final = onnx.GraphProto(name="model")
    final.input.extend(_inputs(signature, dtype))
    final.node.extend(_input_nodes(graph, signature, dtype))
    final.node.extend(graph.node)
    final.initializer.extend(graph.initializer)
    _bind_outputs(final, graph, signature, dtype)
    _drop_dead(final)
    check_widths(final)
    keep_small_steps(final)
    keep_scales(final)
    finished = helper.make_model(final, opset_imports=_opsets(model, final), ir_version=_IR_VERSION)
    finished.producer_name = "packager"
    return finished


def _make_way(graph: GraphProto, signature: Signature) -> None:
    """Rename what has a name that we give: columns may be called anything, `features` or `label` among it."""
    inputs = [value.name for value in graph.input]
    ours = {*signature.input_names, *(output.name for output in signature.outputs), _SPLIT_SIZES}
    if inputs == list(signature.input_names):
        ours -= {*inputs}
    made = [*inputs, *(name for node in graph.node for name in node.output), *(item.name for item in graph.initializer)]
    taken = {*made, *ours}
    renamed = {}
    for name in filter(ours.__contains__, made):
        fresh = f"{name}_own"
        while fresh in taken:
            fresh += "_"
        renamed[name] = fresh
        taken.add(fresh)
    for node in graph.node:
        rename_reads(node, renamed)
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = renamed.get(value.name, value.name)


def _inputs(signature: Signature, dtype: np.dtype[np.floating]) -> list[ValueInfoProto]:
    from onnx import TensorProto, helper

    number = int(helper.np_dtype_to_tensor_dtype(dtype))
    if signature.layout == "tensor":
        return [helper.make_tensor_value_info("features", number, [None, len(signature.columns)])]
    return [
        helper.make_tensor_value_info(name, TensorProto.STRING if column.dtype == "string" else number, [None, 1])
        for name, column in zip(signature.input_names, signature.columns, strict=True)
    ]


def _input_nodes(graph: GraphProto, signature: Signature, dtype: np.dtype[np.floating]) -> list[NodeProto]:
    """Feed the graph's own input names from ours: rename by Identity, or split one tensor into named columns."""
    from onnx import helper
    from onnx.numpy_helper import from_array

    wanted = [value.name for value in graph.input]
    if wanted == list(signature.input_names):
        return []
    if signature.layout == "tensor":
        graph.initializer.append(from_array(np.ones(len(wanted), dtype=np.int64), _SPLIT_SIZES))
        return [helper.make_node("Split", ["features", _SPLIT_SIZES], wanted, name="split_features", axis=1)]
    return [
        helper.make_node("Identity", [ours], [theirs], name=f"name_{ours}")
        for ours, theirs in zip(signature.input_names, wanted, strict=True)
    ]


def _bind_outputs(final: GraphProto, graph: GraphProto, signature: Signature, dtype: np.dtype[np.floating]) -> None:
    """Name the outputs as the signature does; outputs beyond it are dropped."""
    from onnx import TensorProto, helper

    if len(graph.output) < len(signature.outputs):
        raise ValueError(f"the graph has {len(graph.output)} outputs, the model {len(signature.outputs)}")
    for output, value in zip(signature.outputs, graph.output, strict=False):
        source = value.name
        wanted = _element_type(output, dtype)
        if wanted == TensorProto.STRING:
            final.node.append(helper.make_node("Identity", [source], [output.name], name=f"name_{output.name}"))
        else:
            cast = helper.make_node("Cast", [source], [output.name], name=f"name_{output.name}", to=wanted)
            final.node.append(cast)
        final.output.append(helper.make_tensor_value_info(output.name, wanted, _shape(output)))


def _element_type(output: Output, dtype: np.dtype[np.floating]) -> int:
    """Return the type in which an output leaves the graph: labels in their own, numbers in `dtype`."""
    from onnx import TensorProto, helper

    own = {"bool": TensorProto.BOOL, "string": TensorProto.STRING, "int64": TensorProto.INT64}
    if output.dtype in own:
        return int(own[output.dtype])
    return int(TensorProto.DOUBLE if output.dtype == "float64" else helper.np_dtype_to_tensor_dtype(dtype))


def _shape(output: Output) -> list[int | None]:
    if output.role == "label" and not output.width:
        return [None]
    return [None, max(output.width, 1)]


def _drop_dead(graph: GraphProto) -> None:
    """Remove nodes and initializers that no output needs."""
    needed = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed |= read_by(node)
    initializers = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(initializers)


def _opsets(model: ModelProto, graph: GraphProto) -> list[OperatorSetIdProto]:
    """Name each operator set once, in order. skl2onnx names some twice, and in an order that varies."""
    from onnx import helper

    versions: dict[str, int] = {}
    for entry in model.opset_import:
        versions[entry.domain] = max(entry.version, versions.get(entry.domain, 0))
    operators = {node.op_type for node in graph.node if node.domain == ML_DOMAIN}
    if "TreeEnsemble" in operators:
        if stock := operators & _STOCK_TREES:
            raise ValueError(f"stock tree operators remain beside exact ones: {', '.join(sorted(stock))}")
        versions[ML_DOMAIN] = _ML_OPSET_OF_TREE_ENSEMBLE
    used = {node.domain for node in graph.node} | {""}
    return [helper.make_opsetid(domain, version) for domain, version in sorted(versions.items()) if domain in used]
