"""KNNImputer: a missing cell becomes the mean over the nearest training rows that have a value in its column."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.norms import by_einsum
from packager.convert.emitter import Emitter
from packager.convert.estimators.impute import flags, missing_cells
from packager.convert.graph import (
    Graph,
    Part,
    UnsupportedModel,
    beside,
    cast,
    integers,
    numbers,
    scalar,
    take,
    vector,
)

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
# So many values of a column tell whether its values lie at equal distances; nearer ones than this are rounding.
_ASKED = 200
_NEARLY = 1e-9


def emit_neighbour_imputer(graph: Graph, features: str, model: Any) -> str:
    """Return the columns with missing cells filled by their neighbours; columns that were empty are left out or 0."""
    fitted, holes = np.asarray(model._fit_X, dtype=np.float64), np.asarray(model._mask_fit_X, dtype=bool)
    _check(model, fitted, holes)
    missing = missing_cells(graph, Part(features, "number", fitted.shape[1]), model.missing_values)
    distance = _distances(graph, features, missing, np.where(holes, 0.0, fitted), holes)
    made = []
    for column, is_known in enumerate(model._valid_mask):
        cells = numbers(graph, take(graph, features, [column]))
        if is_known:
            known = np.flatnonzero(~holes[:, column])
            filled = _mean_of_nearest(graph, distance, fitted[known, column], known, model)
            there = numbers(graph, take(graph, missing, [column]))
            made.append(graph.node("Where", there, filled, cells))
        elif model.keep_empty_features:
            made.append(graph.node("Where", graph.node("IsNaN", cells), scalar(graph, 0), scalar(graph, 0)))
    return beside(graph, [*made, *(part.tensor for part in flags(graph, model, missing))])


def _check(model: Any, fitted: Doubles, holes: Flags) -> None:
    if callable(model.weights) or callable(model.metric):
        raise UnsupportedModel("weights or a metric that are code have no form in a graph")
    if fitted.shape[1] == 1 or model.n_neighbors >= len(fitted):
        return  # no distance is known, or all count
    for column in range(fitted.shape[1]):
        if _are_equally_far(fitted[~holes[:, column], column], int(model.n_neighbors)):
            raise UnsupportedModel(
                f"column {column} repeats values, or has them at equal steps, so that training rows lie equally far "
                "away: which of them count is left to the processor. Impute with a SimpleImputer or an "
                "IterativeImputer, or give the KNNImputer columns of unlike values alone"
            )


def _are_equally_far(known: Doubles, count: int) -> bool:
    """Tell whether some value of a column has, among the others, a last one that counts as near as the next one.

    A row may have no other cell: the column's own distances decide then.
    """
    if len(np.unique(known)) < len(known):
        return True
    if len(known) <= count:
        return False
    asked = known[np.linspace(0, len(known) - 1, min(_ASKED, len(known))).astype(np.intp)]
    distances = np.sort(np.abs(asked[:, None] - known[None, :]), axis=1)
    last, next_one = distances[:, count - 1], distances[:, count]
    return bool((next_one - last <= _NEARLY * next_one).any())


def _distances(graph: Graph, features: str, missing: str, fitted: Doubles, holes: Flags) -> str:
    """Return nan_euclidean_distances to the fitted rows, infinite where none of the columns is known in both.

    In scikit-learn's order: the sum over all columns with missing cells as 0, less what those have added, times the
    share of columns that count.
    """
    present = vector(graph, (~holes).T)
    zero = scalar(graph, 0)
    there = cast(graph, graph.node("Not", missing), graph.dtype)
    filled = graph.node("Where", missing, zero, features)
    squares = graph.node("Mul", filled, filled)
    product = graph.node("MatMul", filled, vector(graph, -2 * fitted.T))  # twice a number rounds as the number does
    own = by_einsum(graph, filled, fitted.shape[1])
    known = vector(graph, np.einsum("ij,ij->i", fitted, fitted)[None, :])
    total = graph.node("Add", graph.node("Add", product, own), known)
    total = graph.node("Max", total, zero)
    total = graph.node("Sub", total, graph.node("MatMul", squares, vector(graph, holes.T)))
    gone = cast(graph, missing, graph.dtype)
    total = graph.node("Sub", total, graph.node("MatMul", gone, vector(graph, (fitted * fitted).T)))
    total = graph.node("Max", total, zero)
    count = graph.node("MatMul", there, present)
    share = graph.node("Div", total, graph.node("Max", count, scalar(graph, 1)))
    distance = graph.node("Sqrt", graph.node("Mul", share, scalar(graph, fitted.shape[1])))
    return graph.node("Where", graph.node("Equal", count, zero), scalar(graph, np.inf), distance)


def _mean_of_nearest(graph: Graph, distance: str, values: Doubles, known: npt.NDArray[np.intp], model: Any) -> str:
    """Return the mean of the nearest fitted values, of shape [rows, 1]; of all where no distance is known."""
    among = graph.node("Gather", distance, integers(graph, known), axis=1)
    count = min(int(model.n_neighbors), len(known))
    nearest, where = graph.several("TopK", among, integers(graph, [count]), outputs=2, axis=1, largest=0)
    donors = graph.node("Gather", vector(graph, values), where, axis=0)
    zero, infinite = scalar(graph, 0), scalar(graph, np.inf)
    counts = cast(graph, graph.node("Less", nearest, infinite), graph.dtype)
    if model.weights == "distance":
        same = graph.node("Equal", nearest, zero)
        any_same = graph.node("ReduceMax", cast(graph, same, graph.dtype), integers(graph, [1]), keepdims=1)
        inverse = graph.node("Div", scalar(graph, 1), nearest)  # 0 where no distance is known
        is_same = cast(graph, same, graph.dtype)
        counts = graph.node("Where", graph.node("Greater", any_same, zero), is_same, inverse)
    axis = integers(graph, [1])
    weight = graph.node("ReduceSum", counts, axis, keepdims=1)
    mean = graph.node("Div", graph.node("ReduceSum", graph.node("Mul", donors, counts), axis, keepdims=1), weight)
    is_known = graph.node("Greater", weight, zero)
    return graph.node("Where", is_known, mean, scalar(graph, float(np.mean(values))))


EMITTERS = {"sklearn.impute.KNNImputer": Emitter(transform=emit_neighbour_imputer)}
