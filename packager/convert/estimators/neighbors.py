"""Neighbours: votes and means of the k nearest or of all in a radius, graphs of them, and local outliers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic import links, votes
from packager.convert.arithmetic.discriminants import from_scores
from packager.convert.arithmetic.distances import metric_of
from packager.convert.arithmetic.elementary import add, divide, is_equal, subtract, times, where
from packager.convert.arithmetic.neighbours import Search, by_products, nearest, search_of, within
from packager.convert.arithmetic.pairwise import squared_distances
from packager.convert.emitter import Emitter
from packager.convert.graph import Answer, Graph, UnsupportedModel, ask_one, beside, cast, integers, vector
from packager.training.limits import FARTHEST_SQUARE

Array = npt.NDArray[np.generic]


def _classes(model: Any) -> list[tuple[Array, npt.NDArray[np.int64]]]:
    """Return per output its classes and the class number of each training row."""
    if not model.outputs_2d_:
        return [(np.asarray(model.classes_), np.ravel(model._y))]
    return [(np.asarray(classes), model._y[:, at]) for at, classes in enumerate(model.classes_)]


def _weighs(model: Any) -> bool:
    """Tell whether neighbours weigh by their distance."""
    if model.weights not in (None, "uniform", "distance"):
        raise UnsupportedModel("a weight function of its own is code that no graph holds")
    return bool(model.weights == "distance")


def _nearest_votes(graph: Graph, rows: str, model: Any) -> list[tuple[Array, str]]:
    """Return per output its classes and what each neighbour gives to each, [rows, neighbours, classes]."""
    weighs = _weighs(model)
    search = search_of(model, by_class=model.weights == "uniform" and not model.outputs_2d_)
    near, places = nearest(graph, rows, search, model.n_neighbors)
    weights = votes.inverse(graph, search.metric.distance(graph, near)) if weighs else None
    return [
        (classes, votes.by_class(graph, votes.chosen(graph, labels[search.order], places), weights, len(classes)))
        for classes, labels in _classes(model)
    ]


def _predict_nearest(graph: Graph, rows: str, model: Any) -> str:
    labels = []
    for classes, given in _nearest_votes(graph, rows, model):
        sums = votes.added_as_numpy(graph, given, model.n_neighbors)
        labels.append(links.first_largest(graph, sums, classes))
    return labels[0] if not model.outputs_2d_ else beside(graph, [links.upright(graph, label) for label in labels])


def _proba_nearest(graph: Graph, rows: str, model: Any) -> Answer:
    shares = []
    for _, given in _nearest_votes(graph, rows, model):
        sums = votes.added_in_turn(graph, given)
        shares.append(graph.node("Div", sums, graph.node("ReduceSum", sums, integers(graph, [1]), keepdims=1)))
    return tuple(shares) if model.outputs_2d_ else shares[0]


def _mean_of_nearest(graph: Graph, rows: str, model: Any) -> str:
    """Return the mean or the weighted mean of the neighbours' targets, of shape [rows, outputs]."""
    weighs, search = _weighs(model), search_of(model)
    near, places = nearest(graph, rows, search, model.n_neighbors)
    targets = np.asarray(model._y, dtype=np.float64)
    found = votes.chosen(graph, targets.reshape(len(targets), -1)[search.order], places)
    if not weighs:
        return graph.node("ReduceMean", found, integers(graph, [1]), keepdims=0)
    weights = votes.inverse(graph, search.metric.distance(graph, near))
    spread = graph.node("Mul", found, graph.node("Unsqueeze", weights, integers(graph, [2])))
    total = graph.node("ReduceSum", spread, integers(graph, [1]), keepdims=0)
    return graph.node("Div", total, graph.node("ReduceSum", weights, integers(graph, [1]), keepdims=1))


def _weights_within(graph: Graph, rows: str, model: Any, search: Search) -> tuple[str, str]:
    """Return the weight of each point, 0 outside the radius, [rows, points], and how many are inside, [rows, 1]."""
    distances, inside = within(graph, rows, search, model.radius)
    members = cast(graph, inside, graph.dtype)
    count = graph.node("ReduceSum", members, integers(graph, [1]), keepdims=1)
    return (votes.inverse(graph, distances, inside) if _weighs(model) else members), count


