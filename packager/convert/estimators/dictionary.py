"""Sparse codes of the rows in a dictionary, by the algorithms that end after steps known beforehand; NMF is refused."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.elementary import (
    added,
    clip,
    divide,
    is_above,
    is_below,
    ones,
    subtract,
    times,
    where,
)
from packager.convert.arithmetic.links import flat
from packager.convert.arithmetic.pairwise import products
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, beside, cast, integers, vector

Doubles = npt.NDArray[np.float64]

# The steps of orthogonal matching pursuit are written one after another, each with all atoms chosen before.
_MOST_ATOMS = 10
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class _Pursuit:
    """What a step of the pursuit leaves: `order` of atoms, chosen ones first, [rows, atoms]; `is_open` [rows, 1]."""

    order: str
    residual: str
    code: str
    is_open: str


def emit_sparse_code(graph: Graph, features: str, model: Any) -> str:
    """Return each row's weight of each atom, of shape [rows, atoms], or twice as many where signs are split."""
    atoms = np.asarray(getattr(model, "components_", None) if hasattr(model, "components_") else model.dictionary)
    algorithm = model.transform_algorithm
    if algorithm == "threshold":
        code = _threshold(graph, features, atoms, model)
    elif algorithm == "omp":
        code = _matching_pursuit(graph, features, atoms, model)
    else:
        raise UnsupportedModel(
            f"transform_algorithm={algorithm} iterates to a tolerance, which has no exact form; omp and threshold have"
        )
    if not model.split_sign:
        return code
    return beside(graph, [clip(graph, code, 0.0, None), graph.node("Neg", clip(graph, code, None, 0.0))])


def refuse_factors(graph: Graph, features: str, model: Any) -> str:
    """Raise: the answer of a row depends on the rows beside it."""
    raise UnsupportedModel("it iterates until all rows together have converged: a row's answer depends on the others")


def _threshold(graph: Graph, features: str, atoms: Doubles, model: Any) -> str:
    """Return the products with the atoms, each nearer to 0 by alpha."""
    alpha = getattr(model, "alpha", None) if model.transform_alpha is None else model.transform_alpha
    products_ = products(graph, features, atoms)
    size = subtract(graph, graph.node("Abs", products_), 1.0 if alpha is None else alpha)
    code = times(graph, graph.node("Sign", products_), clip(graph, size, 0.0, None))
    return clip(graph, code, 0.0, None) if model.positive_code else code


def _matching_pursuit(graph: Graph, features: str, atoms: Doubles, model: Any) -> str:
    """Return the code by scikit-learn's `_gram_omp`: the atom nearest to what remains, then least squares on all.

    R. Rubinstein, M. Zibulevsky, M. Elad, Efficient implementation of the K-SVD algorithm using batch OMP (2008).
    """
    count = model.transform_n_nonzero_coefs
    count = int(min(max(atoms.shape[1] / 10, 1), len(atoms)) if count is None else count)
    if count > _MOST_ATOMS:
        raise UnsupportedModel(f"more than {_MOST_ATOMS} nonzero coefficients have no exact form")
    if count > atoms.shape[1]:
        raise UnsupportedModel("of more nonzero coefficients than columns the last are chosen by rounding alone")
    gram, target = np.dot(atoms, atoms.T), products(graph, features, atoms)
    every = ones(graph, features)
    places = times(graph, every, vector(graph, np.ones((1, len(atoms)))))
    order = graph.node("Add", cast(graph, times(graph, places, 0), np.int64), integers(graph, np.arange(len(atoms))))
    state = _Pursuit(order, target, times(graph, places, 0), is_above(graph, every, 0))
    chosen: list[str] = []
    factor: list[list[str]] = []
    for _ in range(count):
        state = _choose(graph, state, target, gram, chosen, factor)
    return state.code


