"""Dummy estimators: the same answer for every row, whatever its cells are."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.responses import repeated
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, Rows, UnsupportedModel, beside, cast


def _predict_value(graph: Graph, rows: Rows, model: Any) -> str:
    return repeated(graph, rows, np.ravel(model.constant_))


def _predict_class(graph: Graph, rows: Rows, model: Any) -> str:
    """Return one label of each output for all rows; shape [rows] or [rows, outputs]."""
    if model._strategy not in ("most_frequent", "prior", "constant"):
        raise UnsupportedModel(f"the strategy {model._strategy} draws its labels at random")
    if model.sparse_output_:
        raise UnsupportedModel("labels in a sparse matrix have no form in an answer")
    first = cast(graph, repeated(graph, rows, [0]), np.int64)
    labels = [
        links.pick_label(graph, first, classes[[place]])
        for classes, place in zip(_classes(model), _places(model), strict=True)
    ]
    return links.flat(graph, labels[0]) if len(labels) == 1 else beside(graph, labels)


def _predict_proba(graph: Graph, rows: Rows, model: Any) -> str | tuple[str, ...]:
    """Return the shares of the classes; several outputs have one array each."""
    if model._strategy == "stratified":
        raise UnsupportedModel("the strategy stratified draws its labels at random")
    priors = [model.class_prior_] if model.n_outputs_ == 1 else model.class_prior_
    shares = []
    for classes, prior, place in zip(_classes(model), priors, _places(model), strict=True):
        if model._strategy == "prior":
            line = np.asarray(prior, dtype=np.float64)
        elif model._strategy == "uniform":
            line = np.full(len(classes), 1 / len(classes))
        else:
            line = np.eye(len(classes))[place]
        shares.append(repeated(graph, rows, line))
    return shares[0] if len(shares) == 1 else tuple(shares)


def _classes(model: Any) -> list[Any]:
    return [np.asarray(one) for one in ([model.classes_] if model.n_outputs_ == 1 else model.classes_)]


def _places(model: Any) -> list[int]:
    """Return which class of each output is the answer."""
    if model._strategy == "constant":
        wanted = np.ravel(np.asarray(model.constant))
        return [int(np.flatnonzero(one == value)[0]) for one, value in zip(_classes(model), wanted, strict=True)]
    priors = [model.class_prior_] if model.n_outputs_ == 1 else model.class_prior_
    return [int(np.argmax(prior)) for prior in priors]


EMITTERS = {
    "sklearn.dummy.DummyClassifier": Emitter(_predict_class, _predict_proba, reads="table"),
    "sklearn.dummy.DummyRegressor": Emitter(predict=_predict_value, reads="table"),
}
