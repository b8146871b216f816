"""Naive Bayes: a joint log likelihood per class; the label is its first largest, probabilities are normalized."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.arithmetic import likelihoods, links
from packager.convert.arithmetic.elementary import add, subtract, times
from packager.convert.arithmetic.votes import row_sum
from packager.convert.emitter import Emitter
from packager.convert.graph import Graph, UnsupportedModel, beside, cast, integers, scalar, vector

Doubles = npt.NDArray[np.float64]
Joint = Callable[[Graph, str, Any], str]


def _gaussian(graph: Graph, features: str, model: Any) -> str:
    """Return log P(c) + log P(x | c) under one normal distribution per class and column."""
    columns = []
    for prior, mean, variance in zip(model.class_prior_, model.theta_, model.var_, strict=True):
        away = subtract(graph, features, vector(graph, mean[None, :]))
        terms = graph.node("Div", times(graph, away, away), vector(graph, variance[None, :]))
        half = times(graph, row_sum(graph, terms, len(mean)), 0.5)
        norm = -0.5 * float(np.sum(np.log(2.0 * np.pi * variance)))
        with np.errstate(divide="ignore"):
            columns.append(add(graph, subtract(graph, scalar(graph, norm), half), float(np.log(prior))))
    return beside(graph, columns)


def _linear(graph: Graph, features: str, weights: Doubles, offsets: Doubles) -> str:
    """Return features @ weights.T + offsets."""
    if not np.isfinite(weights).all():
        raise UnsupportedModel("without smoothing a share of zero makes its likelihoods infinite: set alpha above 0")
    product = graph.node("MatMul", features, vector(graph, weights.T))
    return add(graph, product, vector(graph, offsets[None, :]))


def _multinomial(graph: Graph, features: str, model: Any) -> str:
    return _linear(graph, features, model.feature_log_prob_, model.class_log_prior_)


def _complement(graph: Graph, features: str, model: Any) -> str:
    only_class = len(model.classes_) == 1
    offsets = model.class_log_prior_ if only_class else np.zeros(len(model.classes_))
    return _linear(graph, features, model.feature_log_prob_, offsets)


def _bernoulli(graph: Graph, features: str, model: Any) -> str:
    """Return the likelihood of columns that are 1 above the threshold; without one the numbers themselves count."""
    if model.binarize is not None:
        features = cast(graph, graph.node("Greater", features, scalar(graph, model.binarize)), graph.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        absent = np.log(1 - np.exp(model.feature_log_prob_))
        weights = model.feature_log_prob_ - absent
    return _linear(graph, features, weights, model.class_log_prior_ + absent.sum(axis=1))


def _categorical(graph: Graph, features: str, model: Any) -> str:
    """Return the sum of looked-up log shares; a code that is unknown or below 0 fails, as it does natively."""
    codes = cast(graph, features, np.int64)  # towards zero, like numpy
    beyond = integers(graph, np.iinfo(np.int64).max)
    codes = graph.node("Where", graph.node("Less", codes, integers(graph, 0)), beyond, codes)
    total = ""
    for column, shares in enumerate(model.feature_log_prob_):
        code = graph.node("Gather", codes, integers(graph, column), axis=1)
        found = graph.node("Gather", vector(graph, shares.T), code, axis=0)
        total = add(graph, total, found) if total else found
    return add(graph, total, vector(graph, model.class_log_prior_[None, :]))


def _emitter(joint: Joint) -> Emitter:
    def label(graph: Graph, features: str, model: Any) -> str:
        return links.first_largest(graph, joint(graph, features, model), model.classes_)

    def share(graph: Graph, features: str, model: Any) -> str:
        return likelihoods.probabilities(graph, joint(graph, features, model))

    return Emitter(predict=label, predict_proba=share)


EMITTERS = {
    "sklearn.naive_bayes.GaussianNB": _emitter(_gaussian),
    "sklearn.naive_bayes.MultinomialNB": _emitter(_multinomial),
    "sklearn.naive_bayes.ComplementNB": _emitter(_complement),
    "sklearn.naive_bayes.BernoulliNB": _emitter(_bernoulli),
    "sklearn.naive_bayes.CategoricalNB": _emitter(_categorical),
}
