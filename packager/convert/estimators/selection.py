"""Feature selection: some columns as they are; recursive elimination also asks the estimator that chose them."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.emitter import Emit, Emitter
from packager.convert.graph import Answer, Graph, Method, Rows, take

_SELECTORS = (
    "GenericUnivariateSelect",
    "SelectFdr",
    "SelectFpr",
    "SelectFromModel",
    "SelectFwe",
    "SelectKBest",
    "SelectPercentile",
    "SequentialFeatureSelector",
    "VarianceThreshold",
)


def _selected(graph: Graph, rows: Rows, model: Any) -> Rows:
    return take(graph, rows, np.flatnonzero(model.get_support()).tolist())


def _of_selected(method: Method) -> Emit:
    """Return the emitter of a method that the inner estimator answers about the chosen columns."""

    def emit(graph: Graph, rows: Rows, model: Any) -> Answer:
        return graph.ask(model.estimator_, method, _selected(graph, rows, model), name="estimator")

    return emit


_ELIMINATION = Emitter(
    predict=_of_selected("predict"),
    predict_proba=_of_selected("predict_proba"),
    decision_function=_of_selected("decision_function"),
    transform=_selected,
    reads="table",
)

EMITTERS = {
    **{f"sklearn.feature_selection.{name}": Emitter(transform=_selected, reads="table") for name in _SELECTORS},
    "sklearn.feature_selection.RFE": _ELIMINATION,
    "sklearn.feature_selection.RFECV": _ELIMINATION,
}
