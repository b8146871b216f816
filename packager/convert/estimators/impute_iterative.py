"""IterativeImputer: a first filling, then one regression after another over the columns filled so far."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.emitter import Emitter
from packager.convert.estimators.impute import flags, missing_cells
from packager.convert.graph import (
    Graph,
    Part,
    UnsupportedModel,
    ask_one,
    beside,
    integers,
    numbers,
    scalar,
    take,
)

Flags = npt.NDArray[np.bool_]


def emit_iterative_imputer(graph: Graph, features: str, model: Any) -> str:
    """Return the columns with missing cells as their regressions predict them, within the imputer's limits."""
    if model.sample_posterior:
        raise UnsupportedModel("sample_posterior draws other numbers in every call")
    whole = Part(features, "number", int(model.n_features_in_))
    missing = missing_cells(graph, whole, model.missing_values)
    kept, asks = _kept(model)
    filled = ask_one(graph, model.initial_imputer_, "transform", features, name="initial_imputer_")
    answer = filled
    if model.n_iter_ and len(model.imputation_sequence_):
        mask = graph.node("Gather", missing, integers(graph, kept), axis=1)
        if not asks.all():
            mask = graph.node("And", mask, graph.constant(asks[None, :]))
        # Where nothing at all is known of a whole request, scikit-learn stays with the first filling.
        nothing = graph.node("ReduceMin", _as_numbers(graph, mask), keepdims=0)
        imputed = _impute(graph, filled, mask, model, len(kept))
        answer = graph.node("Where", graph.node("Cast", nothing, to=9), filled, imputed)
    return beside(graph, [answer, *(part.tensor for part in flags(graph, model, missing))])


def _impute(graph: Graph, filled: str, mask: str, model: Any, width: int) -> str:
    columns = [_column(graph, filled, index) for index in range(width)]
    for turn, step in enumerate(model.imputation_sequence_):
        index = int(step.feat_idx)
        others = beside(graph, [columns[int(other)] for other in step.neighbor_feat_idx])
        found = ask_one(graph, step.estimator, "predict", others, name=f"imputation_sequence_.{turn}")
        found = graph.node("Reshape", found, integers(graph, [-1, 1]))
        low, high = (float(limit[index]) for limit in (model._min_value, model._max_value))
        clipped = graph.node("Min", graph.node("Max", found, scalar(graph, low)), scalar(graph, high))
        columns[index] = graph.node("Where", _column(graph, mask, index), clipped, columns[index])
    return beside(graph, columns)


def _kept(model: Any) -> tuple[npt.NDArray[np.intp], Flags]:
    """Return the columns that are not left out, and which of them are imputed: one that was empty keeps its filling."""
    empty = np.asarray(model._is_empty_feature, dtype=bool)
    if model.keep_empty_features:
        return np.arange(len(empty)), ~empty
    return np.flatnonzero(~empty), np.ones(int((~empty).sum()), dtype=bool)


def _column(graph: Graph, rows: str, index: int) -> str:
    return numbers(graph, take(graph, rows, [index]))


def _as_numbers(graph: Graph, mask: str) -> str:
    return graph.node("Cast", mask, to=6)


EMITTERS = {"sklearn.impute.IterativeImputer": Emitter(transform=emit_iterative_imputer)}
