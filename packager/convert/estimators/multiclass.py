"""Several binary classifiers for several classes: one against the rest, one against one, output codes."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import added
from packager.convert.arithmetic.responses import binary_score, column, predicted_number, repeated
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Rows, UnsupportedModel, ask_one, beside, cast, integers, scalar, vector


def _threshold(member: Any) -> float:
    """Return what a member's score must exceed for the second class: `_threshold_for_binary_predict`."""
    from sklearn.base import is_classifier

    return 0.0 if hasattr(member, "decision_function") and is_classifier(member) else 0.5


def _scores(graph: Graph, rows: Rows, model: Any) -> str:
    """Return every member's score; shape [rows, members]."""
    return beside(
        graph, [binary_score(graph, member, rows, name=str(at)) for at, member in enumerate(model.estimators_)]
    )


def _exceeds(graph: Graph, scores: str, threshold: float) -> str:
    return cast(graph, graph.node("Greater", scores, scalar(graph, threshold)), np.int64)


def _predict_rest(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the class of the largest score; of two classes, and of several labels a row, by the threshold."""
    binarizer, scores = model.label_binarizer_, _scores(graph, rows, model)
    if binarizer.y_type_ == "multiclass":
        return links.first_largest(graph, scores, model.classes_)
    is_member = _exceeds(graph, scores, _threshold(model.estimators_[0]))
    if binarizer.y_type_.startswith("multilabel"):
        return is_member
    if len(model.classes_) == 1:
        return links.pick_label(graph, links.flat(graph, _nothing(graph, is_member)), model.classes_)
    return links.pick_label(graph, links.flat(graph, is_member), model.classes_)


def _nothing(graph: Graph, numbers: str) -> str:
    return graph.node("Mul", numbers, integers(graph, 0))


def _predict_proba_rest(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the members' probabilities, which add up to 1 unless a row may have several labels or none fits."""
    parts = [
        column(graph, ask_one(graph, member, "predict_proba", rows, name=str(at)), 1)
        for at, member in enumerate(model.estimators_)
    ]
    shares = links.with_complement(graph, parts[0]) if len(parts) == 1 else beside(graph, parts)
    if model.multilabel_:
        return shares
    total = graph.node("ReduceSum", shares, integers(graph, [1]), keepdims=1)
    is_zero = graph.node("Equal", total, scalar(graph, 0))
    return graph.node("Where", is_zero, shares, graph.node("Div", shares, total))


def _decision_rest(graph: Graph, rows: Rows, model: Any) -> str:
    return beside(
        graph,
        [
            links.upright(graph, ask_one(graph, member, "decision_function", rows, name=str(at)))
            for at, member in enumerate(model.estimators_)
        ],
    )


def _decision_pairs(graph: Graph, rows: Rows, model: Any) -> str:
    """Return votes plus confidence, `_ovr_decision_function`; shape [rows, classes], of two classes [rows, 1]."""
    if model.pairwise_indices_ is not None:
        raise UnsupportedModel("a kernel between the rows and those it was fitted on has no exact form")
    count = len(model.classes_)
    members = list(enumerate(model.estimators_))
    scores = beside(graph, [binary_score(graph, member, rows, name=str(at)) for at, member in members])
    chosen = beside(graph, [predicted_number(graph, member, rows, name=str(at)) for at, member in members])
    # Each class is in count - 1 pairs: as the first, for which the second's score counts against it, or as the second.
    pairs = list(combinations(range(count), 2))
    of_class = [[at for at, pair in enumerate(pairs) if label in pair] for label in range(count)]
    votes, confidence = [], []
    for step in range(count - 1):
        pair = [of_class[label][step] for label in range(count)]
        is_second = np.array([pairs[at][1] == label for label, at in enumerate(pair)])
        where = integers(graph, pair)
        vote = graph.node("Equal", graph.node("Gather", chosen, where, axis=1), vector(graph, is_second[None, :]))
        votes.append(cast(graph, vote, graph.dtype))
        sign = vector(graph, np.where(is_second, 1.0, -1.0)[None, :])
        confidence.append(graph.node("Mul", graph.node("Gather", scores, where, axis=1), sign))
    total = added(graph, confidence)
    spread = graph.node("Mul", scalar(graph, 3), graph.node("Add", graph.node("Abs", total), scalar(graph, 1)))
    decision = graph.node("Add", added(graph, votes), graph.node("Div", total, spread))
    return column(graph, decision, 1) if count == 2 else decision


def _predict_pairs(graph: Graph, rows: Rows, model: Any) -> str:
    decision = ask_one(graph, model, "decision_function", rows)
    if len(model.classes_) > 2:
        return links.first_largest(graph, decision, model.classes_)
    above = _exceeds(graph, links.flat(graph, decision), _threshold(model.estimators_[0]))
    return links.pick_label(graph, above, model.classes_)


def _predict_code(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the class whose code is nearest, the first of equals: |x|^2 - 2 x.c + |c|^2, not below zero."""
    scores, codes = _scores(graph, rows, model), np.asarray(model.code_book_)
    squares = [graph.node("Mul", part, part) for part in (column(graph, scores, at) for at in range(codes.shape[1]))]
    product = graph.node("Mul", graph.node("MatMul", scores, vector(graph, codes.T)), scalar(graph, -2))
    far = graph.node("Add", added(graph, squares), product)
    distance = graph.node("Add", far, vector(graph, (codes**2).sum(axis=1)[None, :]))
    nearest = graph.node("ArgMin", graph.node("Max", distance, scalar(graph, 0)), axis=1, keepdims=0)
    return links.pick_label(graph, nearest, model.classes_)


def _constant(graph: Graph, rows: Rows, model: Any) -> str:
    return repeated(graph, rows, model.y_)


def _constant_shares(graph: Graph, rows: Rows, model: Any) -> str:
    value = float(model.y_[0])
    return repeated(graph, rows, [1 - value, value])


EMITTERS = {
    "sklearn.multiclass.OneVsRestClassifier": Emitter(
        _predict_rest, _predict_proba_rest, _decision_rest, reads="table"
    ),
    "sklearn.multiclass.OneVsOneClassifier": Emitter(_predict_pairs, decision_function=_decision_pairs, reads="table"),
    "sklearn.multiclass.OutputCodeClassifier": Emitter(_predict_code, reads="table"),
    "sklearn.multiclass._ConstantPredictor": Emitter(_constant, _constant_shares, _constant, reads="table"),
}
