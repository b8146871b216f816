"""Quality metrics by our names, computed by scikit-learn's own functions on any variant's answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Answers:
    """What a metric may read; all of shape [rows], but `probability`, which is [rows, classes].

    `truth` and `label` are positions among the model's `n_classes` classes; of a regressor `truth` is a value.
    What the model does not answer is empty.
    """

    truth: Array
    label: Array
    probability: Array
    value: Array
    n_classes: int

    @property
    def is_binary(self) -> bool:
        return self.n_classes == 2

    def positive(self) -> Array:
        """Return 1 where the truth is the second class; shape [rows]."""
        return np.asarray(self.truth == 1, dtype=np.int64)


def score(name: str, answers: Answers) -> float:
    """Return the metric `name`, a key of FUNCTIONS, in scikit-learn's sense of its sign.

    NaN where it has no value: an answer is no finite number, or the rows do not hold what it needs, two classes say.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns where it answers NaN
        try:
            return float(FUNCTIONS[name](answers))
        except ValueError:  # scikit-learn's refusal of both
            return float("nan")


def _roc_auc(answers: Answers) -> float:
    from sklearn import metrics

    if answers.is_binary:
        return float(metrics.roc_auc_score(answers.positive(), answers.probability[:, 1]))
    return float(
        metrics.roc_auc_score(
            answers.truth, answers.probability, multi_class="ovr", labels=list(range(answers.n_classes))
        )
    )


def _average_precision(answers: Answers) -> float:
    from sklearn import metrics

    if answers.is_binary:
        return float(metrics.average_precision_score(answers.positive(), answers.probability[:, 1]))
    truth = answers.truth[:, None] == np.arange(answers.n_classes)[None, :]
    return float(metrics.average_precision_score(truth, answers.probability))


def _of_labels(function: str, **arguments: Any) -> Callable[[Answers], float]:
    def compute(answers: Answers) -> float:
        from sklearn import metrics

        return float(getattr(metrics, function)(answers.truth, answers.label, **arguments))

    return compute


def _of_positive_labels(function: str) -> Callable[[Answers], float]:
    """Binary models are scored for their second class, others by the plain mean over classes."""

    def compute(answers: Answers) -> float:
        from sklearn import metrics

        choice = {"pos_label": 1} if answers.is_binary else {"average": "macro"}
        return float(getattr(metrics, function)(answers.truth, answers.label, zero_division=0, **choice))

    return compute


def _log_loss(answers: Answers) -> float:
    from sklearn import metrics

    return float(metrics.log_loss(answers.truth, answers.probability, labels=list(range(answers.n_classes))))


def _brier(answers: Answers) -> float:
    """Of two classes the usual score of the second; of several the squared distance, summed over classes."""
    from sklearn import metrics

    if answers.is_binary:
        return float(metrics.brier_score_loss(answers.positive(), answers.probability[:, 1]))
    truth = answers.truth[:, None] == np.arange(answers.n_classes)[None, :]
    return float(((answers.probability - truth) ** 2).sum(axis=1).mean())


def _of_values(function: str) -> Callable[[Answers], float]:
    def compute(answers: Answers) -> float:
        from sklearn import metrics

        return float(getattr(metrics, function)(answers.truth, answers.value))

    return compute


def _rmse(answers: Answers) -> float:
    return float(np.sqrt(_of_values("mean_squared_error")(answers)))


def _ndcg(answers: Answers) -> float:
    from sklearn import metrics

    return float(metrics.ndcg_score(answers.truth[None, :], np.ravel(answers.value)[None, :]))


FUNCTIONS: dict[str, Callable[[Answers], float]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "accuracy": _of_labels("accuracy_score"),
    "balanced_accuracy": _of_labels("balanced_accuracy_score"),
    "f1": _of_positive_labels("f1_score"),
    "log_loss": _log_loss,
    "brier": _brier,
    "rmse": _rmse,
    "mae": _of_values("mean_absolute_error"),
    "r2": _of_values("r2_score"),
    "ndcg": _ndcg,
}
