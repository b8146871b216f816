"""Searches for the nearest known rows as scikit-learn's do them: by a tree, by a heap over all, by a partial sort.

Positions are those of `Search.points`: the order in which the original visits the known rows, where that is fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic import heaps, norms
from packager.convert.arithmetic.distances import Metric, metric_of
from packager.convert.arithmetic.elementary import add, clip, times, where
from packager.convert.arithmetic.pairwise import products, squared_distances
from packager.convert.arithmetic.walks import Tree, tree_of
from packager.convert.graph import Graph, UnsupportedModel, integers, scalar, vector

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
# scikit-learn hands out known rows to threads in blocks of so many.
_BLOCK = 256
# Distances that are as near to each other as this may be equal to the original, or change sides by its rounding.
_NEARLY = 1e-9
# So many rows of its own, and as many mixed from them, tell whether a search meets equal distances.
_ASKED = 100


@dataclass(frozen=True)
class Search:
    """`order` gives for each point its row in the training data; `tree` is how rows decide the order of visits.

    `picks` tells which of equally near points stay: those that a heap keeps, that the heaps of several threads keep,
    or any, where a partial sort decides.
    """

    points: Doubles
    order: Integers
    reduced: Callable[[Graph, str, Doubles], str]
    metric: Metric
    tree: Tree | None
    picks: Literal["heap", "heaps", "sort"]
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.points)

    def distances(self, graph: Graph, rows: str) -> str:
        """Return the reduced distances to all points, of shape [rows, points]."""
        return self.reduced(graph, rows, self.points)


def search_of(model: Any, *, by_class: bool = False) -> Search:
    """Return the search of a fitted neighbours estimator; `by_class`: as its votes without weights search."""
    if model._fit_method in ("kd_tree", "ball_tree"):
        return _by_tree(model)
    known, name = model._fit_X, model.effective_metric_
    if name == "nan_euclidean":
        raise UnsupportedModel("the metric nan_euclidean leaves open which rows are near one of missing cells alone")
    points = np.asarray(known.toarray() if hasattr(known, "toarray") else known, dtype=np.float64)
    order = np.arange(len(points))
    if name == "precomputed":
        metric = metric_of("manhattan", {}, 1)
        return Search(points, order, lambda _graph, rows, _points: rows, metric, None, "sort", name)
    metric = metric_of(name, model.effective_metric_params_, points.shape[1])
    picks = _picks(known, name, by_class=by_class)
    reduced = metric.reduced
    if name in ("euclidean", "sqeuclidean"):
        reduced = squared_distances if picks == "sort" else by_products
    return Search(points, order, reduced, metric, None, picks, name, model.effective_metric_params_)


def _picks(known: Any, name: str, *, by_class: bool) -> Literal["heap", "heaps", "sort"]:
    """Tell how a search without a tree picks; heaps of several threads are one where there is one block of rows."""
    from sklearn.metrics._pairwise_distances_reduction import ArgKmin, ArgKminClassMode

    if hasattr(known, "toarray"):  # asked with rows like its own, it sorts; with others it does not
        return "sort"
    asked = np.zeros((1, known.shape[1]))
    if by_class and ArgKminClassMode.is_usable_for(asked, known, name):
        return "heap"
    if not ArgKmin.is_usable_for(asked, known, name):
        return "sort"
    return "heap" if len(known) <= _BLOCK else "heaps"


def by_products(graph: Graph, rows: str, points: Doubles, lengths: Doubles | None = None) -> str:
    """Return |x|² - 2 x·y + |y|², not below 0, as scikit-learn's searches over all points add it up.

    `lengths` are |y|², where the model keeps its own.
    """
    from sklearn.metrics._pairwise_distances_reduction._base import _sqeuclidean_row_norms64

    if lengths is None:
        lengths = np.asarray(_sqeuclidean_row_norms64(np.ascontiguousarray(points), 1))
    known = vector(graph, lengths[None, :])
    own = norms.by_dot(graph, rows, points.shape[1])
    return clip(graph, add(graph, add(graph, times(graph, products(graph, rows, points), -2.0), own), known), 0.0, None)


def _by_tree(model: Any) -> Search:
    name = model.effective_metric_
    if name == "braycurtis" and model._fit_method == "ball_tree":
        raise UnsupportedModel("a ball tree with the metric braycurtis misses near rows at random: use brute")
    metric = metric_of(name, model.effective_metric_params_, model._tree.get_arrays()[0].shape[1])
    data, order, nodes, bounds = map(np.asarray, model._tree.get_arrays())
    return Search(data[order], order, metric.reduced, metric, tree_of(nodes, bounds, metric), "heap", name)


def nearest(graph: Graph, rows: str, search: Search, k: int) -> tuple[str, str]:
    """Return the reduced distances to the k nearest points in rising order, and their positions, both [rows, k]."""
    if k > len(search):
        raise UnsupportedModel(f"it asks for {k} neighbours and knows {len(search)} rows")
    distances = search.distances(graph, rows)
    if k == len(search):
        return _smallest(graph, distances, k)
    if search.picks != "heap":
        refuse_equals(search, k)
    near, places = _smallest(graph, distances, k + 1)
    first = integers(graph, np.arange(k))
    found, at = (graph.node("Gather", values, first, axis=1) for values in (near, places))
    if search.picks == "sort":
        return found, graph.node("Where", _all_alike(graph, distances), _first_of_equals(graph, search, k), at)
    last, next_one = (graph.node("Gather", near, integers(graph, index), axis=1) for index in (k - 1, k))
    tied = graph.node("NonZero", graph.node("LessOrEqual", times(graph, next_one, 1 - _NEARLY), last))
    tied = graph.node("Reshape", tied, integers(graph, [-1]))
    exact, kept_at = _walked(graph, graph.node("Gather", rows, tied), graph.node("Gather", distances, tied), search, k)
    index = graph.node("Unsqueeze", tied, integers(graph, [1]))
    return graph.node("ScatterND", found, index, exact), graph.node("ScatterND", at, index, kept_at)


def _walked(graph: Graph, rows: str, distances: str, search: Search, k: int) -> tuple[str, str]:
    """Return what a heap of k keeps of the distances, visited in the original's order, in rising order."""
    if search.tree is not None:
        visits = search.tree.visits(graph, rows, distances)
    else:
        shape = graph.node("Shape", distances)
        places = graph.node("Expand", integers(graph, np.arange(len(search))[None, :]), shape)
        group = graph.node("Expand", integers(graph, [[0]]), shape)
        unbounded = graph.node("Expand", vector(graph, [[-np.inf]]), shape)
        visits = heaps.Visits(distances, places, group, unbounded, len(search))
    values, held = heaps.kept(graph, visits, k)
    values, at = _smallest(graph, values, k)
    return values, graph.node("GatherElements", held, at, axis=1)


