"""Linear classifiers: labels from the decision function, probabilities as each of them makes them of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.arithmetic.elementary import add, clip, divide, is_equal, where
from packager.convert.emitter import Emitter
from packager.convert.estimators.linear import affine, coefficients, decision_function, predict_class
from packager.convert.graph import Graph, UnsupportedModel, ask_one, beside, cast, integers, scalar


def _logistic_shares(graph: Graph, features: str, model: Any) -> str:
    decision = ask_one(graph, model, "decision_function", features)
    if _is_one_against_rest(model):
        return _one_against_rest(graph, decision, model)
    if len(coefficients(model)) == 1:
        decision = beside(graph, [graph.node("Neg", decision), decision])
    return graph.node("Softmax", decision, axis=1)


def _is_one_against_rest(model: Any) -> bool:
    """Tell what LogisticRegression.predict_proba decides; scikit-learn 1.8 has dropped `multi_class`."""
    import sklearn

    rule = model.get_params(deep=False).get("multi_class", "softmax")
    if rule in ("ovr", "multinomial", "warn"):
        return bool(rule != "multinomial")
    early = tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 6)
    by_solver = model.solver == "liblinear" or (early and model.solver == "newton-cholesky")
    return len(model.classes_) <= 2 or (rule != "softmax" and by_solver)


def _one_against_rest(graph: Graph, decision: str, model: Any) -> str:
    """Return scikit-learn's `_predict_proba_lr`: the logistic function of each class, made to add up to 1."""
    shares = links.logistic(graph, decision)
    return _made_whole(graph, shares, len(coefficients(model)))


def _clipped_shares(graph: Graph, decision: str, model: Any) -> str:
    """Return (clip(d, -1, 1) + 1) / 2, made to add up to 1."""
    shares = divide(graph, add(graph, clip(graph, decision, -1, 1), 1), 2)
    return _made_whole(graph, shares, len(coefficients(model)))


def _made_whole(graph: Graph, shares: str, columns: int) -> str:
    """Return the shares of two classes from one column; of more over their sum, equal ones where it is 0."""
    if columns == 1:
        return links.with_complement(graph, shares)
    total = graph.node("ReduceSum", shares, integers(graph, [1]), keepdims=1)
    return where(graph, is_equal(graph, total, 0), 1 / columns, graph.node("Div", shares, total))


def _sgd_shares(graph: Graph, features: str, model: Any) -> str:
    decision = ask_one(graph, model, "decision_function", features)
    if model.loss in ("log_loss", "log"):  # the name until scikit-learn 1.3
        return _one_against_rest(graph, decision, model)
    if model.loss == "modified_huber":
        return _clipped_shares(graph, decision, model)
    raise UnsupportedModel(f"the loss {model.loss} has no probabilities")


def _predict_ridge(graph: Graph, features: str, model: Any) -> str:
    """Return classes, or of several labels 1 for each decision above 0; shape [rows] or [rows, labels]."""
    if not model._label_binarizer.y_type_.startswith("multilabel"):
        return predict_class(graph, features, model)
    decision = ask_one(graph, model, "decision_function", features)
    return cast(graph, graph.node("Greater", decision, scalar(graph, 0)), np.int64)


def _outlier_scores(graph: Graph, features: str, model: Any) -> str:
    return affine(graph, features, coefficients(model), -np.asarray(model.offset_))


def _outlier_score_samples(graph: Graph, features: str, model: Any) -> str:
    scores = ask_one(graph, model, "decision_function", features)
    return add(graph, scores, float(np.ravel(model.offset_)[0]))


def _predict_outlier(graph: Graph, features: str, model: Any) -> str:
    scores = ask_one(graph, model, "decision_function", features)
    return links.by_sign(graph, scores, np.array([-1, 1]), zero_is_positive=True)


_BY_DECISION = Emitter(predict=predict_class, decision_function=decision_function)
_LOGISTIC = Emitter(predict_class, _logistic_shares, decision_function)
_RIDGE = Emitter(predict=_predict_ridge, decision_function=decision_function)

EMITTERS = {
    "sklearn.linear_model.LogisticRegression": _LOGISTIC,
    "sklearn.linear_model.LogisticRegressionCV": _LOGISTIC,
    "sklearn.linear_model.PassiveAggressiveClassifier": _BY_DECISION,
    "sklearn.linear_model.Perceptron": _BY_DECISION,
    "sklearn.linear_model.RidgeClassifier": _RIDGE,
    "sklearn.linear_model.RidgeClassifierCV": _RIDGE,
    "sklearn.linear_model.SGDClassifier": Emitter(predict_class, _sgd_shares, decision_function),
    "sklearn.linear_model.SGDOneClassSVM": Emitter(
        predict=_predict_outlier, decision_function=_outlier_scores, score_samples=_outlier_score_samples
    ),
    "sklearn.svm.LinearSVC": _BY_DECISION,
}
