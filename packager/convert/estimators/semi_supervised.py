"""Label propagation and spreading: known and inferred labels of the training rows, weighted by nearness."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links, votes
from packager.convert.arithmetic.neighbours import nearest, search_of
from packager.convert.arithmetic.pairwise import emit_kernel
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, ask_one, vector


def _predict_proba(graph: Graph, rows: str, model: Any) -> str:
    """Return the weighted distributions of the training rows over the classes, made to sum to 1."""
    known = np.asarray(model.label_distributions_)
    if model.kernel == "rbf":
        kernel = emit_kernel(graph, rows, model.X_, "rbf", {"gamma": model.gamma})
        given = graph.node("MatMul", kernel, vector(graph, known))
    elif model.kernel == "knn":
        search = search_of(model.nn_fit)
        _, places = nearest(graph, rows, search, model.n_neighbors)
        given = votes.added_in_turn(graph, votes.chosen(graph, known[search.order], places))
    else:
        raise UnsupportedModel("a kernel of its own is code that no graph holds")
    return graph.node("Div", given, votes.row_sum(graph, given, known.shape[1]))


def _predict(graph: Graph, rows: str, model: Any) -> str:
    return links.first_largest(graph, ask_one(graph, model, "predict_proba", rows), model.classes_)


_SPREADING = Emitter(_predict, _predict_proba)

EMITTERS = {
    "sklearn.semi_supervised.LabelPropagation": _SPREADING,
    "sklearn.semi_supervised.LabelSpreading": _SPREADING,
}
