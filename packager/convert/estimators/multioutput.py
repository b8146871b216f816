"""One estimator per output, apart or in a chain where each reads what the earlier ones said."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic.links import upright
from packager.convert.arithmetic.responses import as_numbers, response
from packager.convert.emitter import Emit, Emitter
from packager.convert.graph import Graph, Method, Rows, UnsupportedModel, ask_one, beside, cast, integers, numbers


def _predict_apart(graph: Graph, rows: Rows, model: Any) -> str:
    """Return one column per output, in the one kind that numpy gives them all; shape [rows, outputs]."""
    parts = [
        upright(graph, ask_one(graph, member, "predict", rows, name=str(at)))
        for at, member in enumerate(model.estimators_)
    ]
    if not hasattr(model, "classes_"):
        return beside(graph, parts)
    kinds = {np.asarray(classes).dtype.kind for classes in model.classes_}
    if kinds <= {"b"} or not kinds & set("biuf"):
        return beside(graph, parts)
    if not kinds <= set("biuf"):
        raise UnsupportedModel("it answers with text in one output and with numbers in another")
    wide = np.float64 if "f" in kinds else np.int64
    return beside(graph, [cast(graph, part, wide) for part in parts])


def _predict_proba_apart(graph: Graph, rows: Rows, model: Any) -> tuple[str, ...]:
    return tuple(
        ask_one(graph, member, "predict_proba", rows, name=str(at)) for at, member in enumerate(model.estimators_)
    )


def _chained(method: Method) -> Emit:
    """Return the emitter of a chain's method: members in their order, outputs in the model's; [rows, outputs]."""

    def emit(graph: Graph, rows: Rows, model: Any) -> str:
        said_by: Any = getattr(model, "chain_method_", "predict")
        if said_by == "predict_log_proba":
            raise UnsupportedModel("chain_method='predict_log_proba' has no exact form")
        seen = [numbers(graph, rows)]
        answers = []
        for at, member in enumerate(model.estimators_):
            answers.append(_member(graph, member, beside(graph, seen), method, f"{at}"))
            if at + 1 < len(model.estimators_):
                seen.append(_member(graph, member, beside(graph, seen), said_by, f"{at}"))
        place = np.argsort(np.asarray(model.order_))
        return graph.node("Gather", beside(graph, answers), integers(graph, place), axis=1)

    return emit


def _member(graph: Graph, member: Any, rows: str, method: Method, name: str) -> str:
    """Return what one member of a chain says, as a number; shape [rows, 1]."""
    from sklearn.base import is_classifier

    if not is_classifier(member):
        answer = ask_one(graph, member, method, rows, name=name)
        return as_numbers(graph, member, upright(graph, answer))
    scores, _, width = response(graph, member, rows, (method,), name=name)
    if width != 1:
        raise UnsupportedModel(f"{method} of more than two classes is no single number for the chain")
    return scores


EMITTERS = {
    "sklearn.multioutput.MultiOutputClassifier": Emitter(_predict_apart, _predict_proba_apart, reads="table"),
    "sklearn.multioutput.MultiOutputRegressor": Emitter(_predict_apart, reads="table"),
    "sklearn.multioutput.ClassifierChain": Emitter(
        _chained("predict"), _chained("predict_proba"), _chained("decision_function")
    ),
    "sklearn.multioutput.RegressorChain": Emitter(_chained("predict")),
}