def _all_alike(graph: Graph, distances: str) -> str:
    """Return where all distances are the same, as the cosine's to a row of zeros; shape [rows, 1]."""
    axis = integers(graph, [1])
    low, high = (graph.node(operator, distances, axis, keepdims=1) for operator in ("ReduceMin", "ReduceMax"))
    return graph.node("Equal", low, high)


def _first_of_equals(graph: Graph, search: Search, k: int) -> str:
    """Return what the original's sort makes of equal numbers alone, on the machine that has the model."""
    return integers(graph, np.argpartition(np.ones((1, len(search))), k - 1, axis=1)[:, :k])


def _smallest(graph: Graph, values: str, count: int) -> tuple[str, str]:
    found, at = graph.several("TopK", values, integers(graph, [count]), outputs=2, axis=1, largest=0, sorted=1)
    return found, at


def refuse_equals(search: Search, k: int) -> None:
    """Refuse a search that keeps any of equally near points where its own points show that there are such.

    Which ones stay depends on the processor, on its number of threads, and on what else is in the request.
    """
    if search.name == "precomputed":
        raise UnsupportedModel("rows of given distances cannot be told from rows with equal ones")
    from sklearn.metrics import pairwise_distances

    random = np.random.default_rng(0)
    own = search.points[random.permutation(len(search))[:_ASKED]]
    mixed = np.stack([random.choice(column, _ASKED) for column in search.points.T], axis=1)
    queries = np.concatenate([own, mixed])
    distances = np.sort(pairwise_distances(queries, search.points, metric=search.name, **search.parameters), axis=1)
    last, next_one = distances[:, k - 1], distances[:, k]
    # The cosine is 1 less something: its last bits are lost.
    rounding = 1e-14 if search.name == "cosine" else 0.0
    if (next_one - last <= _NEARLY * next_one + rounding).any():
        raise UnsupportedModel(
            "its search keeps any of equally near rows, and its training rows have such: fit it on float64 rows with "
            "algorithm='kd_tree' or 'ball_tree'"
        )


def within(graph: Graph, rows: str, search: Search, radius: float) -> tuple[str, str]:
    """Return the distances to all points, and whether they are at most the radius, both [rows, points]."""
    reduced = search.distances(graph, rows)
    limit = float(search.metric.reduce(float(radius)))
    inside = graph.node("LessOrEqual", reduced, scalar(graph, limit))
    return search.metric.distance(graph, where(graph, inside, reduced, 0.0)), inside
