"""Steps before the trees under which a column keeps its order: scalers, imputers, clipping, rounding, chosen columns.

In: trees and the tensor that they read. Out: trees over a graph input that decide as before on every cell: `x <= t'`
holds exactly where the steps' own arithmetic makes a number `<= t` of x, and a missing cell goes where what it is
filled with goes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from packager.binned.graph_view import GraphView, attribute
from packager.binned.tree_arrays import TreeArrays
from packager.bisection import last_that_stays
from packager.structure import Doubles, Ints

if TYPE_CHECKING:
    from onnx import NodeProto

_Function = Callable[[Doubles, Doubles], Doubles]


def _rounded(cells: Doubles, _: Doubles) -> Doubles:
    return cells.astype(np.float32).astype(np.float64)


# Rising functions of a cell and a constant, in the arithmetic of the graph.
_ARITHMETIC: dict[str, _Function] = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}
_FILLED: _Function = lambda cells, constant: np.where(np.isnan(cells), constant, cells)  # noqa: E731 - a row of a table
_REPLACED: dict[str, _Function] = {
    "IsNaN": _FILLED,
    "Less": lambda cells, constant: np.where(cells < constant, constant, cells),
    "Greater": lambda cells, constant: np.where(cells > constant, constant, cells),
}


@dataclass(frozen=True)
class _Step:
    """One function of cells, with a constant for each feature on its route."""

    function: _Function
    constants: Doubles


@dataclass(frozen=True)
class _Route:
    """How some features come from columns of a tensor: `steps` are in the order in which cells go through them."""

    tensor: str
    features: Ints
    columns: Ints
    steps: tuple[_Step, ...] = ()

    def behind(self, tensor: str, *step: _Step) -> _Route:
        """Return the route from further up."""
        return replace(self, tensor=tensor, steps=(*step, *self.steps))

    def part(self, chosen: npt.NDArray[np.bool_], tensor: str, columns: Ints) -> _Route:
        """Return the route of some of the features, which come from a tensor of their own."""
        steps = tuple(replace(step, constants=step.constants[chosen]) for step in self.steps)
        return _Route(tensor, self.features[chosen], columns, steps)


@dataclass(frozen=True)
class Moved:
    """The trees over the columns of an input of the graph."""

    trees: TreeArrays
    tensor: str
    columns: Ints  # of the input, by the feature that the trees name


def move_thresholds(view: GraphView, tensor: str, trees: TreeArrays) -> Moved | None:
    """Return the trees over the input that all their columns come from; None where a step is of another kind."""
    width = view.width(tensor)
    if width is None or (trees.category_set >= 0).any():
        return None
    read = np.unique(trees.feature)
    routes = _routes(view, _Route(tensor, read, read))
    if routes is None or len({route.tensor for route in routes}) != 1:
        return None
    columns = np.zeros(width, dtype=np.int64)
    for route in routes:
        columns[route.features] = route.columns
    threshold = _thresholds(routes, trees.feature, trees.threshold)
    if threshold is None:
        return None
    filled = _through(routes, trees.feature, np.full(len(threshold), np.nan))
    missing_left = np.where(np.isnan(filled), trees.missing_left, filled <= trees.threshold)
    moved = replace(trees, threshold=threshold, missing_left=missing_left)
    return Moved(moved, routes[0].tensor, columns)


def _thresholds(routes: list[_Route], feature: Ints, threshold: Doubles) -> Doubles | None:
    """Return the largest cells that go left; None where not even the least goes left of some threshold."""
    order = np.lexsort((threshold, feature))
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = np.diff(feature[order]) != 0
    is_new[1:] |= threshold[order][1:] != threshold[order][:-1]
    features, thresholds = feature[order][is_new], threshold[order][is_new]
    low, high = np.full(len(features), -np.inf), np.full(len(features), np.inf)

    def stays(cells: Doubles) -> npt.NDArray[np.bool_]:
        return _through(routes, features, cells) <= thresholds

    if not stays(low).all():
        return None
    found = np.where(stays(high), np.inf, last_that_stays(stays, low, high))
    moved = np.empty(len(threshold))
    moved[order] = found[np.cumsum(is_new) - 1]
    return moved


def _through(routes: list[_Route], feature: Ints, cells: Doubles) -> Doubles:
    """Return what the steps make of one cell each of the features named."""
    found = cells.copy()
    for route in routes:
        place = np.full(int(max(feature.max(initial=0), route.features.max(initial=0))) + 1, -1)
        place[route.features] = np.arange(len(route.features))
        on_it = np.flatnonzero(place[feature] >= 0)
        part = cells[on_it]
        with np.errstate(all="ignore"):
            for step in route.steps:
                part = step.function(part, step.constants[place[feature[on_it]]])
        found[on_it] = part
    return found


def _routes(view: GraphView, route: _Route) -> list[_Route] | None:
    """Return the routes from the graph's inputs; None where a step of another kind lies on one."""
    node = view.makers.get(route.tensor)
    if node is None:
        return [route] if route.tensor in view.inputs else None
    if node.op_type == "Concat" and attribute(node, "axis") == 1:
        return _from_pieces(view, node, route)
    further = _further(view, node, route)
    return None if further is None else _routes(view, further)


