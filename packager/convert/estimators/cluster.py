"""Clusters that take new rows: the nearest center, distances to the centers, and pooled columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import add, divide, times
from packager.convert.arithmetic.neighbours import by_products
from packager.convert.arithmetic.pairwise import squared_distances
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, beside, integers, vector

Doubles = npt.NDArray[np.float64]


def _scores(graph: Graph, rows: str, centers: Doubles) -> str:
    """Return |c|² - 2 x·c, which is what k-means compares, of shape [rows, centers]."""
    product = times(graph, graph.node("MatMul", rows, vector(graph, centers.T)), -2.0)
    return add(graph, product, vector(graph, np.einsum("ij,ij->i", centers, centers)[None, :]))


def _nearest_by_scores(graph: Graph, rows: str, model: Any) -> str:
    scores = _scores(graph, rows, np.asarray(model.cluster_centers_))
    return graph.node("ArgMin", scores, axis=1, keepdims=0)


def _distances(graph: Graph, rows: str, model: Any) -> str:
    return graph.node("Sqrt", squared_distances(graph, rows, np.asarray(model.cluster_centers_)))


def _nearest(graph: Graph, rows: str, model: Any) -> str:
    """Return the first nearest center; -1 everywhere where affinity propagation has found none."""
    centers = np.asarray(getattr(model, "cluster_centers_", np.empty((0, 0))))
    if not len(centers):
        count = graph.node("Shape", rows, start=0, end=1)
        return graph.node("Expand", integers(graph, [-1]), count)
    return graph.node("ArgMin", by_products(graph, rows, centers), axis=1, keepdims=0)


def _down_the_tree(graph: Graph, rows: str, model: Any) -> str:
    """Return the label of the leaf that a row reaches: at each node the nearer of two centers, the left of equals."""
    nodes: list[Any] = []

    def walk(node: Any) -> None:
        if node.left is not None:
            nodes.append(node)
            walk(node.left)
            walk(node.right)

    walk(model._bisecting_tree)
    if not nodes:
        count = graph.node("Shape", rows, start=0, end=1)
        return graph.node("Expand", integers(graph, [model._bisecting_tree.label]), count)
    mean = getattr(model, "_X_mean", 0.0)
    centers = np.stack([side.center + mean for node in nodes for side in (node.left, node.right)])
    pairs = graph.node("Reshape", _scores(graph, rows, centers), integers(graph, [-1, len(nodes), 2]))
    sides = graph.node("ArgMin", pairs, axis=2, keepdims=0)
    place = {id(node): index for index, node in enumerate(nodes)}

    def label(node: Any) -> str:
        if node.left is None:
            return integers(graph, [node.label])
        side = graph.node("Gather", sides, integers(graph, place[id(node)]), axis=1)
        is_left = graph.node("Equal", side, integers(graph, 0))
        return graph.node("Where", is_left, label(node.left), label(node.right))

    return label(model._bisecting_tree)


def _birch(graph: Graph, rows: str, model: Any) -> str:
    distance = by_products(graph, rows, model.subcluster_centers_, model._subcluster_norms)
    nearest = graph.node("ArgMin", distance, axis=1, keepdims=0)
    return links.pick_label(graph, nearest, model.subcluster_labels_)


def _birch_transform(graph: Graph, rows: str, model: Any) -> str:
    return graph.node("Sqrt", squared_distances(graph, rows, model.subcluster_centers_))


def _agglomerate(graph: Graph, rows: str, model: Any) -> str:
    """Return the columns of each cluster pooled into one, of shape [rows, clusters]."""
    labels = np.asarray(model.labels_)
    if model.pooling_func is np.mean:
        member = labels[:, None] == np.arange(labels.max() + 1)
        total = graph.node("MatMul", rows, vector(graph, member))
        return graph.node("Div", total, vector(graph, np.bincount(labels)[None, :]))
    groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return beside(graph, [_pooled(graph, rows, group, model.pooling_func) for group in groups])


def _pooled(graph: Graph, rows: str, columns: npt.NDArray[np.intp], pool: Any) -> str:
    taken = graph.node("Gather", rows, integers(graph, columns), axis=1)
    operators = {np.max: "ReduceMax", np.min: "ReduceMin", np.sum: "ReduceSum"}
    if pool in operators:
        return graph.node(operators[pool], taken, integers(graph, [1]), keepdims=1)
    if pool is not np.median:
        raise UnsupportedModel(f"its pooling function {getattr(pool, '__name__', pool)} has no exact form yet")
    count = len(columns)
    ordered, _ = graph.several("TopK", taken, integers(graph, [count]), outputs=2, axis=1, largest=0, sorted=1)
    low, high = (graph.node("Gather", ordered, integers(graph, [at]), axis=1) for at in ((count - 1) // 2, count // 2))
    return low if count % 2 else divide(graph, add(graph, low, high), 2.0)


_K_MEANS = Emitter(predict=_nearest_by_scores, transform=_distances)

EMITTERS = {
    "sklearn.cluster.KMeans": _K_MEANS,
    "sklearn.cluster.MiniBatchKMeans": _K_MEANS,
    "sklearn.cluster.BisectingKMeans": Emitter(predict=_down_the_tree, transform=_distances),
    "sklearn.cluster.Birch": Emitter(predict=_birch, transform=_birch_transform),
    "sklearn.cluster.MeanShift": Emitter(predict=_nearest),
    "sklearn.cluster.AffinityPropagation": Emitter(predict=_nearest),
    "sklearn.cluster.FeatureAgglomeration": Emitter(transform=_agglomerate),
}