def _proba_within(graph: Graph, rows: str, model: Any) -> Answer:
    """Return the share of each class among the neighbours in the radius.

    A row without any gets its share from the outlier label, if that is a class; without such a label it fails, as it
    does natively.
    """
    by_counts = model.weights == "uniform" and not model.outputs_2d_ and _has_class_search(model)
    search = search_of(model, by_class=by_counts)
    weights, count = _weights_within(graph, rows, model, search)
    is_alone = is_equal(graph, count, 0.0)
    shares = []
    for at, (classes, labels) in enumerate(_classes(model)):
        sums = [_sum_of(graph, weights, labels[search.order] == number, by_counts) for number in range(len(classes))]
        alone = _outlier_share(model, classes, at, by_counts)
        given = graph.node("Where", is_alone, vector(graph, alone[None, :]), beside(graph, sums))
        total = graph.node("ReduceSum", given, integers(graph, [1]), keepdims=1)
        shares.append(graph.node("Div", given, where(graph, is_equal(graph, total, 0.0), 1.0, total)))
    if model.outlier_label_ is None:
        # Where there is nothing to say, the index lies outside of its table.
        only = graph.node("Gather", vector(graph, [1.0]), cast(graph, is_alone, np.int64), axis=0)
        shares = [graph.node("Mul", share, only) for share in shares]
    return tuple(shares) if model.outputs_2d_ else shares[0]


def _sum_of(graph: Graph, weights: str, members: npt.NDArray[np.bool_], counts: bool) -> str:
    """Return the sum of the weights of some points, one after the other, of shape [rows, 1]."""
    taken = graph.node("Gather", weights, integers(graph, np.flatnonzero(members)), axis=1)
    if counts or not members.any():
        return graph.node("ReduceSum", taken, integers(graph, [1]), keepdims=1)
    return links.upright(graph, votes.added_in_turn(graph, taken))


def _has_class_search(model: Any) -> bool:
    from sklearn.metrics._pairwise_distances_reduction import RadiusNeighborsClassMode

    known = model._fit_X
    name = "euclidean" if model.effective_metric_ == "minkowski" else model.effective_metric_
    usable = RadiusNeighborsClassMode.is_usable_for(np.zeros((1, known.shape[1])), known, name)
    return bool(model._fit_method == "brute" and usable)


def _outlier_share(model: Any, classes: Array, output: int, by_counts: bool) -> npt.NDArray[np.float64]:
    """Return what a row without neighbours gets; the search by counts takes the label for a class's number."""
    share = np.zeros(len(classes))
    if model.outlier_label_ is None:
        return share
    if by_counts:
        numbers = [number for number in range(len(classes)) if number == model.outlier_label]
    else:
        numbers = np.flatnonzero(classes == model.outlier_label_[output]).tolist()
    share[numbers] = 1.0
    return share


def _predict_within(graph: Graph, rows: str, model: Any) -> str:
    answer = graph.ask(model, "predict_proba", rows)
    shares = answer if isinstance(answer, tuple) else (str(answer),)
    labels = []
    for at, ((classes, _), share) in enumerate(zip(_classes(model), shares, strict=True)):
        index = graph.node("ArgMax", share, axis=1, keepdims=0)
        if model.outlier_label_ is not None:
            largest = graph.node("ReduceMax", share, integers(graph, [1]), keepdims=0)
            nothing = is_equal(graph, largest, 0.0)
            index = graph.node("Where", nothing, integers(graph, len(classes)), index)
            classes = np.append(classes, np.asarray(model.outlier_label_[at], dtype=classes.dtype))
        labels.append(links.pick_label(graph, index, classes))
    return labels[0] if not model.outputs_2d_ else beside(graph, [links.upright(graph, label) for label in labels])


def _mean_within(graph: Graph, rows: str, model: Any) -> str:
    """Return the (weighted) mean target of the neighbours in the radius; without any, what numpy makes of NaN."""
    search = search_of(model)
    weights, count = _weights_within(graph, rows, model, search)
    own = np.asarray(model._y)
    targets = own.reshape(len(own), -1)[search.order]
    total = graph.node("MatMul", weights, vector(graph, targets))
    size = graph.node("ReduceSum", weights, integers(graph, [1]), keepdims=1)
    with np.errstate(invalid="ignore"):
        nothing = float(np.full(1, np.nan).astype(own.dtype)[0])
    is_alone = is_equal(graph, count, 0.0)
    mean = graph.node("Div", total, where(graph, is_alone, 1.0, size))
    return where(graph, is_alone, nothing, mean)


def _graph_of_nearest(graph: Graph, rows: str, model: Any) -> str:
    """Return the distances to the nearest training rows, or 1, and 0 for all others: [rows, training rows]."""
    search = search_of(model)
    by_distance = model.mode == "distance"
    near, places = nearest(graph, rows, search, model.n_neighbors + by_distance)
    values = search.metric.distance(graph, near)
    if not by_distance:
        values = add(graph, times(graph, values, 0.0), 1.0)
    shape = graph.node("Concat", graph.node("Shape", rows, start=0, end=1), integers(graph, [len(search)]), axis=0)
    nothing = graph.node("Expand", vector(graph, [[0.0]]), shape)
    own = graph.node("Gather", integers(graph, search.order), places)
    return graph.node("ScatterElements", nothing, own, values, axis=1)


