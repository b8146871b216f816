"""Votes and means of several models, added in the order of the members."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import added
from packager.convert.arithmetic.responses import predicted_number
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Rows, UnsupportedModel, ask_one, beside, cast, scalar, vector


def _mean(graph: Graph, parts: list[str], weights: list[float] | None) -> str:
    """Return numpy.average over the members."""
    if weights is None:
        return graph.node("Div", added(graph, parts), scalar(graph, len(parts)))
    weighted = [graph.node("Mul", part, scalar(graph, weight)) for part, weight in zip(parts, weights, strict=True)]
    return graph.node("Div", added(graph, weighted), scalar(graph, float(np.asarray(weights).sum())))


def _predictions(graph: Graph, rows: Rows, model: Any) -> list[str]:
    return [predicted_number(graph, member, rows, name=name) for name, member in _members(model)]


def _probabilities(graph: Graph, rows: Rows, model: Any) -> list[str]:
    if model.voting != "soft":
        raise UnsupportedModel("votes are no probabilities")
    return [ask_one(graph, member, "predict_proba", rows, name=name) for name, member in _members(model)]


def _members(model: Any) -> list[tuple[str, Any]]:
    names = [name for name, member in model.estimators if not isinstance(member, str)]
    return list(zip(names, model.estimators_, strict=True))


def _predict_value(graph: Graph, rows: Rows, model: Any) -> str:
    return _mean(graph, _predictions(graph, rows, model), model._weights_not_none)


def _predict_values_beside(graph: Graph, rows: Rows, model: Any) -> str:
    return beside(graph, _predictions(graph, rows, model))


def _predict_proba(graph: Graph, rows: Rows, model: Any) -> str:
    return _mean(graph, _probabilities(graph, rows, model), model._weights_not_none)


def _predict_class(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the class with the largest mean, or with most votes, the first of equals; shape [rows]."""
    classes = np.asarray(model.classes_)
    if model.voting == "soft":
        return links.first_largest(graph, ask_one(graph, model, "predict_proba", rows), classes)
    weights = model._weights_not_none or [1.0] * len(model.estimators_)
    if min(weights) < 0:
        raise UnsupportedModel("a vote with a negative weight has no exact form")
    for name, member in _members(model):
        if not np.isin(member.classes_, np.arange(len(classes))).all():
            raise UnsupportedModel(f"{name} votes for other classes than the positions of these")
    numbers = vector(graph, np.arange(len(classes))[None, :])
    votes = [
        graph.node("Mul", cast(graph, graph.node("Equal", vote, numbers), graph.dtype), scalar(graph, weight))
        for vote, weight in zip(_predictions(graph, rows, model), weights, strict=True)
    ]
    return links.first_largest(graph, added(graph, votes), classes)


def _transform_classes(graph: Graph, rows: Rows, model: Any) -> str:
    if model.voting == "hard":
        return _predict_values_beside(graph, rows, model)
    if not model.flatten_transform:
        raise UnsupportedModel("flatten_transform=False answers with a cube")
    return beside(graph, _probabilities(graph, rows, model))


EMITTERS = {
    "sklearn.ensemble.VotingClassifier": Emitter(
        _predict_class, _predict_proba, transform=_transform_classes, reads="table"
    ),
    "sklearn.ensemble.VotingRegressor": Emitter(_predict_value, transform=_predict_values_beside, reads="table"),
}
