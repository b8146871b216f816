"""One random fault in a correct ONNX model, drawn over all kinds that the model has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from tests.verify import faults

Random = np.random.Generator


@dataclass(frozen=True)
class Fault:
    """`node`: the split of the tree ensemble that was changed, where there is one."""

    kind: str
    told: str
    model: onnx.ModelProto
    node: int | None = None


def draw(correct: onnx.ModelProto, random: Random, *, float32: bool) -> Fault:
    """Return the model with one fault. `float32`: trees read float32, so that is how far a threshold has to move."""
    model = onnx.ModelProto()
    model.CopyFrom(correct)
    ensembles = [node for node in model.graph.node if node.op_type == "TreeEnsemble"]
    if ensembles and (random.random() < 0.85 or not _numbers(model)):
        return _in_trees(model, ensembles[random.integers(len(ensembles))], random, float32=float32)
    return _in_numbers(model, random)


def _in_trees(model: onnx.ModelProto, ensemble: onnx.NodeProto, random: Random, *, float32: bool) -> Fault:
    arrays = faults.read(ensemble)
    kinds = list(_tree_faults(arrays, float32=float32))
    weights = np.array([weight for weight, *_ in kinds])
    _, kind, nodes, change = kinds[random.choice(len(kinds), p=weights / weights.sum())]
    node = int(random.choice(nodes))
    change(arrays, node)
    faults.write(ensemble, arrays)
    return Fault(kind, f"node {node}", model, node)


def _tree_faults(
    arrays: faults.Arrays, *, float32: bool
) -> Iterator[tuple[float, str, np.ndarray, Callable[[faults.Arrays, int], None]]]:
    numeric = faults.numeric_splits(arrays)
    for up in (True, False):
        yield (
            3.0,
            "threshold up" if up else "threshold down",
            numeric,
            lambda arrays, node, up=up: faults.move_threshold(arrays, node, up=up, float32=float32),
        )
    both = numeric[(arrays["nodes_trueleafs"][numeric] == 1) & (arrays["nodes_falseleafs"][numeric] == 1)]
    if len(both):
        yield 2.0, "leaves swapped", both, faults.swap_leaves
    if arrays.get("nodes_missing_value_tracks_true", np.zeros(0)).any():
        yield 2.0, "default turned", numeric, faults.turn_default
    if "membership_values" in arrays:
        members = np.concatenate([np.zeros(0, dtype=int), *faults.category_sets(arrays)])
        yield 2.0, "category forgotten", members, faults.forget_category
    yield 1.0, "another column", numeric, _next_column
    yield 1.0, "leaf off by a thousandth", np.arange(len(arrays["leaf_weights"])), _nudge


def _next_column(arrays: faults.Arrays, node: int) -> None:
    columns = arrays["nodes_featureids"]
    columns[node] = columns[node] + 1 if columns[node] + 1 <= columns.max() else 0


def _nudge(arrays: faults.Arrays, leaf: int) -> None:
    arrays["leaf_weights"][leaf] += 1e-3


def _in_numbers(model: onnx.ModelProto, random: Random) -> Fault:
    """Change one number of a constant: labels change places, other numbers move by a millionth."""
    labels = [tensor for tensor in model.graph.initializer if tensor.name in _label_tables(model)]
    if labels and random.random() < 0.3:
        tensor = labels[random.integers(len(labels))]
        values = numpy_helper.to_array(tensor).copy()
        one, other = random.choice(len(values), 2, replace=False)
        values[[one, other]] = values[[other, one]]
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        return Fault("classes swapped", f"{tensor.name}: {one}, {other}", model)
    constants = _numbers(model)
    tensor = constants[random.integers(len(constants))]
    values = numpy_helper.to_array(tensor).copy()
    place = np.unravel_index(random.integers(values.size), values.shape)
    values[place] = values[place] * (1 + random.choice([-1e-6, 1e-6])) + (1e-6 if values[place] == 0 else 0)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return Fault("number off by a millionth", f"{tensor.name}{list(map(int, place))}", model)


def _numbers(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Return the constants of floating point numbers."""
    return [tensor for tensor in model.graph.initializer if tensor.data_type in (1, 11) and np.prod(tensor.dims)]


def _label_tables(model: onnx.ModelProto) -> set[str]:
    """Return the constants that labels are gathered from."""
    return {node.input[0] for node in model.graph.node if node.op_type == "Gather" and node.output[0]} & {
        tensor.name
        for tensor in model.graph.initializer
        if tensor.data_type in (7, 8) and len(tensor.dims) == 1 and 2 <= tensor.dims[0] <= 10
    }
