"""pandas category columns in a graph: values in, LightGBM's codes out, NaN for a value that is no category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from packager.artifact import Scalar
from packager.convert.graph import ML_DOMAIN, Graph
from packager.training.categories import is_text


def encode_categories(graph: Graph, names: Sequence[str], categories: Mapping[int, tuple[Scalar, ...]]) -> list[str]:
    """Return tensors that hold all columns in order, categories as codes.

    `names`: one tensor of all columns, or one tensor of shape [rows, 1] per column.
    """
    columns = list(names)
    if categories and len(columns) == 1:
        count = max(categories) + 1
        pieces = [_gather(graph, columns[0], [index]) for index in range(count)]
        rest = graph.constant(np.array([count], dtype=np.int64))
        end = graph.constant(np.array([np.iinfo(np.int64).max], dtype=np.int64))
        axis = graph.constant(np.array([1], dtype=np.int64))
        columns = [*pieces, graph.node("Slice", columns[0], rest, end, axis)]
    return [_encode(graph, name, categories[at]) if at in categories else name for at, name in enumerate(columns)]


def _gather(graph: Graph, features: str, columns: list[int]) -> str:
    return graph.node("Gather", features, graph.constant(np.array(columns, dtype=np.int64)), axis=1)


def _encode(graph: Graph, column: str, known: tuple[Scalar, ...]) -> str:
    from onnx import TensorProto, helper
    from onnx.numpy_helper import from_array

    if is_text(known):
        texts: list[Any] = [str(value).encode() for value in known]
        keys = helper.make_tensor("keys", TensorProto.STRING, [len(known)], texts)
    else:
        keys = from_array(np.array([float(value) for value in known], dtype=graph.dtype))
    return graph.node(
        "LabelEncoder",
        column,
        domain=ML_DOMAIN,
        keys_tensor=keys,
        values_tensor=from_array(np.arange(len(known)).astype(graph.dtype)),
        default_tensor=from_array(np.array([np.nan], dtype=graph.dtype)),
    )
