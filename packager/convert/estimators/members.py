"""Ensembles of any estimator: bagging and AdaBoost. Where the members are single trees they become one TreeEnsemble."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import added
from packager.convert.arithmetic.responses import repeated
from packager.convert.emitter import Emitter
from packager.convert.estimators.forests import emit_mean, fractions
from packager.convert.graph import (
    Graph,
    Method,
    Rows,
    ask_one,
    beside,
    cast,
    integers,
    numbers,
    scalar,
    take,
    vector,
)
from packager.convert.scikit_trees import has_trees_only, members_of, read_members
from packager.convert.trees import as_float32, emit_leaf_values, emit_leaf_vectors
from packager.structure import Doubles


def _bagged_shares(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the members' mean probabilities, or their shares of votes where they have none; [rows, classes]."""
    count = len(model.classes_)
    if has_trees_only(model):
        trees, values = read_members(model, graph.dtype)
        vectors = [
            _spread(fractions(leaf)[:, 0], member.classes_, count)
            for leaf, (member, _) in zip(values, members_of(model), strict=True)
        ]
        return emit_mean(graph, numbers(graph, rows), model, trees, np.concatenate(vectors))
    return _mean(
        graph, [_shares(graph, part, member, count, name) for name, member, part in _asked(graph, rows, model)]
    )


def _spread(shares: Doubles, classes: Any, count: int) -> Doubles:
    """Return the shares of some classes, numbers of the ensemble's `count` classes, among zeros for the others."""
    if shares.shape[1] == count:
        return shares
    spread = np.zeros((len(shares), count))
    spread[:, classes] = shares
    return spread


def _shares(graph: Graph, rows: Rows, member: Any, count: int, name: str) -> str:
    """Return a member's probabilities over all classes; its one vote where it has none. Its labels are numbers."""
    every = np.arange(count)
    if not hasattr(member, "predict_proba"):
        vote = links.upright(graph, ask_one(graph, member, "predict", rows, name=name))
        return cast(graph, graph.node("Equal", vote, integers(graph, every[None, :])), graph.dtype)
    shares = ask_one(graph, member, "predict_proba", rows, name=name)
    known = np.asarray(member.classes_, dtype=np.int64)
    if len(known) == count:
        return shares
    nothing = graph.node("Mul", graph.node("Gather", shares, integers(graph, [0]), axis=1), scalar(graph, 0))
    places = np.full(count, len(known))
    places[known] = np.arange(len(known))
    return graph.node("Gather", beside(graph, [shares, nothing]), integers(graph, places), axis=1)


def _bagged_class(graph: Graph, rows: Rows, model: Any) -> str:
    return links.first_largest(graph, ask_one(graph, model, "predict_proba", rows), model.classes_)


def _bagged_decision(graph: Graph, rows: Rows, model: Any) -> str:
    return _mean(graph, _answers(graph, rows, model, "decision_function"))


