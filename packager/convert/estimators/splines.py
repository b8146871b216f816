"""SplineTransformer: the basis by de Boor's recursion as scipy runs it, continued as scikit-learn continues it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.edges import count_reached
from packager.convert.arithmetic.elementary import is_below, where
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, cast, integers, refusing, vector

Doubles = npt.NDArray[np.float64]

# The extrapolations that are left to scipy's splines.
_SCIPYS = ("continue", "periodic", "error")


def emit_splines(graph: Graph, features: str, model: Any) -> str:
    """Return each column's basis functions beside each other; shape [rows, columns * functions]."""
    if model.sparse_output and getattr(model, "handle_missing", "error") == "zeros" and model.extrapolation in _SCIPYS:
        raise UnsupportedModel("what it makes of a missing cell in sparse rows depends on the rows beside it")
    splines = model.bsplines_
    knots = np.stack([spline.t for spline in splines])
    cells = _folded(graph, features, knots, model.degree) if model.extrapolation == "periodic" else features
    basis = _basis(graph, cells, knots, model.degree)
    found = graph.node("MatMul", basis, vector(graph, splines[0].c))
    upright = graph.node("Unsqueeze", features, integers(graph, [2]))
    if model.extrapolation in ("constant", "linear"):
        found = _extrapolated(graph, upright, found, model)
    else:
        found = where(graph, graph.node("IsNaN", graph.node("Unsqueeze", cells, integers(graph, [2]))), np.nan, found)
    found = where(graph, graph.node("IsNaN", upright), 0, found)
    if model.extrapolation == "error":
        found = refusing(graph, found, _within(graph, features, knots, model.degree))
    functions = splines[0].c.shape[1]
    if not model.include_bias:
        functions -= 1
        found = graph.node("Gather", found, integers(graph, np.arange(functions)), axis=2)
    return graph.node("Reshape", found, integers(graph, [-1, len(splines) * functions]))


def _within(graph: Graph, features: str, knots: Doubles, degree: int) -> str:
    """Tell which cells lie between the outer knots or are missing; shape [rows, columns]."""
    first, last = knots[None, :, degree], knots[None, :, -degree - 1]
    reaches = graph.node("GreaterOrEqual", features, vector(graph, first))
    ends = graph.node("LessOrEqual", features, vector(graph, last))
    return graph.node("Or", graph.node("And", reaches, ends), graph.node("IsNaN", features))


def _basis(graph: Graph, cells: str, knots: Doubles, degree: int) -> str:
    """Return every B-spline of the degree on the knots, [columns, n], at each cell: [rows, columns, n - degree - 1].

    Beyond the knots the outer intervals' polynomials go on. Order and rounding are those of scipy's `_deBoor_D`.
    """
    last = knots.shape[1] - degree - 1
    passed = count_reached(graph, cells, [row[degree + 1 : last] for row in knots])
    interval = graph.node("Add", passed, integers(graph, degree))
    intervals = integers(graph, np.arange(knots.shape[1] - 1)[None, None])
    axis = integers(graph, [2])
    basis = cast(graph, graph.node("Equal", graph.node("Unsqueeze", interval, axis), intervals), graph.dtype)
    upright = graph.node("Unsqueeze", cells, axis)
    for step in range(1, degree + 1):
        count = knots.shape[1] - step  # of functions of one degree less
        start, end = knots[None, :, :count], knots[None, :, step:]
        width = end - start
        share = graph.node("Div", basis, vector(graph, np.where(width == 0, 1.0, width)))
        share = graph.node("Mul", share, vector(graph, (width != 0) * 1.0))
        rising = graph.node("Mul", share, graph.node("Sub", upright, vector(graph, start)))
        falling = graph.node("Mul", share, graph.node("Sub", vector(graph, end), upright))
        left, right = integers(graph, np.arange(count - 1)), integers(graph, np.arange(1, count))
        basis = graph.node(
            "Add", graph.node("Gather", rising, left, axis=2), graph.node("Gather", falling, right, axis=2)
        )
    return basis


def _folded(graph: Graph, features: str, knots: Doubles, degree: int) -> str:
    """Return the cells moved into the first period; 0 where the period is empty."""
    start = knots[None, :, degree]
    period = knots[None, :, knots.shape[1] - degree - 1] - start
    safe = vector(graph, np.where(period > 0, period, 1.0))
    rest = graph.node("Mod", graph.node("Sub", features, vector(graph, start)), safe, fmod=1)
    rest = where(graph, is_below(graph, rest, 0), graph.node("Add", rest, safe), rest)
    moved = graph.node("Add", vector(graph, start), rest)
    return where(graph, graph.constant(period > 0), moved, 0)


def _extrapolated(graph: Graph, cells: str, inside: str, model: Any) -> str:
    """Return the basis within the knots, and beyond them its outer values, level or with their slopes."""
    shape = (len(model.bsplines_), model.bsplines_[0].c.shape[1])
    values, slopes, bounds = np.zeros((2, *shape)), np.zeros((2, *shape)), np.zeros((2, shape[0], 1))
    is_reached = np.zeros((2, *shape), dtype=bool)
    degree, is_linear = model.degree, model.extrapolation == "linear"
    for column, spline in enumerate(model.bsplines_):
        ends = bounds[:, column, 0] = spline.t[degree], spline.t[-degree - 1]
        if is_linear and degree <= 1:
            degree += 1  # as scikit-learn does, once per column: it moves the bounds of the columns after it
        if degree > shape[1] or ends[0] > ends[1]:
            raise UnsupportedModel("linear extrapolation from so few knots has no exact form")
        # Of degree 0 none is reached above, but for sparse rows, where scikit-learn's `[-0:]` means all.
        above = 0 if not degree and model.sparse_output else shape[1] - degree
        for side, functions in enumerate((slice(0, degree), slice(above, None))):
            is_reached[side, column, functions] = True
            values[side, column] = spline(ends[side])
            slopes[side, column] = spline(ends[side], nu=1)
    found = inside
    for side, comparison in enumerate(("Less", "Greater")):
        bound, beyond = vector(graph, bounds[side][None]), vector(graph, values[side][None])
        if is_linear:
            way = graph.node("Mul", graph.node("Sub", cells, bound), vector(graph, slopes[side][None]))
            beyond = graph.node("Add", beyond, way)
        beyond = where(graph, graph.constant(is_reached[side][None]), beyond, 0)
        found = where(graph, graph.node(comparison, cells, bound), beyond, found)
    return found


EMITTERS = {"sklearn.preprocessing.SplineTransformer": Emitter(transform=emit_splines)}