def _graph_within(graph: Graph, rows: str, model: Any) -> str:
    search = search_of(model)
    distances, inside = within(graph, rows, search, model.radius)
    members = cast(graph, inside, graph.dtype)
    values = graph.node("Mul", distances, members) if model.mode == "distance" else members
    return graph.node("Gather", values, integers(graph, np.argsort(search.order)), axis=1)


def _outlier_scores(graph: Graph, rows: str, model: Any) -> str:
    """Return minus the mean ratio of the neighbours' density to a row's own, of shape [rows, 1]."""
    if not model.novelty:
        raise UnsupportedModel("it answers about new rows with novelty=True only")
    search = search_of(model)
    near, places = nearest(graph, rows, search, model.n_neighbors_)
    reach = np.asarray(model._distances_fit_X_)[:, model.n_neighbors_ - 1][search.order]
    far = graph.node("Max", search.metric.distance(graph, near), votes.chosen(graph, reach, places))
    axis = integers(graph, [1])
    density = divide(graph, 1.0, add(graph, graph.node("ReduceMean", far, axis, keepdims=1), 1e-10))
    known = votes.chosen(graph, np.asarray(model._lrd)[search.order], places)
    return graph.node("Neg", graph.node("ReduceMean", graph.node("Div", known, density), axis, keepdims=1))


def _outlier_decision(graph: Graph, rows: str, model: Any) -> str:
    return subtract(graph, ask_one(graph, model, "score_samples", rows), float(model.offset_))


def _is_outlier(graph: Graph, rows: str, model: Any) -> str:
    decision = ask_one(graph, model, "decision_function", rows)
    return links.by_sign(graph, decision, np.array([-1, 1]), zero_is_positive=True)


def _centroid_scores(graph: Graph, rows: str, model: Any) -> str:
    """Return minus the squared scaled distance to each centroid + 2 log prior, of shape [rows, classes]."""
    spread = np.where(model.within_class_std_dev_ != 0, model.within_class_std_dev_, 1.0)
    scaled = graph.node("Div", rows, vector(graph, spread[None, :]))
    centers = np.asarray(model.centroids_) / spread
    if model.metric == "euclidean":
        if np.einsum("ij,ij->i", centers, centers).max() > FARTHEST_SQUARE:
            raise UnsupportedModel("its columns are so far from 0 that its distances are rounding: scale them first")
        distance = graph.node("Sqrt", squared_distances(graph, scaled, centers))
    else:
        distance = metric_of("manhattan", {}, centers.shape[1]).reduced(graph, scaled, centers)
    with np.errstate(divide="ignore"):
        priors = 2.0 * np.log(model.class_prior_)
    return add(graph, graph.node("Neg", times(graph, distance, distance)), vector(graph, priors[None, :]))


def _nearest_centroid(graph: Graph, rows: str, model: Any) -> str:
    """Return the class of the nearest centroid where all classes are as likely, else that of the best score."""
    classes, centers = np.asarray(model.classes_), np.asarray(model.centroids_)
    if not np.isclose(model.class_prior_, 1 / len(classes)).all():
        return links.first_largest(graph, _centroid_scores(graph, rows, model), classes)
    if model.metric == "euclidean":
        distance = by_products(graph, rows, centers)
    else:
        distance = metric_of("manhattan", {}, centers.shape[1]).reduced(graph, rows, centers)
    return links.pick_label(graph, graph.node("ArgMin", distance, axis=1, keepdims=0), classes)


_CENTROID = from_scores(_centroid_scores)

EMITTERS = {
    "sklearn.neighbors.KNeighborsClassifier": Emitter(_predict_nearest, _proba_nearest),
    "sklearn.neighbors.KNeighborsRegressor": Emitter(predict=_mean_of_nearest),
    "sklearn.neighbors.KNeighborsTransformer": Emitter(transform=_graph_of_nearest),
    "sklearn.neighbors.RadiusNeighborsClassifier": Emitter(_predict_within, _proba_within),
    "sklearn.neighbors.RadiusNeighborsRegressor": Emitter(predict=_mean_within),
    "sklearn.neighbors.RadiusNeighborsTransformer": Emitter(transform=_graph_within),
    "sklearn.neighbors.LocalOutlierFactor": Emitter(
        predict=_is_outlier, decision_function=_outlier_decision, score_samples=_outlier_scores
    ),
    "sklearn.neighbors.NearestCentroid": Emitter(
        _nearest_centroid, _CENTROID.predict_proba, _CENTROID.decision_function
    ),
}
