"""What estimators that hold others ask them for: the scores of the first method that a member has, as columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic.links import upright
from packager.convert.emitter import Emit, Emitter
from packager.convert.graph import Answer, Graph, Method, Rows, UnsupportedModel, ask_one, cast, integers, vector

_METHODS: tuple[Method, ...] = ("predict", "predict_proba", "decision_function", "transform", "score_samples")


def asking(inner: Callable[[Any], Any], method: Method) -> Emit:
    """Return the emitter of a method that is the inner estimator's own."""

    def emit(graph: Graph, rows: Rows, model: Any) -> Answer:
        return graph.ask(inner(model), method, rows, name="estimator")

    return emit


def wrapping(inner: Callable[[Any], Any]) -> Emitter:
    """Return the emitters of an estimator that passes every question on."""
    return Emitter(**{method: asking(inner, method) for method in _METHODS}, reads="table")


def first_method(model: Any, wanted: Sequence[Method]) -> Method:
    """Return the first of the methods that the fitted model has."""
    found = next((method for method in wanted if hasattr(model, method)), None)
    if found is None:
        raise UnsupportedModel(f"{type(model).__name__} has no {' and no '.join(wanted)}")
    return found


def response(
    graph: Graph, model: Any, rows: Rows, wanted: Sequence[Method], *, positive: Any = None, name: str = ""
) -> tuple[str, Method, int]:
    """Return a member's scores, the method that gave them, and their number of columns.

    As scikit-learn's `_get_response_values`: of two classes one column for the `positive` class, the second by
    default; of more one column each.
    """
    from sklearn.base import is_classifier
    from sklearn.utils.multiclass import type_of_target

    method = first_method(model, wanted)
    if method == "predict":
        return predicted_number(graph, model, rows, name=name), method, 1
    scores = ask_one(graph, model, method, rows, name=name)
    if not is_classifier(model):
        raise UnsupportedModel(f"{type(model).__name__} is no classifier")
    classes = np.asarray(model.classes_)
    if type_of_target(classes) != "binary":
        one_score = method == "decision_function" and len(classes) == 2
        return scores, method, 1 if one_score else len(classes)
    if len(classes) < 2:
        raise UnsupportedModel(f"{type(model).__name__} has seen one class only")
    position = 1 if positive is None else int(np.flatnonzero(classes == positive)[0])
    if method == "predict_proba":
        return column(graph, scores, position), method, 1
    return (upright(graph, scores) if position else graph.node("Neg", upright(graph, scores))), method, 1


def binary_score(graph: Graph, model: Any, rows: Rows, *, name: str = "") -> str:
    """Return what scikit-learn's `_predict_binary` asks a member for; shape [rows, 1]."""
    from sklearn.base import is_regressor

    if is_regressor(model):
        return upright(graph, ask_one(graph, model, "predict", rows, name=name))
    if hasattr(model, "decision_function"):
        return upright(graph, ask_one(graph, model, "decision_function", rows, name=name))
    return column(graph, ask_one(graph, model, "predict_proba", rows, name=name), 1)


def predicted_number(graph: Graph, model: Any, rows: Rows, *, name: str = "") -> str:
    """Return a member's predictions as numbers, labels among them; shape [rows, 1]."""
    return as_numbers(graph, model, upright(graph, ask_one(graph, model, "predict", rows, name=name)))


def as_numbers(graph: Graph, model: Any, predicted: str) -> str:
    """Return predictions as numbers; UnsupportedModel where they are text."""
    classes = getattr(model, "classes_", None)
    each = classes if isinstance(classes, list) else [] if classes is None else [classes]
    if any(np.asarray(one).dtype.kind not in "biuf" for one in each):
        raise UnsupportedModel(f"the labels of {type(model).__name__} are text, and are used as numbers")
    return cast(graph, predicted, graph.dtype)


def column(graph: Graph, scores: str, index: int) -> str:
    """Return one column of [rows, n] as [rows, 1]."""
    return graph.node("Gather", scores, integers(graph, [index]), axis=1)


def repeated(graph: Graph, rows: Rows, values: npt.ArrayLike) -> str:
    """Return the same numbers for every row; shape [rows, len(values)]."""
    count = graph.node("Shape", rows if isinstance(rows, str) else rows.parts[0].tensor, start=0, end=1)
    line = np.atleast_1d(np.asarray(values, dtype=np.float64))
    shape = graph.node("Concat", count, integers(graph, [len(line)]), axis=0)
    return graph.node("Expand", vector(graph, line[None, :]), shape)
