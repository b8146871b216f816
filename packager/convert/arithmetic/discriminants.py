"""Classifiers that score every class: labels by the first largest, probabilities by a softmax of scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import subtract
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, integers


def from_scores(scores: Callable[[Graph, str, Any], str]) -> Emitter:
    """Return the emitter of a classifier whose `scores` are of shape [rows, classes].

    The decision function of two classes is the difference of theirs, of shape [rows, 1].
    """

    def label(graph: Graph, features: str, model: Any) -> str:
        return links.first_largest(graph, scores(graph, features, model), model.classes_)

    def decision(graph: Graph, features: str, model: Any) -> str:
        found = scores(graph, features, model)
        if len(model.classes_) != 2:
            return found
        first, second = (graph.node("Gather", found, integers(graph, [index]), axis=1) for index in (0, 1))
        return subtract(graph, second, first)

    def share(graph: Graph, features: str, model: Any) -> str:
        axis = integers(graph, [1])
        found = scores(graph, features, model)
        below = subtract(graph, found, graph.node("ReduceMax", found, axis, keepdims=1))
        total = graph.node("ReduceSum", graph.node("Exp", below), axis, keepdims=1)
        return graph.node("Exp", subtract(graph, below, graph.node("Log", total)))

    return Emitter(predict=label, predict_proba=share, decision_function=decision)
