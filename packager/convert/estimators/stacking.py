"""Stacking: what the members answer becomes the columns that a final estimator reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.responses import as_numbers, column
from packager.convert.emitter import Emit, Emitter
from packager.convert.graph import Answer, Graph, Method, Rows, beside, cast, integers, numbers


def _transform(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the members' answers side by side, the rows themselves after them where they are passed through."""
    names = [name for name, member in model.estimators if not isinstance(member, str)]
    widths = iter(model._n_feature_outs)  # one entry per block of columns, in order
    blocks = []
    for name, member, method in zip(names, model.estimators_, model.stack_method_, strict=True):
        answer = graph.ask(member, method, rows, name=name)
        if isinstance(answer, tuple):
            blocks += [_without_first(graph, part, next(widths)) for part in answer]
        elif method == "predict_proba" and len(model.classes_) == 2:
            blocks.append(_without_first(graph, numbers(graph, answer), next(widths)))
        else:
            block = numbers(graph, answer)
            block = as_numbers(graph, member, block) if method == "predict" else block
            blocks.append(graph.node("Reshape", block, integers(graph, [-1, next(widths)])))
    return beside(graph, [*blocks, numbers(graph, rows)] if model.passthrough else blocks)


def _without_first(graph: Graph, probability: str, width: int) -> str:
    """Return the probabilities of all classes but the first, which the others tell already."""
    return graph.node("Gather", probability, integers(graph, np.arange(1, width + 1)), axis=1)


def _final(method: Method) -> Emit:
    """Return the emitter of a method that the final estimator answers."""

    def emit(graph: Graph, rows: Rows, model: Any) -> Answer:
        answer = graph.ask(model.final_estimator_, method, _transform(graph, rows, model), name="final_estimator")
        if method == "predict_proba" and isinstance(answer, tuple):  # several labels: scikit-learn keeps the first
            return beside(graph, [column(graph, part, 0) for part in answer])
        return answer

    return emit


def _predict_class(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the final estimator's label, which is a position among the classes; [rows], or [rows, labels]."""
    answer = _final("predict")(graph, rows, model)
    position = cast(graph, numbers(graph, answer), np.int64)  # type: ignore[arg-type]
    if not isinstance(model.classes_, list):
        return links.pick_label(graph, position, model.classes_)
    columns = [
        links.pick_label(graph, column(graph, position, at), classes) for at, classes in enumerate(model.classes_)
    ]
    return beside(graph, columns)


EMITTERS = {
    "sklearn.ensemble.StackingClassifier": Emitter(
        _predict_class,
        _final("predict_proba"),
        _final("decision_function"),
        transform=_transform,
        reads="table",
    ),
    "sklearn.ensemble.StackingRegressor": Emitter(_final("predict"), transform=_transform, reads="table"),
}
