"""pandas category columns in a graph: values in, LightGBM's codes out, NaN for a value that is no category."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from packager.artifact import Scalar
from packager.convert.graph import ML_DOMAIN, Graph, Part, Rows, Table, UnsupportedModel, take
from packager.training.categories import is_text


def encode_categories(
    graph: Graph, rows: Rows, categories: Mapping[int, tuple[Scalar, ...]], *, width: int | None = None
) -> Rows:
    """Return the rows with the values of the category columns as codes.

    `width`: how many columns the rows have, where another step may have made them.
    """
    if not categories:
        return rows
    if isinstance(rows, str):
        if width is None:
            raise UnsupportedModel("pandas categories behind another step have no exact form yet")
        rows = Table((Part(rows, "number", width),))
    parts: list[Part] = []
    start = 0
    for column in [*sorted(categories), rows.width]:
        if column > start:
            parts += _parts(take(graph, rows, range(start, column)))
        if column < rows.width:
            (part,) = _parts(take(graph, rows, [column]))
            parts.append(Part(_encode(graph, part.tensor, categories[column]), "number", 1))
        start = column + 1
    return Table(tuple(parts))


def _parts(rows: Rows) -> tuple[Part, ...]:
    assert not isinstance(rows, str)
    return rows.parts


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
