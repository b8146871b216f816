"""Searches for the nearest known rows as scikit-learn's do them: by a tree, by a heap over all, by a partial sort.

Positions are those of `Search.points`: the order in which the original visits the known rows, where that is fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert import heaps
from packager.convert.distances import Metric, metric_of
from packager.convert.elementary import where
from packager.convert.graph import Graph, UnsupportedModel, integers, scalar
from packager.convert.pairwise import squared_distances
from packager.convert.walks import Tree, tree_of

Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Search:
    """`order` gives for each point its row in the training data; `tree` is how rows decide the order of visits."""

    points: Doubles
    order: Integers
    reduced: Callable[[Graph, str, Doubles], str]
    metric: Metric
    tree: Tree | None = None
    picks_by_heap: bool = True

    def __len__(self) -> int:
        return len(self.points)

    def distances(self, graph: Graph, rows: str) -> str:
        """Return the reduced distances to all points, of shape [rows, points]."""
        return self.reduced(graph, rows, self.points)


def search_of(model: Any, *, by_class: bool = False) -> Search:
    """Return the search of a fitted neighbours estimator.

    `by_class`: the classifiers' own searches, which sum differences where the general one expands them.
    """
    if model._fit_method in ("kd_tree", "ball_tree"):
        return _by_tree(model)
    from sklearn.metrics._pairwise_distances_reduction import ArgKmin

    known, name = model._fit_X, model.effective_metric_
    if name == "nan_euclidean":
        raise UnsupportedModel("the metric nan_euclidean leaves open which rows are near one of missing cells alone")
    points = np.asarray(known.toarray() if hasattr(known, "toarray") else known, dtype=np.float64)
    order = np.arange(len(points))
    if name == "precomputed":
        return Search(points, order, lambda _graph, rows, _points: rows, metric_of("manhattan", {}, 1), None, False)
    metric = metric_of(name, model.effective_metric_params_, points.shape[1])
    by_heap = bool(ArgKmin.is_usable_for(np.zeros((1, points.shape[1])), known, name))
    expands = name in ("euclidean", "sqeuclidean") and not (by_class and by_heap)
    return Search(points, order, squared_distances if expands else metric.reduced, metric, None, by_heap)


def _by_tree(model: Any) -> Search:
    name = model.effective_metric_
    if name == "braycurtis" and model._fit_method == "ball_tree":
        raise UnsupportedModel("a ball tree with the metric braycurtis misses near rows at random: use brute")
    metric = metric_of(name, model.effective_metric_params_, model._tree.get_arrays()[0].shape[1])
    data, order, nodes, bounds = map(np.asarray, model._tree.get_arrays())
    return Search(data[order], order, metric.reduced, metric, tree_of(nodes, bounds, metric))


def nearest(graph: Graph, rows: str, search: Search, k: int) -> tuple[str, str]:
    """Return the reduced distances to the k nearest points in rising order, and their positions, both [rows, k]."""
    if k > len(search):
        raise UnsupportedModel(f"it asks for {k} neighbours and knows {len(search)} rows")
    if not search.picks_by_heap:
        _refuse_equals(search)
    count = min(k + 1, len(search))
    distances = search.distances(graph, rows)
    near, places = _smallest(graph, distances, count)
    if count == k:
        return near, places
    first = integers(graph, np.arange(k))
    found, at = (graph.node("Gather", values, first, axis=1) for values in (near, places))
    if not search.picks_by_heap:
        return found, at
    last, next_one = (graph.node("Gather", near, integers(graph, index), axis=1) for index in (k - 1, k))
    tied = graph.node("NonZero", graph.node("Equal", last, next_one))
    tied = graph.node("Reshape", tied, integers(graph, [-1]))
    exact, kept_at = _walked(graph, graph.node("Gather", rows, tied), graph.node("Gather", distances, tied), search, k)
    index = graph.node("Unsqueeze", tied, integers(graph, [1]))
    return graph.node("ScatterND", found, index, exact), graph.node("ScatterND", at, index, kept_at)


def _walked(graph: Graph, rows: str, distances: str, search: Search, k: int) -> tuple[str, str]:
    """Return what a heap of k keeps of the distances, visited in the original's order, in rising order."""
    count = len(search)
    own = graph.node("Shape", distances)
    places = graph.node("Expand", integers(graph, np.arange(count)[None, :]), own)
    if search.tree is not None:
        visit = search.tree.visits(graph, rows)
        distances = graph.node("ScatterElements", distances, visit, distances, axis=1)
        places = graph.node("ScatterElements", places, visit, places, axis=1)
    values, held = heaps.kept(graph, distances, places, count, k)
    values, at = _smallest(graph, values, k)
    return values, graph.node("GatherElements", held, at, axis=1)


def _smallest(graph: Graph, values: str, count: int) -> tuple[str, str]:
    found, at = graph.several("TopK", values, integers(graph, [count]), outputs=2, axis=1, largest=0, sorted=1)
    return found, at


def _refuse_equals(search: Search) -> None:
    """Refuse a partial sort where equal distances are the rule: which of them it keeps depends on the processor."""
    if (search.points == np.round(search.points)).all():
        raise UnsupportedModel(
            "its search keeps any of equally near rows, and whole numbers make many: fit it on float64 rows "
            "with a metric that a tree takes"
        )


def within(graph: Graph, rows: str, search: Search, radius: float) -> tuple[str, str]:
    """Return the distances to all points, and whether they are at most the radius, both [rows, points]."""
    reduced = search.distances(graph, rows)
    limit = float(search.metric.reduce(float(radius)))
    inside = graph.node("LessOrEqual", reduced, scalar(graph, limit))
    return search.metric.distance(graph, where(graph, inside, reduced, 0.0)), inside
