"""Faults to plant in a correct model: each takes a TreeEnsemble node's arrays and changes one thing.

A fault that would change no answer at all is none: such choices are passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from packager.convert.trees import round_down

Arrays = dict[str, npt.NDArray[Any]]
Random = np.random.Generator

_TENSORS = ("nodes_splits", "leaf_weights", "membership_values")
_LEQ, _MEMBER = 0, 6


def read(node: onnx.NodeProto) -> Arrays:
    """Return the attributes of a TreeEnsemble node as arrays."""
    arrays = {}
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            arrays[attribute.name] = numpy_helper.to_array(attribute.t).copy()
        elif attribute.type == onnx.AttributeProto.INTS:
            arrays[attribute.name] = np.array(attribute.ints)
    return arrays


def write(node: onnx.NodeProto, arrays: Arrays) -> None:
    """Put changed arrays back into the node."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            attribute.t.CopyFrom(numpy_helper.from_array(arrays[attribute.name]))
        elif attribute.type == onnx.AttributeProto.INTS:
            attribute.ints[:] = arrays[attribute.name].tolist()


def numeric_splits(arrays: Arrays) -> npt.NDArray[np.intp]:
    """Return the nodes that compare with a threshold and tell two sides apart."""
    same = (arrays["nodes_truenodeids"] == arrays["nodes_falsenodeids"]) & (
        arrays["nodes_trueleafs"] == arrays["nodes_falseleafs"]
    )
    return np.flatnonzero((arrays["nodes_modes"] == _LEQ) & ~same & np.isfinite(arrays["nodes_splits"]))


def move_threshold(arrays: Arrays, node: int, *, up: bool, float32: bool) -> None:
    """Move one threshold to the next number: of float32 where the model reads float32."""
    split = arrays["nodes_splits"][node]
    toward = np.inf if up else -np.inf
    if not float32:
        arrays["nodes_splits"][node] = np.nextafter(split, toward)
        return
    below = round_down(np.array([split]), np.dtype(np.float32))[0]
    arrays["nodes_splits"][node] = np.nextafter(below, np.float32(toward))


def swap_leaves(arrays: Arrays, node: int) -> None:
    """Turn the two leaves below a node around."""
    for name in ("nodes_truenodeids", "nodes_falsenodeids"):
        if not arrays[name.replace("nodeids", "leafs")][node]:
            raise ValueError("the node's children are not both leaves")
    arrays["nodes_truenodeids"][node], arrays["nodes_falsenodeids"][node] = (
        arrays["nodes_falsenodeids"][node],
        arrays["nodes_truenodeids"][node],
    )


def turn_default(arrays: Arrays, node: int) -> None:
    """Send missing values to the other side."""
    arrays["nodes_missing_value_tracks_true"][node] ^= 1


def category_sets(arrays: Arrays) -> list[npt.NDArray[np.intp]]:
    """Return the positions of the members of each category node's set, in the order of the nodes."""
    values = arrays["membership_values"]
    ends = np.flatnonzero(np.isnan(values))
    starts = np.concatenate([[0], ends[:-1] + 1])
    return [np.arange(start, end) for start, end in zip(starts, ends, strict=True)]


def forget_category(arrays: Arrays, member: int) -> None:
    """Put a number that is no category where a set has the member at this position."""
    arrays["membership_values"][member] = 123456.0


def plant(path: Path, target: Path, change: Callable[[Arrays], None]) -> None:
    """Write the model in `path` with one change of its TreeEnsemble to `target`."""
    model = onnx.load(str(path))
    node = next(node for node in model.graph.node if node.op_type == "TreeEnsemble")
    arrays = read(node)
    change(arrays)
    write(node, arrays)
    onnx.save(model, str(target))
