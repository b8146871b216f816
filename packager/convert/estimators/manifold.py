"""Embeddings that take new rows: by way of the nearest training rows and what those were embedded as."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import votes
from packager.convert.arithmetic.elementary import add, divide, is_above, subtract, times, where
from packager.convert.arithmetic.neighbours import nearest, search_of
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, integers, vector


def _isomap(graph: Graph, rows: str, model: Any) -> str:
    """Return the kernel of the shortest ways to all training rows, projected; shape [rows, components]."""
    if model.n_neighbors is None:
        raise UnsupportedModel("neighbours in a radius have no exact form here: set n_neighbors")
    search = search_of(model.nbrs_)
    near, places = nearest(graph, rows, search, model.nbrs_.n_neighbors)
    distances = search.metric.distance(graph, near)
    ways = np.asarray(model.dist_matrix_)[search.order]
    shortest = ""
    for at in range(model.nbrs_.n_neighbors):
        place = graph.node("Gather", places, integers(graph, at), axis=1)
        step = graph.node("Gather", distances, integers(graph, [at]), axis=1)
        way = graph.node("Add", graph.node("Gather", vector(graph, ways), place, axis=0), step)
        shortest = graph.node("Min", shortest, way) if shortest else way
    kernel = times(graph, times(graph, shortest, shortest), -0.5)
    return _projected(graph, kernel, model.kernel_pca_)


def _projected(graph: Graph, kernel: str, model: Any) -> str:
    """Return a precomputed kernel, centered as the training rows' was, times the scaled eigenvectors."""
    center = model._centerer
    mean = divide(graph, _row_sum(graph, kernel), float(len(center.K_fit_rows_)))
    centered = subtract(graph, subtract(graph, kernel, vector(graph, center.K_fit_rows_[None, :])), mean)
    used = np.flatnonzero(model.eigenvalues_)
    scaled = np.zeros_like(model.eigenvectors_)
    scaled[:, used] = model.eigenvectors_[:, used] / np.sqrt(model.eigenvalues_[used])
    return graph.node("MatMul", add(graph, centered, float(center.K_fit_all_)), vector(graph, scaled))


def _locally_linear(graph: Graph, rows: str, model: Any) -> str:
    """Return the embeddings of the nearest training rows, weighted as they make up the row itself."""
    search, k = search_of(model.nbrs_), model.n_neighbors
    _, places = nearest(graph, rows, search, k)
    known = votes.chosen(graph, search.points, places)
    away = subtract(graph, known, graph.node("Unsqueeze", rows, integers(graph, [1])))
    gram = graph.node("MatMul", away, graph.node("Transpose", away, perm=[0, 2, 1]))
    diagonal = graph.node("Mul", gram, vector(graph, np.eye(k)[None]))
    trace = graph.node("ReduceSum", diagonal, integers(graph, [1, 2]), keepdims=1)
    added = where(graph, is_above(graph, trace, 0.0), times(graph, trace, model.reg), model.reg)
    weights = _solved_for_ones(graph, graph.node("Add", gram, graph.node("Mul", added, vector(graph, np.eye(k)))), k)
    weights = graph.node("Div", weights, _row_sum(graph, weights))
    embedded = votes.chosen(graph, np.asarray(model.embedding_)[search.order], places)
    spread = graph.node("Mul", embedded, graph.node("Unsqueeze", weights, integers(graph, [2])))
    return graph.node("ReduceSum", spread, integers(graph, [1]), keepdims=0)


def _solved_for_ones(graph: Graph, matrices: str, size: int) -> str:
    """Return x of A x = 1 for positive definite A, [rows, size, size]: elimination needs no pivots there."""
    sides = graph.node("ReduceSum", times(graph, matrices, 0.0), integers(graph, [2]), keepdims=1)
    system = graph.node("Concat", matrices, add(graph, sides, 1.0), axis=2)
    for at in range(size):
        pivot_row = graph.node("Gather", system, integers(graph, [at]), axis=1)
        pivot_row = graph.node("Div", pivot_row, graph.node("Gather", pivot_row, integers(graph, [at]), axis=2))
        column = graph.node("Gather", system, integers(graph, [at]), axis=2)
        is_own = graph.constant((np.arange(size) == at)[None, :, None])
        rest = subtract(graph, system, graph.node("Mul", column, pivot_row))
        system = graph.node("Where", is_own, pivot_row, rest)
    return graph.node("Gather", system, integers(graph, size), axis=2)


def _row_sum(graph: Graph, values: str) -> str:
    return graph.node("ReduceSum", values, integers(graph, [1]), keepdims=1)


EMITTERS = {
    "sklearn.manifold.Isomap": Emitter(transform=_isomap),
    "sklearn.manifold.LocallyLinearEmbedding": Emitter(transform=_locally_linear),
}