def _bagged_value(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the members' mean, [rows, 1 or outputs]."""
    if has_trees_only(model):
        trees, values = read_members(model, graph.dtype)
        vectors = np.concatenate([leaf[:, :, 0] for leaf in values])
        return emit_mean(graph, numbers(graph, rows), model, trees, vectors)
    return _mean(graph, _answers(graph, rows, model, "predict"))


def _answers(graph: Graph, rows: Rows, model: Any, method: Method) -> list[str]:
    return [ask_one(graph, member, method, part, name=name) for name, member, part in _asked(graph, rows, model)]


def _asked(graph: Graph, rows: Rows, model: Any) -> list[tuple[str, Any, Rows]]:
    """Return each member with its number and the columns that it reads."""
    return [
        (str(at), member, rows if columns is None else take(graph, rows, columns.tolist()))
        for at, (member, columns) in enumerate(members_of(model))
    ]


def _mean(graph: Graph, parts: list[str]) -> str:
    return graph.node("Div", added(graph, parts), scalar(graph, len(parts)))


def _boosted_decision(graph: Graph, rows: Rows, model: Any) -> str:
    """Return AdaBoost's decision function, [rows, classes], or [rows, 1] of two.

    A member adds its weight to the class that it chooses, and takes weight / (classes - 1) from the others.
    """
    count = len(model.classes_)
    if count == 1:
        return repeated(graph, rows, 0.0)
    total = graph.node("Div", _votes(graph, rows, model, count), scalar(graph, model.estimator_weights_.sum()))
    if count > 2:
        return total
    first, second = (graph.node("Gather", total, integers(graph, [column]), axis=1) for column in (0, 1))
    return graph.node("Add", graph.node("Neg", first), second)


def _votes(graph: Graph, rows: Rows, model: Any, count: int) -> str:
    """Return the members' weighted votes added one after another, [rows, classes]."""
    weights = [float(weight) for weight in model.estimator_weights_[: len(model.estimators_)]]
    if has_trees_only(model):
        trees, values = read_members(model, graph.dtype)
        tables = [
            _vote_table(member.classes_[np.argmax(leaf[:, 0], axis=1)], model.classes_, weight)
            for leaf, (member, _), weight in zip(values, members_of(model), weights, strict=True)
        ]
        return emit_leaf_vectors(graph, as_float32(graph, numbers(graph, rows)), trees, np.concatenate(tables))
    parts = []
    for at, (member, weight) in enumerate(zip(model.estimators_, weights, strict=True)):
        label = links.upright(graph, ask_one(graph, member, "predict", rows, name=str(at)))
        classes = links.label_constant(graph, model.classes_[None, :])
        parts.append(
            graph.node(
                "Where",
                graph.node("Equal", label, classes),
                scalar(graph, weight),
                scalar(graph, -1 / (count - 1) * weight),
            )
        )
    return added(graph, parts)


def _vote_table(labels: Any, classes: Any, weight: float) -> Doubles:
    """Return what each leaf of a tree votes, [leaves, classes]."""
    return np.where(labels[:, None] == classes[None, :], weight, -1 / (len(classes) - 1) * weight)


def _boosted_class(graph: Graph, rows: Rows, model: Any) -> str:
    decision = ask_one(graph, model, "decision_function", rows)
    return links.by_decision(graph, decision, model.classes_, 1 if len(model.classes_) == 2 else len(model.classes_))


def _boosted_shares(graph: Graph, rows: Rows, model: Any) -> str:
    """Return softmax(decision / (classes - 1)), of two classes softmax([-decision, decision] / 2).

    A single member's label decides alone. What each stands for is a table of the model's own: whoever adds several
    such models up meets equal sums, and tells them apart by their last bits.
    """
    decision, count = ask_one(graph, model, "decision_function", rows), len(model.classes_)
    if len(model.estimators_) == 1 and count > 1:
        weight = model.estimator_weights_[0]
        voted = np.where(np.eye(count, dtype=bool), weight, -1 / (count - 1) * weight) / model.estimator_weights_.sum()
        table = model._compute_proba_from_decision(voted[:, 1] - voted[:, 0] if count == 2 else voted, count)
        if count == 2:
            decision = beside(graph, [graph.node("Neg", decision), decision])
        return graph.node("Gather", vector(graph, table), graph.node("ArgMax", decision, axis=1, keepdims=0), axis=0)
    if count == 2:
        decision = beside(graph, [graph.node("Neg", decision), decision])
    return links.softmax(graph, graph.node("Div", decision, scalar(graph, max(2, count - 1))), count)


def _boosted_value(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the weighted median of the members' predictions, [rows, 1]: `_get_median_predict`."""
    if has_trees_only(model):
        trees, values = read_members(model, graph.dtype)
        leaves = np.concatenate([leaf[:, 0, 0] for leaf in values])
        predicted = emit_leaf_values(graph, as_float32(graph, numbers(graph, rows)), trees, leaves)
    else:
        parts = [ask_one(graph, member, "predict", rows, name=str(at)) for at, member in enumerate(model.estimators_)]
        predicted = beside(graph, [links.upright(graph, part) for part in parts])
    count = len(model.estimators_)
    ordered, order = graph.several("TopK", predicted, integers(graph, [count]), outputs=2, axis=1, largest=0, sorted=1)
    weights = graph.node("Gather", vector(graph, model.estimator_weights_[:count]), order)
    reached = graph.node("CumSum", weights, integers(graph, 1))
    whole = graph.node("Gather", reached, integers(graph, [count - 1]), axis=1)
    is_above = graph.node("GreaterOrEqual", reached, graph.node("Mul", whole, scalar(graph, 0.5)))
    middle = graph.node("ArgMax", cast(graph, is_above, np.int64), axis=1, keepdims=1)
    return graph.node("GatherElements", ordered, middle, axis=1)


EMITTERS = {
    "sklearn.ensemble.BaggingClassifier": Emitter(_bagged_class, _bagged_shares, _bagged_decision, reads="table"),
    "sklearn.ensemble.BaggingRegressor": Emitter(predict=_bagged_value, reads="table"),
    "sklearn.ensemble.AdaBoostClassifier": Emitter(_boosted_class, _boosted_shares, _boosted_decision, reads="table"),
    "sklearn.ensemble.AdaBoostRegressor": Emitter(predict=_boosted_value, reads="table"),
}
