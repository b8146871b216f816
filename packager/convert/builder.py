"""The graph under construction: nodes and initializers in plain lists, estimators added one inside the other.

A node that is there already is not added again, so emitters need not know what others have computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from packager.convert.emitter import Emitter, full_name
from packager.convert.graph import Answer, Array, Method, Rows, UnsupportedModel, numbers
from packager.convert.wire import LargeArrays

if TYPE_CHECKING:
    from onnx import AttributeProto, NodeProto, TensorProto

# Equal constants are one: up to this size they are compared by content, larger ones by its digest.
_COMPARED_BYTES = 4_096
_PLAIN = (int, float, str, bool)


class Fallback(Protocol):
    """Adds an estimator that has no emitter of ours."""

    def __call__(self, builder: Builder, model: Any, method: Method, rows: Rows) -> Answer: ...


class NamedRefusal(UnsupportedModel):
    """Why `model`, the innermost step that was asked, has no exact form; the message begins with where it sits."""

    def __init__(self, where: str, model: Any, reason: UnsupportedModel) -> None:
        super().__init__(f"{where}: {reason}")
        self.model = model
        self.reason = str(reason)


@dataclass(frozen=True)
class Step:
    """One estimator that was added: where it sits in the model, and whose converter wrote it."""

    path: str
    model: Any
    is_own: bool


class Builder:
    """Our Graph over plain lists of nodes and initializers."""

    def __init__(
        self, dtype: np.dtype[np.floating], emitters: Mapping[str, Emitter], fallback: Fallback | None = None
    ) -> None:
        self.dtype = dtype
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self.large = LargeArrays()
        self.steps: list[Step] = []
        self._emitters, self._fallback = emitters, fallback
        self._known: dict[Any, Any] = {}
        self._path: list[str] = []

    def constant(self, value: Array) -> str:
        key = None
        if value.dtype != object:
            value = np.asarray(value, order="C")
            content = value.tobytes() if value.nbytes <= _COMPARED_BYTES else sha256(value.data).digest()
            key = ("constant", value.dtype.str, value.shape, content)
            if key in self._known:
                return str(self._known[key])
        name = self.next_constant()
        self.initializers.append(self.large.take_tensor(value, name) or tensor(value, name))
        if key is not None:
            self._known[key] = name
        return name

    def next_constant(self) -> str:
        """Return the name of the initializer to be added; no operator is called so, while one is called Constant."""
        return f"initializer_{len(self.initializers)}"

    def node(self, op_type: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        return self.several(op_type, *inputs, outputs=1, domain=domain, **attributes)[0]

    def several(
        self, op_type: str, *inputs: str, outputs: int, domain: str = "", **attributes: object
    ) -> tuple[str, ...]:
        key = None
        contents = {name: _content(value) for name, value in attributes.items()}
        if None not in contents.values():
            key = (op_type, domain, inputs, outputs, tuple(sorted(contents.items())))
            if key in self._known:
                found: tuple[str, ...] = self._known[key]
                return found
        node = f"{op_type.lower()}_{len(self.nodes)}"
        small = [
            attribute(key, value)
            for key, value in attributes.items()
            if not self.large.take_attribute(node, key, value)
        ]
        names = self.add(op_type, inputs, outputs, domain, small)
        if key is not None:
            self._known[key] = names
        return names

    def add(
        self, op_type: str, inputs: tuple[str, ...], outputs: int, domain: str, attributes: list[AttributeProto]
    ) -> tuple[str, ...]:
        """Add a node, whatever is there already."""
        from onnx import NodeProto

        name = f"{op_type.lower()}_{len(self.nodes)}"
        names = (name,) if outputs == 1 else tuple(f"{name}_{index}" for index in range(outputs))
        node = NodeProto(op_type=op_type, domain=domain, name=name, input=inputs, output=names)
        node.attribute.extend(attributes)
        self.nodes.append(node)
        return names

    def whole_constants(self) -> list[TensorProto]:
        """Return the initializers with their content, for a graph within a graph: large ones lie beside a file else."""
        for item in self.initializers:
            item.MergeFromString(b"".join(self.large.pieces.get(item.name, [])))
        return self.initializers

    def ask(self, model: Any, method: Method, rows: Rows, *, name: str = "") -> Answer:
        emitter = self._emitters.get(full_name(type(model)))
        self._path.append(name)
        try:
            return self._answer(emitter, model, method, rows)
        except UnsupportedModel as error:
            if isinstance(error, NamedRefusal):
                raise
            raise NamedRefusal(self._where(model), model, error) from error
        finally:
            self._path.pop()

    def _answer(self, emitter: Emitter | None, model: Any, method: Method, rows: Rows) -> Answer:
        if emitter is not None and emitter.reads == "numbers":
            rows = numbers(self, rows)
        key = (id(model), method, rows)
        if key not in self._known:
            self.steps.append(Step(".".join(filter(None, self._path)), model, emitter is not None))
            emit = None if emitter is None else emitter.method(method)
            if emit is not None:
                self._known[key] = emit(self, rows, model)
            elif emitter is None and self._fallback is not None:
                self._known[key] = self._fallback(self, model, method, rows)
            else:
                raise UnsupportedModel(f"{method} has no exact form yet")
        answer: Answer = self._known[key]
        return answer

    def _where(self, model: Any) -> str:
        path = ".".join(filter(None, self._path))
        return f"{type(model).__name__} ({path})" if path else type(model).__name__


def _content(value: object) -> object:
    """Return what equal attributes have in common, of arrays their digest; None for tensors, which are not compared."""
    from onnx import GraphProto

    if isinstance(value, GraphProto):
        return sha256(value.SerializeToString(deterministic=True)).digest()
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, sha256(np.ascontiguousarray(value).data).digest()
    if isinstance(value, list | tuple) and all(isinstance(item, _PLAIN) for item in value):
        return tuple(value)
    return value if isinstance(value, _PLAIN) else None


def tensor(value: Array, name: str = "") -> TensorProto:
    """Return an array as a tensor; object arrays hold text."""
    from onnx import TensorProto, helper
    from onnx.numpy_helper import from_array

    if value.dtype.kind in "OU":
        texts: list[Any] = [str(text).encode() for text in value.ravel()]
        return helper.make_tensor(name, TensorProto.STRING, list(value.shape), texts)
    return from_array(np.ascontiguousarray(value).reshape(value.shape), name)


def attribute(name: str, value: object) -> AttributeProto:
    """Return an attribute: an array of int64 or bool as a list of integers, of other numbers as a tensor."""
    from onnx import AttributeProto, helper

    if isinstance(value, np.ndarray) and value.dtype.kind in "bi":
        return AttributeProto(name=name, type=AttributeProto.INTS, ints=value.astype(np.int64))
    if isinstance(value, np.ndarray):
        return helper.make_attribute(name, tensor(value))
    return helper.make_attribute(name, value)