def _choose(
    graph: Graph, state: _Pursuit, target: str, gram: Doubles, chosen: list[str], factor: list[list[str]]
) -> _Pursuit:
    """Add one atom: its column of the Cholesky factor, the weights of all chosen ones, and what then remains."""
    active = len(chosen)
    residual = graph.node("GatherElements", state.residual, state.order, axis=1)
    place = graph.node("ArgMax", graph.node("Abs", residual), axis=1, keepdims=1)
    largest = graph.node("GatherElements", residual, place, axis=1)
    atom = graph.node("GatherElements", state.order, place, axis=1)
    is_new = graph.node("GreaterOrEqual", place, integers(graph, active))
    is_large = graph.node("Not", is_below(graph, times(graph, largest, largest), _EPSILON))
    row = graph.node("Gather", vector(graph, gram), flat(graph, atom), axis=0)
    own = graph.node("GatherElements", row, atom, axis=1)
    lower: list[str] = []
    for index, other in enumerate(chosen):
        value = graph.node("GatherElements", row, other, axis=1)
        lower.append(_substituted(graph, value, factor[index], lower))
    rest = reduce(lambda total, part: subtract(graph, total, times(graph, part, part)), lower, own)
    is_free = is_above(graph, rest, _EPSILON) if lower else is_large
    is_open = reduce(lambda one, other: graph.node("And", one, other), (is_new, is_large, is_free), state.is_open)
    factor.append([*lower, graph.node("Sqrt", rest)])
    chosen.append(atom)
    weights = _solved(graph, [graph.node("GatherElements", target, other, axis=1) for other in chosen], factor)
    code, fitted = _combined(graph, chosen, weights, gram)
    return _Pursuit(
        _swapped(graph, state.order, place, atom, active, atoms=len(gram)),
        subtract(graph, target, fitted),
        where(graph, is_open, code, state.code),
        is_open,
    )


def _substituted(graph: Graph, value: str, row: list[str], found: list[str]) -> str:
    """Return (value - row . found) / the row's diagonal."""
    for entry, known in zip(row, found, strict=False):
        value = subtract(graph, value, times(graph, entry, known))
    return divide(graph, value, row[len(found)])


def _solved(graph: Graph, targets: list[str], factor: list[list[str]]) -> list[str]:
    """Return the solution of L L' x = targets, for L by rows."""
    forward: list[str] = []
    for target, row in zip(targets, factor, strict=True):
        forward.append(_substituted(graph, target, row, forward))
    solution: list[str] = []
    for index in reversed(range(len(factor))):
        column = [factor[below][index] for below in reversed(range(index, len(factor)))]
        solution.append(_substituted(graph, forward[index], column, solution))
    return solution[::-1]


def _combined(graph: Graph, chosen: list[str], weights: list[str], gram: Doubles) -> tuple[str, str]:
    """Return the weights in their atoms' places, and the products of all atoms with what they add up to."""
    places = integers(graph, np.arange(len(gram))[None])
    rows = [graph.node("Gather", vector(graph, gram), flat(graph, atom), axis=0) for atom in chosen]
    parts = [
        where(graph, graph.node("Equal", places, atom), weight, 0) for atom, weight in zip(chosen, weights, strict=True)
    ]
    fitted = [times(graph, row, weight) for row, weight in zip(rows, weights, strict=True)]
    return added(graph, parts), added(graph, fitted)


def _swapped(graph: Graph, order: str, place: str, atom: str, active: int, *, atoms: int) -> str:
    """Return the order of atoms with the chosen one as the last of the chosen, whose place the other takes."""
    first = graph.node("Gather", order, integers(graph, [active]), axis=1)
    places = integers(graph, np.arange(atoms)[None])
    order = graph.node("Where", graph.node("Equal", places, place), first, order)
    return graph.node("Where", graph.node("Equal", places, integers(graph, active)), atom, order)


_CODES = Emitter(transform=emit_sparse_code)
_FACTORS = Emitter(transform=refuse_factors)

EMITTERS = {
    "sklearn.decomposition.DictionaryLearning": _CODES,
    "sklearn.decomposition.MiniBatchDictionaryLearning": _CODES,
    "sklearn.decomposition.SparseCoder": _CODES,
    "sklearn.decomposition.NMF": _FACTORS,
    "sklearn.decomposition.MiniBatchNMF": _FACTORS,
}