def _from_pieces(view: GraphView, node: NodeProto, route: _Route) -> list[_Route] | None:
    found: list[_Route] = []
    first = 0
    for piece in node.input:
        width = view.width(piece)
        if width is None:
            return None
        here = (route.columns >= first) & (route.columns < first + width)
        if here.any():
            routes = _routes(view, route.part(here, piece, route.columns[here] - first))
            if routes is None:
                return None
            found += routes
        first += width
    return found


def _further(view: GraphView, node: NodeProto, route: _Route) -> _Route | None:
    """Return the route from before a node."""
    if node.op_type == "Identity":
        return route.behind(node.input[0])
    if node.op_type == "Cast":
        return _before_cast(view, node, route)
    if node.op_type == "Gather" and attribute(node, "axis", 0) == 1:
        chosen = view.constant(node.input[1])
        if chosen is None or chosen.ndim != 1 or chosen.min(initial=0) < 0:
            return None
        return replace(route, tensor=node.input[0], columns=chosen[route.columns])
    if node.op_type in _ARITHMETIC:
        return _before_arithmetic(view, node, route)
    return _before_replacement(view, node, route) if node.op_type == "Where" else None


def _before_cast(view: GraphView, node: NodeProto, route: _Route) -> _Route | None:
    from onnx import TensorProto

    kinds = view.element_type(node.input[0]), int(attribute(node, "to"))
    if kinds == (TensorProto.DOUBLE, TensorProto.FLOAT):
        return route.behind(node.input[0], _Step(_rounded, np.zeros(len(route.features))))
    return route.behind(node.input[0]) if kinds == (TensorProto.FLOAT, TensorProto.DOUBLE) else None


def _before_arithmetic(view: GraphView, node: NodeProto, route: _Route) -> _Route | None:
    cells, constant = node.input
    if node.op_type in ("Add", "Mul") and constant not in view.constants:
        cells, constant = constant, cells
    constants = _constants(view, constant, route)
    if constants is None or not np.isfinite(constants).all():
        return None
    if node.op_type in ("Mul", "Div") and not (constants > 0).all():
        return None
    return route.behind(cells, _Step(_ARITHMETIC[node.op_type], constants))


def _before_replacement(view: GraphView, node: NodeProto, route: _Route) -> _Route | None:
    """Match Where(IsNaN(x), c, x), Where(x < c, c, x) and Where(x > c, c, x)."""
    test, (_, constant, cells) = view.makers.get(node.input[0]), node.input
    if test is None or test.op_type not in _REPLACED or test.input[0] != cells:
        return None
    if test.op_type != "IsNaN" and list(test.input) != [cells, constant]:
        return None
    constants = _constants(view, constant, route)
    if constants is None or (test.op_type != "IsNaN" and np.isnan(constants).any()):
        return None
    return route.behind(cells, _Step(_REPLACED[test.op_type], constants))


def _constants(view: GraphView, name: str, route: _Route) -> Doubles | None:
    """Return the constant that each feature of a route meets, of one number or one for each column."""
    value: npt.NDArray[Any] | None = view.constant(name)
    if value is None or value.dtype != np.float64 or value.size != (value.shape[-1] if value.ndim else 1):
        return None
    flat = value.reshape(-1)
    return np.repeat(flat, len(route.columns)) if len(flat) == 1 else flat[route.columns]
