"""The way of a cell from the graph's inputs to the trees: through scalers, imputers, encoders, choices of columns.

In: the tensor that trees read, and which of its columns. Out: for each a column of a tensor as far up as steps are
known, and the steps that its cells go through, each as a function with the graph's own arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from packager.binned.graph_view import GraphView, attribute
from packager.structure import Doubles, Flags, Ints

if TYPE_CHECKING:
    from onnx import NodeProto

# Rising functions of a cell and a constant, in the arithmetic of the graph; but for Equal, which does not rise.
_FUNCTIONS: dict[str, Callable[[Doubles, Doubles], Doubles]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "IsNaN": lambda cells, constant: np.where(np.isnan(cells), constant, cells),
    "Less": lambda cells, constant: np.where(cells < constant, constant, cells),
    "Greater": lambda cells, constant: np.where(cells > constant, constant, cells),
    "Equal": lambda cells, constant: (cells == constant).astype(np.float64),
    "round": lambda cells, _: cells.astype(np.float32).astype(np.float64),
    "truncate": lambda cells, constant: np.where(constant != 0, np.trunc(cells), cells),
}


class Step(Protocol):
    """A function of cells; `place` is where each cell's feature stands on the route."""

    def of(self, cells: Doubles, place: Ints) -> Doubles: ...

    def part(self, chosen: Flags) -> Step: ...


@dataclass(frozen=True)
class Arithmetic:
    """A function of a cell and a constant, of which every feature on the route has its own."""

    operation: str
    constants: Doubles

    def of(self, cells: Doubles, place: Ints) -> Doubles:
        return _FUNCTIONS[self.operation](cells, self.constants[place])

    def part(self, chosen: Flags) -> Arithmetic:
        return replace(self, constants=self.constants[chosen])


@dataclass(frozen=True)
class Lookup:
    """What an encoder makes of the numbers that it knows, `keys` rising, and of all other cells, missing ones too."""

    keys: Doubles
    values: Doubles
    default: float

    def of(self, cells: Doubles, _: Ints) -> Doubles:
        found = np.minimum(np.searchsorted(self.keys, cells), len(self.keys) - 1)
        return np.where(self.keys[found] == cells, self.values[found], self.default)

    def part(self, _: Flags) -> Lookup:
        return self


@dataclass(frozen=True)
class Route:
    """How some features of the trees come from columns of a tensor: `steps` in the order that cells go through them."""

    tensor: str
    features: Ints
    columns: Ints
    steps: tuple[Step, ...] = ()

    @property
    def rises(self) -> bool:
        """Tell whether what comes of a cell rises with it."""
        return not any(isinstance(step, Lookup) or _operation(step) == "Equal" for step in self.steps)

    @property
    def keys(self) -> Doubles | None:
        """Return the numbers, rising, but for which all cells come to the same; None where there are no such numbers.

        Missing cells are apart: they may be filled before a step knows numbers.
        """
        for step in self.steps:
            if isinstance(step, Lookup):
                return step.keys
            if isinstance(step, Arithmetic) and step.operation != "IsNaN":
                return np.unique(step.constants) if step.operation == "Equal" else None
        return None

    def of(self, cells: Doubles, place: Ints) -> Doubles:
        """Return what the steps make of cells, of the features at `place` each."""
        with np.errstate(all="ignore"):
            for step in self.steps:
                cells = step.of(cells, place)
        return cells

    def behind(self, tensor: str, *step: Step) -> Route:
        """Return the route from further up."""
        return replace(self, tensor=tensor, steps=(*step, *self.steps))

    def part(self, chosen: Flags, tensor: str, columns: Ints) -> Route:
        """Return the route of some of the features, which come from a tensor of their own."""
        return Route(tensor, self.features[chosen], columns, tuple(step.part(chosen) for step in self.steps))


def find_routes(view: GraphView, route: Route) -> list[Route]:
    """Return the routes from as far up as their steps are known."""
    node = view.makers.get(route.tensor)
    if node is None:
        return [route]
    if node.op_type == "Concat" and attribute(node, "axis") == 1:
        return _from_pieces(view, node, route) or [route]
    further = _further(view, node, route)
    return [route] if further is None else find_routes(view, further)


def _operation(step: Step) -> str:
    return step.operation if isinstance(step, Arithmetic) else ""


def _from_pieces(view: GraphView, node: NodeProto, route: Route) -> list[Route] | None:
    found: list[Route] = []
    first = 0
    for piece in node.input:
        width = view.width(piece)
        if width is None:
            return None
        here = (route.columns >= first) & (route.columns < first + width)
        if here.any():
            found += find_routes(view, route.part(here, piece, route.columns[here] - first))
        first += width
    return found


def _further(view: GraphView, node: NodeProto, route: Route) -> Route | None:
    """Return the route from before a node."""
    match node.op_type:
        case "Identity":
            return route.behind(node.input[0])
        case "Cast":
            return _before_cast(view, node, route)
        case "Gather" if attribute(node, "axis", 0) == 1:
            chosen = view.constant(node.input[1])
            if chosen is None or chosen.ndim != 1 or chosen.min(initial=0) < 0:
                return None
            return replace(route, tensor=node.input[0], columns=chosen[route.columns])
        case "Add" | "Sub" | "Mul" | "Div":
            return _before_arithmetic(view, node, route)
        case "Where":
            return _before_replacement(view, node, route) or _before_truncation(view, node, route)
        case "LabelEncoder":
            return _before_lookup(node, route)
    return None


