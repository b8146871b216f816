"""Large arrays past protobuf, straight into the file.

Protobuf copies a message whole at every step, and holds eight bytes for an integer that takes one on disk: a forest of
millions of nodes would be in memory many times over. So large arrays wait here as the bytes that they are in the file,
and a model is written piece by piece around them. Field numbers are those of onnx.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from packager.convert.graph import Array

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

Pieces = list[bytes | memoryview]

_LENGTH_DELIMITED = 2
_MODEL_GRAPH = 7
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_ATTRIBUTE = 5
_ATTRIBUTE_TENSOR, _ATTRIBUTE_INTS = 5, 8
_TENSOR_RAW_DATA = 9
# Smaller arrays stay in their messages, where they can be read.
_LARGE_BYTES = 1 << 16
# Integers are encoded so many at a time, to keep what that takes small.
_ENCODED_AT_ONCE = 1 << 18


class LargeArrays:
    """The arrays of one graph that are too large for messages, by the name of their node or initializer."""

    def __init__(self) -> None:
        self.pieces: dict[str, Pieces] = {}

    def take_attribute(self, node: str, name: str, value: object) -> bool:
        """Keep an attribute of a node if it is a large array of numbers; tell whether it was."""
        from onnx import AttributeProto

        if not isinstance(value, np.ndarray) or value.nbytes < _LARGE_BYTES:
            return False
        content: Pieces
        if value.dtype.kind in "bi":
            kind, field, content = AttributeProto.INTS, _ATTRIBUTE_INTS, [*varints(value)]
        else:
            content = [_tensor_head(value, "").SerializeToString(), *_raw(value)]
            kind, field = AttributeProto.TENSOR, _ATTRIBUTE_TENSOR
        message = [AttributeProto(name=name, type=kind).SerializeToString(), *_delimited(field, content)]
        self.pieces.setdefault(node, []).extend(_delimited(_NODE_ATTRIBUTE, message))
        return True

    def take_tensor(self, value: Array, name: str) -> TensorProto | None:
        """Return an initializer whose numbers are kept here; None where the array is small or no numbers."""
        if value.nbytes < _LARGE_BYTES or value.dtype.kind not in "bif":
            return None
        self.pieces[name] = _raw(value)
        return _tensor_head(value, name)


def varints(values: npt.NDArray[np.integer | np.bool_]) -> Iterator[bytes]:
    """Yield the base-128 encoding of integers that are not negative, some at a time."""
    for start in range(0, values.size, _ENCODED_AT_ONCE):
        part = values[start : start + _ENCODED_AT_ONCE].astype(np.uint64)
        if int(part.max()) < 1 << 7:
            yield part.astype(np.uint8).tobytes()
            continue
        sizes = _varint_sizes(part)
        first = np.cumsum(sizes) - sizes
        encoded = np.empty(int(sizes.sum()), dtype=np.uint8)
        for place in range(int(sizes.max())):
            has = sizes > place
            bits = (part[has] >> np.uint64(7 * place)).astype(np.uint8) & 0x7F
            encoded[first[has] + place] = bits | np.where(sizes[has] > place + 1, 0x80, 0).astype(np.uint8)
        yield encoded.tobytes()


def varints_size(count: int) -> int:
    """Return how many bytes the numbers 0, 1, … count - 1 take."""
    return sum(max(0, count - (1 << 7 * place if place else 0)) for place in range(9))


def size_bytes(model: ModelProto, large: LargeArrays) -> int:
    """Return how large the file will be."""
    return _length(_pieces(model, large))


def write(model: ModelProto, large: LargeArrays, path: Path) -> None:
    """Write a model with its large arrays; the same bytes for the same model."""
    with path.open("wb") as file:
        for piece in _pieces(model, large):
            file.write(piece)


def _pieces(model: ModelProto, large: LargeArrays) -> Pieces:
    """Return the file as pieces, in the order of the fields; nothing large is copied."""
    from onnx import GraphProto, ModelProto

    graph = model.graph
    outer = ModelProto(ir_version=model.ir_version, producer_name=model.producer_name, opset_import=model.opset_import)
    ends = GraphProto(name=graph.name, input=graph.input, output=graph.output, value_info=graph.value_info)
    inner: Pieces = []
    for field, items in ((_GRAPH_NODE, graph.node), (_GRAPH_INITIALIZER, graph.initializer)):
        for item in items:
            message = [item.SerializeToString(deterministic=True), *large.pieces.get(item.name, [])]
            inner += _delimited(field, message)
    inner.append(ends.SerializeToString(deterministic=True))
    return [outer.SerializeToString(deterministic=True), *_delimited(_MODEL_GRAPH, inner)]


def _varint_sizes(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    sizes = np.ones(len(values), dtype=np.int64)
    for place in range(1, 10):
        over = values >= np.uint64(1 << 7 * place)
        if not over.any():
            break
        sizes += over
    return sizes


def _delimited(field: int, content: Pieces) -> Pieces:
    """Return a field whose content is a message, text or bytes, behind its key and length."""
    heads = np.array([field << 3 | _LENGTH_DELIMITED, _length(content)])
    return [*varints(heads), *content]


def _raw(value: Array) -> Pieces:
    """Return a tensor's numbers as its field `raw_data`, without a copy."""
    little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    return _delimited(_TENSOR_RAW_DATA, [little.reshape(-1).view(np.uint8).data])


def _length(pieces: Pieces) -> int:
    return sum(len(piece) for piece in pieces)


def _tensor_head(value: Array, name: str) -> TensorProto:
    from onnx import TensorProto
    from onnx.helper import np_dtype_to_tensor_dtype

    return TensorProto(name=name or None, dims=value.shape, data_type=np_dtype_to_tensor_dtype(value.dtype))
