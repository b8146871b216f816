"""A converted model's graph, to be looked at and cut: who makes and reads a tensor, constants, types and widths.

In: an ONNX file of ours. Out: answers about it, and parts of it as models of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from packager.binned.pack import NotApplicable

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

TREE_ENSEMBLE = "TreeEnsemble"
# Constants beyond this are tables, which say nothing about shapes: inference need not see them.
_SHAPE_BYTES = 1 << 10


@dataclass(frozen=True)
class GraphView:
    """A graph and what is known of it, found once; the model stays as it is, added nodes beside it."""

    model: ModelProto
    _arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    _added: list[NodeProto] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path) -> GraphView:
        import onnx

        return cls(onnx.load(str(path)))

    @property
    def graph(self) -> GraphProto:
        return self.model.graph

    @cached_property
    def makers(self) -> dict[str, NodeProto]:
        return {name: node for node in self.graph.node for name in node.output}

    @cached_property
    def readers(self) -> dict[str, list[NodeProto]]:
        found: dict[str, list[NodeProto]] = {}
        for node in self.graph.node:
            for name in node.input:
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def constants(self) -> dict[str, TensorProto]:
        return {item.name: item for item in self.graph.initializer}

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        return tuple(value.name for value in self.graph.input)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        return tuple(value.name for value in self.graph.output)

    def constant(self, name: str) -> npt.NDArray[Any] | None:
        """Return the constant of that name, None where it is none."""
        from onnx.numpy_helper import to_array

        if name not in self._arrays and name in self.constants:
            self._arrays[name] = to_array(self.constants[name])
        return self._arrays.get(name)

    def trees(self) -> list[NodeProto]:
        return [node for node in self.graph.node if node.op_type == TREE_ENSEMBLE]

    def only_reader(self, tensor: str, operator: str) -> NodeProto | None:
        """Return the one node that reads a tensor, if it is of the operator and the tensor is no output."""
        readers = self.readers.get(tensor, [])
        if len(readers) != 1 or tensor in self.outputs or readers[0].op_type != operator:
            return None
        return readers[0]

    def above(self, tensors: Iterable[str], *, given: Iterable[str] = ()) -> list[NodeProto]:
        """Return the nodes that make the tensors from the inputs and what is given, in the graph's order."""
        stopped = set(given)
        wanted = set(tensors) - stopped
        found = []
        for node in reversed([*self.graph.node, *self._added]):
            if wanted.intersection(node.output):
                found.append(node)
                wanted.update(name for name in read_by(node) if name not in stopped)
        return found[::-1]

    @cached_property
    def types(self) -> dict[str, ValueInfoProto]:
        """Return the type of each tensor as far as it can be inferred, its trees aside."""
        from onnx import ModelProto, shape_inference

        light = ModelProto()
        light.ir_version = self.model.ir_version
        light.opset_import.extend(self.model.opset_import)
        graph = light.graph
        graph.name = "types"
        graph.input.extend(self.graph.input)
        graph.output.extend(self.graph.output)
        for node in self.graph.node:
            if node.op_type == TREE_ENSEMBLE:
                graph.input.append(sums_info(node.output[0], int(attribute(node, "n_targets"))))
            else:
                graph.node.append(node)
        for item in self.graph.initializer:
            if len(item.raw_data) > _SHAPE_BYTES:
                graph.input.append(_info(item.name, item.data_type, list(item.dims)))
            else:
                graph.initializer.append(item)
        inferred = shape_inference.infer_shapes(light).graph
        return {info.name: info for info in (*inferred.value_info, *inferred.output, *inferred.input)}

    def element_type(self, tensor: str) -> int:
        info = self.types.get(tensor)
        return int(info.type.tensor_type.elem_type) if info is not None else 0

    def width(self, tensor: str) -> int | None:
        """Return how many columns a tensor of rows has, None where that is not known."""
        info = self.types.get(tensor)
        dims = [] if info is None else list(info.type.tensor_type.shape.dim)
        if len(dims) == 2 and dims[1].HasField("dim_value"):
            return int(dims[1].dim_value)
        return self._width_made(tensor)

    def _width_made(self, tensor: str) -> int | None:
        """Return the width that a choice of columns makes, whatever it chooses from."""
        node = self.makers.get(tensor)
        if node is not None and node.op_type in ("Cast", "Identity"):
            return self.width(node.input[0])
        if node is None or node.op_type != "Gather" or attribute(node, "axis", 0) != 1:
            return None
        chosen = self.constant(node.input[1])
        return None if chosen is None or chosen.ndim != 1 else len(chosen)

    def side_by_side(self, tensors: Sequence[str]) -> str:
        """Add a node that puts tensors of doubles side by side, unless it is there; return what it gives."""
        from onnx import TensorProto, helper

        name = f"joined_{sha256(' '.join(tensors).encode()).hexdigest()[:12]}"
        if name not in self.makers:
            node = helper.make_node("Concat", list(tensors), [name], name=name, axis=1)
            self._added.append(node)
            self.makers[name] = node
            width = sum(self.width(tensor) or 0 for tensor in tensors)
            self.types[name] = _info(name, TensorProto.DOUBLE, [None, width])
        return name

    def part(
        self, nodes: Sequence[NodeProto], reads: Sequence[ValueInfoProto], gives: Sequence[ValueInfoProto]
    ) -> bytes:
        """Return some of the nodes as a model of its own; the same bytes for the same graph."""
        from onnx import helper

        read = {name for node in nodes for name in read_by(node)} | {info.name for info in gives}
        constants = [item for item in self.graph.initializer if item.name in read]
        graph = helper.make_graph(list(nodes), "model", list(reads), list(gives), constants)
        domains = {node.domain for node in nodes} | {""}
        opsets = [entry for entry in self.model.opset_import if entry.domain in domains]
        part = helper.make_model(graph, opset_imports=opsets, ir_version=self.model.ir_version)
        part.producer_name = self.model.producer_name
        return bytes(part.SerializeToString(deterministic=True))

    def infos(self, tensors: Iterable[str]) -> list[ValueInfoProto]:
        """Return the types of tensors; NotApplicable where one cannot be told."""
        found = []
        for tensor in tensors:
            if not self.element_type(tensor):
                raise NotApplicable(f"the type of {tensor}, where the graph would be cut, cannot be told")
            found.append(self.types[tensor])
        return found


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    """Return a node's attribute; integers and tensors as arrays."""
    from onnx import AttributeProto, helper
    from onnx.numpy_helper import to_array

    for item in node.attribute:
        if item.name == name:
            if item.type == AttributeProto.INTS:
                return np.array(item.ints, dtype=np.int64)
            return to_array(item.t) if item.type == AttributeProto.TENSOR else helper.get_attribute_value(item)
    return default


def sums_info(name: str, width: int) -> ValueInfoProto:
    """Return the type of raw sums, [rows, width] in double."""
    from onnx import TensorProto

    return _info(name, TensorProto.DOUBLE, [None, width])


def _info(name: str, element_type: int, dims: Sequence[int | None]) -> ValueInfoProto:
    from onnx import helper

    return helper.make_tensor_value_info(name, element_type, dims)


def read_by(node: NodeProto) -> set[str]:
    """Return all names that a node reads, those of its inner graphs among them."""
    names = {name for name in node.input if name}
    for item in node.attribute:
        for inner in (*item.graphs, *([item.g] if item.HasField("g") else [])):
            for below in inner.node:
                names |= read_by(below)
            names |= {value.name for value in inner.output}
    return names