def _before_cast(view: GraphView, node: NodeProto, route: Route) -> Route | None:
    """A double is rounded, a float is taken as it is; truths are numbers where they compare with a constant."""
    from onnx import TensorProto

    cells = node.input[0]
    match view.element_type(cells), int(attribute(node, "to")):
        case TensorProto.DOUBLE, TensorProto.FLOAT:
            return route.behind(cells, Arithmetic("round", np.zeros(len(route.features))))
        case TensorProto.FLOAT, TensorProto.DOUBLE:
            return route.behind(cells)
        case TensorProto.BOOL, TensorProto.DOUBLE:
            return _before_equal(view, view.makers.get(cells), route)
    return None


def _before_equal(view: GraphView, node: NodeProto | None, route: Route) -> Route | None:
    """Match x == c; a single column may be compared with many constants, each of which gives a column."""
    if node is None or node.op_type != "Equal":
        return None
    cells, constant = node.input
    constants = _constants(view, constant, route)
    if constants is None or view.width(cells) is None:
        return None
    columns = np.zeros_like(route.columns) if view.width(cells) == 1 else route.columns
    return replace(route.behind(cells, Arithmetic("Equal", constants)), columns=columns)


def _before_arithmetic(view: GraphView, node: NodeProto, route: Route) -> Route | None:
    cells, constant = node.input
    if node.op_type in ("Add", "Mul") and constant not in view.constants:
        cells, constant = constant, cells
    constants = _constants(view, constant, route)
    if constants is None or not np.isfinite(constants).all() or not _keeps_width(view, node, cells):
        return None
    if node.op_type in ("Mul", "Div") and not (constants > 0).all():
        return None
    return route.behind(cells, Arithmetic(node.op_type, constants))


def _before_replacement(view: GraphView, node: NodeProto, route: Route) -> Route | None:
    """Match Where(IsNaN(x), c, x), Where(x < c, c, x) and Where(x > c, c, x)."""
    test, (_, constant, cells) = view.makers.get(node.input[0]), node.input
    if test is None or test.op_type not in ("IsNaN", "Less", "Greater") or test.input[0] != cells:
        return None
    if test.op_type != "IsNaN" and list(test.input) != [cells, constant]:
        return None
    constants = _constants(view, constant, route)
    if constants is None or (test.op_type != "IsNaN" and np.isnan(constants).any()):
        return None
    return route.behind(cells, Arithmetic(test.op_type, constants)) if _keeps_width(view, node, cells) else None


def _before_truncation(view: GraphView, node: NodeProto, route: Route) -> Route | None:
    mask = truncation(view, node.output[0], node.input[2])
    if mask is None or len(mask) != view.width(node.input[2]):
        return None
    return route.behind(node.input[2], Arithmetic("truncate", mask[route.columns].astype(np.float64)))


def _before_lookup(node: NodeProto, route: Route) -> Route | None:
    """Match an encoder of numbers that knows some; rows of text have another one."""
    keys, values = (np.asarray(attribute(node, f"{name}_tensor", np.zeros(0))) for name in ("keys", "values"))
    default = np.asarray(attribute(node, "default_tensor", np.zeros(0)))
    if not len(keys) or not keys.dtype == values.dtype == default.dtype == np.float64:
        return None
    order = np.argsort(keys, kind="stable")
    if not np.isfinite(keys).all() or not (np.diff(keys[order]) > 0).all():
        return None
    return route.behind(node.input[0], Lookup(keys[order], values[order], float(default.reshape(-1)[0])))


def _keeps_width(view: GraphView, node: NodeProto, cells: str) -> bool:
    """Tell whether a node has the columns that it reads: constants may make several of one."""
    return view.width(cells) is not None and view.width(cells) == view.width(node.output[0])


def _constants(view: GraphView, name: str, route: Route) -> Doubles | None:
    """Return the constant that each feature of a route meets, of one number or one for each column."""
    value: npt.NDArray[Any] | None = view.constant(name)
    if value is None or value.dtype != np.float64 or value.size != (value.shape[-1] if value.ndim else 1):
        return None
    flat = value.reshape(-1)
    return np.repeat(flat, len(route.columns)) if len(flat) == 1 else flat[route.columns]


def truncation(view: GraphView, tensor: str, cells: str) -> Flags | None:
    """Match Where(mask, Sign(x) * Floor(Abs(x)), x) for x the cells; return the mask."""
    mask, whole, otherwise = made_of(view, tensor, "Where", 3)
    sign, floor = made_of(view, whole, "Mul")
    (signed,) = made_of(view, sign, "Sign", 1)
    (magnitude,) = made_of(view, floor, "Floor", 1)
    (measured,) = made_of(view, magnitude, "Abs", 1)
    return flags(view, mask) if otherwise == signed == measured == cells else None


def made_of(view: GraphView, tensor: str, operator: str, count: int = 2) -> list[str]:
    """Return what the operator that makes a tensor reads; empty names where another one makes it."""
    node = view.makers.get(tensor)
    if node is None or node.op_type != operator or len(node.input) != count:
        return [""] * count
    return list(node.input)


def flags(view: GraphView, name: str) -> Flags | None:
    """Return a constant of flags, one for each column."""
    mask = view.constant(name)
    return None if mask is None or mask.dtype != np.bool_ else mask.reshape(-1)
