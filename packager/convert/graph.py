"""The few graph-building words that our emitters need, so that they do not depend on who assembles the graph."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
ML_DOMAIN = "ai.onnx.ml"


class Graph(Protocol):
    """A graph under construction. Names of tensors go in and come out."""

    # What the graph computes in: float64 for the baseline, float32 for the form that reduced precisions start from.
    dtype: np.dtype[np.floating]

    def constant(self, value: Array) -> str:
        """Add an initializer and return its name."""

    def node(self, op_type: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Add a node with one output and return the output's name."""


def scalar(graph: Graph, value: float) -> str:
    """Return a constant of the graph's own dtype."""
    return graph.constant(np.array(value, dtype=graph.dtype))


def cast(graph: Graph, name: str, dtype: npt.DTypeLike) -> str:
    """Return `name` cast to a numpy dtype."""
    from onnx.helper import np_dtype_to_tensor_dtype

    return graph.node("Cast", name, to=int(np_dtype_to_tensor_dtype(np.dtype(dtype))))
