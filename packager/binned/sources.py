"""What stands before the trees and need not: roundings, choices of columns, LightGBM's rules for zeros and categories.

In: the tensor that a TreeEnsemble reads. Out: a tensor further up, and what its cells go through on their way, which
the extension does to each cell itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from packager.binned.graph_view import GraphView, attribute
from packager.binned.routes import flags, made_of, truncation
from packager.structure import Flags, Ints

# LightGBM takes |x| <= kZeroThreshold for zero; the constant is a C float.
_ZERO_THRESHOLD = float(np.float32(1e-35))


@dataclass(frozen=True)
class Source:
    """`columns[f]` of the tensor is what the trees call feature f; flags are told by feature f too."""

    tensor: str
    columns: Ints
    zero_is_missing: Flags
    truncated: Flags
    is_float32: bool = False

    @property
    def has_rules(self) -> bool:
        return bool((self.zero_is_missing | self.truncated).any())


def find_source(view: GraphView, tensor: str, n_features: int) -> Source:
    """Walk up from the tensor as far as the extension does the same to each cell; `n_features` is its width."""
    none = np.zeros(n_features, dtype=bool)
    source = Source(tensor, np.arange(n_features), none, none)
    while (further := _step(view, source)) is not None and view.width(further.tensor) is not None:
        source = further
    return source


def _step(view: GraphView, source: Source) -> Source | None:
    """Return the source one step further up, None where the step is not of ours."""
    node = view.makers.get(source.tensor)
    if node is None:
        return None
    if node.op_type == "Identity":
        return replace(source, tensor=node.input[0])
    if node.op_type == "Cast":
        return _before_cast(view, source, node.input[0])
    if node.op_type == "Gather" and attribute(node, "axis", 0) == 1:
        return _before_choice(view, source, node.input)
    if node.op_type == "Where" and not source.is_float32:
        return _before_missing_zeros(view, source, node.input) or _before_truncation(view, source, node.input)
    return None


def _before_cast(view: GraphView, source: Source, tensor: str) -> Source | None:
    """Floats are read as they are; doubles are rounded to float32 first of all."""
    from onnx import TensorProto

    cast_from, cast_to = view.element_type(tensor), view.element_type(source.tensor)
    if (cast_from, cast_to) == (TensorProto.FLOAT, TensorProto.DOUBLE):
        return replace(source, tensor=tensor)
    if (cast_from, cast_to) == (TensorProto.DOUBLE, TensorProto.FLOAT):
        return replace(source, tensor=tensor, is_float32=True)
    return None


def _before_choice(view: GraphView, source: Source, names: list[str]) -> Source | None:
    """A column that is chosen is the same column in another place."""
    chosen = view.constant(names[1])
    if chosen is None or chosen.ndim != 1 or chosen.min(initial=0) < 0:
        return None
    columns = chosen[source.columns]
    if source.has_rules and len(np.unique(columns)) < len(columns):
        return None  # one column under two rules
    return replace(source, tensor=names[0], columns=columns)


def _before_missing_zeros(view: GraphView, source: Source, names: list[str]) -> Source | None:
    """Match Where(And(LessOrEqual(Abs(x), 1e-35f), mask), NaN, y): y is x, or x truncated in other columns."""
    condition, missing, otherwise = names
    tested, mask = made_of(view, condition, "And")
    magnitude, limit = made_of(view, tested, "LessOrEqual")
    (cells,) = made_of(view, magnitude, "Abs", 1)
    zeros = flags(view, mask)
    if zeros is None or not _is_scalar(view, limit, _ZERO_THRESHOLD) or not _is_scalar(view, missing, np.nan):
        return None
    truncated = truncation(view, otherwise, cells)
    if otherwise != cells and (truncated is None or (truncated & zeros).any()):
        return None
    found = zeros[source.columns]
    if (found & source.truncated).any():
        return None
    return replace(source, tensor=otherwise, zero_is_missing=source.zero_is_missing | found)


def _before_truncation(view: GraphView, source: Source, names: list[str]) -> Source | None:
    cells = names[2]
    whole = truncation(view, source.tensor, cells)
    if whole is None or (whole[source.columns] & source.zero_is_missing).any():
        return None
    return replace(source, tensor=cells, truncated=source.truncated | whole[source.columns])


def _is_scalar(view: GraphView, name: str, value: float) -> bool:
    found = view.constant(name)
    return found is not None and found.size == 1 and np.array_equal(found.reshape(-1)[0], value, equal_nan=True)
