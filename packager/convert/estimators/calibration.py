"""CalibratedClassifierCV: every fold's classifier, its scores mapped to probabilities, and the mean of all folds."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import added
from packager.convert.arithmetic.interpolation import isotonic
from packager.convert.arithmetic.responses import column, repeated, response
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Rows, UnsupportedModel, ask_one, beside, integers, scalar, vector

# Probabilities that exceed 1 by no more than this are 1.
_MOST_ABOVE_ONE = 1e-5
# What keeps the logarithm of a probability finite.
_LOGIT_EPSILON = 1e-12
# numpy's isclose.
_RTOL, _ATOL = 1e-5, 1e-8


def _predict_proba(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the mean over the folds, added in their order; shape [rows, classes]."""
    folds = [
        _calibrated(graph, rows, fold, f"calibrated_{index}")
        for index, fold in enumerate(model.calibrated_classifiers_)
    ]
    return graph.node("Div", added(graph, folds), scalar(graph, len(folds)))


def _predict(graph: Graph, rows: Rows, model: Any) -> str:
    return links.first_largest(graph, ask_one(graph, model, "predict_proba", rows), np.asarray(model.classes_))


def _calibrated(graph: Graph, rows: Rows, fold: Any, name: str) -> str:
    """Return one fold's probabilities, of shape [rows, classes]."""
    scores, method, width = response(graph, fold.estimator, rows, ("decision_function", "predict_proba"), name=name)
    if fold.method == "temperature":
        probability = _tempered(graph, scores, width, fold.calibrators[0].beta_, are_shares=method == "predict_proba")
    elif fold.method in ("sigmoid", "isotonic"):
        probability = _one_by_one(graph, rows, scores, width, fold)
    else:
        raise UnsupportedModel(f"calibration by {fold.method} has no exact form")
    one, most = scalar(graph, 1), scalar(graph, 1 + _MOST_ABOVE_ONE)
    rounded = graph.node("And", graph.node("Greater", probability, one), graph.node("LessOrEqual", probability, most))
    return graph.node("Where", rounded, one, probability)


def _one_by_one(graph: Graph, rows: Rows, scores: str, width: int, fold: Any) -> str:
    """Return each class's own calibration, then made to add up to 1; a row of zeros becomes even shares."""
    count = len(fold.classes)
    known = np.searchsorted(fold.classes, fold.estimator.classes_)
    pairs = list(zip(known.tolist(), range(width), fold.calibrators, strict=False))
    if fold.method == "isotonic":
        found = beside(graph, [isotonic(graph, column(graph, scores, at), fitted) for _, at, fitted in pairs])
    else:
        slope, offset = (np.array([[getattr(fitted, name) for _, _, fitted in pairs]]) for name in ("a_", "b_"))
        first = graph.node("Gather", scores, integers(graph, [at for _, at, _ in pairs]), axis=1)  # SVC may give more
        line = graph.node("Add", graph.node("Mul", vector(graph, slope), first), vector(graph, offset))
        found = links.logistic(graph, line, scale=-1.0)
    if count == 2:
        return links.with_complement(graph, found)
    if [position for position, *_ in pairs] != list(range(count)):  # a fold that has not seen every class
        place = np.full(count, len(pairs))
        place[[position for position, *_ in pairs]] = np.arange(len(pairs))
        found = graph.node("Gather", beside(graph, [found, repeated(graph, rows, 0.0)]), integers(graph, place), axis=1)
    total = graph.node("ReduceSum", found, integers(graph, [1]), keepdims=1)
    is_zero = graph.node("Equal", total, scalar(graph, 0))
    return graph.node("Where", is_zero, scalar(graph, 1 / count), graph.node("Div", found, total))


def _tempered(graph: Graph, scores: str, width: int, beta: float, *, are_shares: bool) -> str:
    """Return softmax(beta * logits): of one decision d the logits -d and d, of shares their logarithms."""
    if width == 1 and not are_shares:
        logits = beside(graph, [graph.node("Neg", scores), scores])
    else:
        logits = _logits(graph, links.with_complement(graph, scores) if width == 1 else scores)
    return graph.node("Softmax", graph.node("Mul", scalar(graph, float(beta)), logits), axis=1)


def _logits(graph: Graph, scores: str) -> str:
    """Return the logarithms where all rows together look like shares that add up to 1, else the scores as they are."""
    inside = graph.node(
        "And",
        graph.node("GreaterOrEqual", scores, scalar(graph, 0)),
        graph.node("LessOrEqual", scores, scalar(graph, 1)),
    )
    total = graph.node("ReduceSum", scores, integers(graph, [1]), keepdims=1)
    gap = graph.node("Abs", graph.node("Sub", total, scalar(graph, 1)))
    whole = graph.node("And", inside, graph.node("LessOrEqual", gap, scalar(graph, _ATOL + _RTOL)))
    all_shares = graph.node("ReduceMin", graph.node("Cast", whole, to=6), keepdims=0)  # 6: onnx.TensorProto.INT32
    logarithms = graph.node("Log", graph.node("Add", scores, scalar(graph, _LOGIT_EPSILON)))
    return graph.node("Where", graph.node("Cast", all_shares, to=9), logarithms, scores)  # 9: BOOL


EMITTERS = {"sklearn.calibration.CalibratedClassifierCV": Emitter(_predict, _predict_proba, reads="table")}
