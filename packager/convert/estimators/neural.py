"""Neural networks: products, sums and activations, layer after layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import is_above
from packager.convert.arithmetic.responses import column
from packager.convert.emitter import Emitter
from packager.convert.estimators.linear import affine
from packager.convert.graph import Graph, UnsupportedModel, ask_one, cast


def _forward(graph: Graph, features: str, model: Any) -> str:
    """Return the last layer's activation; shape [rows, outputs]."""
    layers = list(zip(model.coefs_, model.intercepts_, strict=True))
    activations = [model.activation] * (len(layers) - 1) + [model.out_activation_]
    for (weights, offsets), activation in zip(layers, activations, strict=True):
        features = _activated(graph, affine(graph, features, weights.T, offsets), activation)
    return features


def _activated(graph: Graph, raw: str, activation: str) -> str:
    if activation == "logistic":
        return links.logistic(graph, raw)
    if activation == "softmax":
        return graph.node("Softmax", raw, axis=1)
    plain = {"relu": "Relu", "tanh": "Tanh", "exp": "Exp", "identity": "Identity"}
    if activation not in plain:
        raise UnsupportedModel(f"the activation {activation} has no exact form")
    return graph.node(plain[activation], raw)


def _predict_proba(graph: Graph, features: str, model: Any) -> str:
    shares = _forward(graph, features, model)
    return links.with_complement(graph, shares) if model.n_outputs_ == 1 else shares


def _predict_class(graph: Graph, features: str, model: Any) -> str:
    """Return what the model's LabelBinarizer makes of the outputs: the first largest, or those above a half."""
    binarizer = model._label_binarizer
    if binarizer.y_type_ == "multiclass":
        return links.first_largest(graph, ask_one(graph, model, "predict_proba", features), model.classes_)
    shares = ask_one(graph, model, "predict_proba", features)
    if model.n_outputs_ == 1:
        shares = column(graph, shares, 1)
    is_chosen = cast(graph, is_above(graph, shares, 0.5), np.int64)
    if binarizer.y_type_ == "multilabel-indicator":
        return is_chosen
    # Of one class only, it is the answer to every row.
    classes = np.asarray(model.classes_)[[0, -1]]
    return links.pick_label(graph, links.flat(graph, is_chosen), classes)


def _mean_hidden(graph: Graph, features: str, model: Any) -> str:
    """Return the hidden units' probabilities of a restricted Boltzmann machine; shape [rows, components]."""
    return links.logistic(graph, affine(graph, features, model.components_, model.intercept_hidden_))


EMITTERS = {
    "sklearn.neural_network.BernoulliRBM": Emitter(transform=_mean_hidden),
    "sklearn.neural_network.MLPClassifier": Emitter(_predict_class, _predict_proba),
    "sklearn.neural_network.MLPRegressor": Emitter(predict=_forward),
}
