"""What a metric reads: true labels and answers become positions among the classes, scores or values.

Labels are kept as positions in the model's own classes, so that text, booleans and numbers are one case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Role, Scalar, Signature
from packager.errors import VerifyError
from packager.recipe.metrics import METRICS, Metric
from packager.recipe.model import Recipe

Array = npt.NDArray[Any]
Outputs = dict[str, Array]

_ROLES: dict[str, Role] = {"label": "label", "score": "probability", "value": "value"}
# What a regressor's value is the score of: the second of these.
_BINARY: tuple[Scalar, ...] = (0, 1)
# Metrics that read a score as a probability.
_OF_PROBABILITIES = ("log_loss", "brier")
# Labels of so few classes are looked up one class after the other.
_FEW = 16


def default_metric(signature: Signature) -> str | None:
    """Return the metric that is told when the recipe names none, or None when nothing fits."""
    if signature.task == "regressor":
        return "rmse" if signature.outputs[0].width <= 1 else None
    if signature.classes is None:
        return None
    has_scores = any(output.role == "probability" for output in signature.outputs)
    return "roc_auc" if has_scores and len(signature.classes) == 2 else "accuracy"


def drift_metric(signature: Signature, recipe: Recipe) -> str | None:
    """Return the metric that quality is told in; VerifyError where the model does not answer what it has to read."""
    if recipe.verify.drift is None:
        metric = default_metric(signature)
        for key in ("segment", "champion"):
            if metric is None and getattr(recipe.verify, key) is not None:
                message = f"no metric fits this {signature.task}, which answers {_answers(signature)}"
                raise VerifyError(message, key=recipe.where(f"verify.{key}"), hint="leave the key out")
        return metric
    named = METRICS[recipe.verify.drift.metric]
    if _fits(named, signature):
        return named.name
    fitting = [name for name in METRICS if _fits(METRICS[name], signature)]
    raise VerifyError(
        f"the metric {named.name} reads one {named.needs} a row; this {signature.task} answers {_answers(signature)}",
        key=recipe.where("verify.drift.metric"),
        hint=f"metrics that fit: {', '.join(fitting)}" if fitting else "leave verify.drift out: no metric fits",
    )


def _answers(signature: Signature) -> str:
    return " and ".join(output.name for output in signature.outputs)


def _role(metric: Metric, signature: Signature) -> Role:
    """Return the output that the metric reads; a regressor's value may be a score."""
    return "value" if signature.task == "regressor" else _ROLES[metric.needs]


def _fits(metric: Metric, signature: Signature) -> bool:
    """Tell whether the model answers one such thing a row: quality over several labels or values has no one meaning."""
    role = _role(metric, signature)
    found = [output for output in signature.outputs if output.role == role]
    is_one = role == "probability" or all(output.width <= 1 for output in found)
    # A score tells one class from another; a model that was fitted on a single class has none to tell.
    known = role == "value" or len(signature.classes or ()) > (role == "probability")
    return known and is_one and signature.task in metric.tasks and len(found) == 1


@dataclass(frozen=True)
class Reading:
    """How one metric reads the answers of models for the same classes; `classes` is None where truth is a value.

    `where` names file and column of the true labels in an error, `key` the recipe key that names the column.
    """

    metric: str
    classes: tuple[Scalar, ...] | None
    where: str
    key: str

    @classmethod
    def of(cls, metric: str, signature: Signature, *, where: str, key: str) -> Reading:
        """Return the reading of `metric` for a model."""
        classes = None if METRICS[metric].needs == "value" else signature.classes or _BINARY
        return cls(metric, classes, where, key)

    @property
    def class_count(self) -> int:
        return len(self.classes or ())

    def truth(self, labels: Array) -> Array:
        """Return true labels as the metric reads them; VerifyError for those that the model cannot answer."""
        if self.classes is None:
            return self._values(labels)
        found = label_indices(labels, self.classes)
        unknown = int(np.count_nonzero(found < 0))
        if unknown:
            message = f"{self.where} holds labels that the model does not know, in {unknown:,} rows"
            raise VerifyError(message, key=self.key, hint=self._unknown_hint(labels))
        return found

    def answers(self, signature: Signature, outputs: Outputs) -> Array:
        """Return what the metric reads of a model's outputs; of two classes the score of the second alone."""
        role = _role(METRICS[self.metric], signature)
        values = next(outputs[output.name] for output in signature.outputs if output.role == role)
        if role == "label":
            return label_indices(values, self.classes or ())
        if role == "value":
            return np.asarray(values, dtype=np.float64).reshape(len(values))
        order = [(signature.classes or ()).index(label) for label in self.classes or ()]
        if len(order) == 2:
            return np.asarray(values[:, order[1]], dtype=np.float64)
        return np.asarray(values[:, order], dtype=np.float64)

    def check_scores(self, scores: Array) -> None:
        """Raise VerifyError where a metric of probabilities reads values that are none."""
        if self.metric in _OF_PROBABILITIES and scores.size and not ((scores >= 0) & (scores <= 1)).all():
            raise VerifyError(
                f"the metric {self.metric} reads probabilities; the model answers values below 0 or above 1",
                hint="name roc_auc or average_precision, which read any score, or a metric of values such as rmse",
            )

    def _values(self, labels: Array) -> Array:
        if labels.dtype.kind not in "fiub":
            message = f"{self.where} holds text, and the model answers numbers"
            raise VerifyError(message, key=self.key, hint="name another column in data.label")
        truth = labels.astype(np.float64)
        strange = int(np.count_nonzero(~np.isfinite(truth)))
        if strange:
            message = f"{self.where} holds labels that are no finite numbers, in {strange:,} rows"
            raise VerifyError(message, key=self.key, hint="remove those rows")
        return truth

    def _unknown_hint(self, labels: Array) -> str:
        """Say of what kind both are; the labels themselves are people's data."""
        kinds = ["text" if is_text else "numbers" for is_text in (labels.dtype.kind in "OU", _is_text(self.classes))]
        if kinds[0] != kinds[1]:
            return f"the column holds {kinds[0]}, the model's classes are {kinds[1]}: label the rows as in training"
        return "label the rows with the model's own classes"


def _is_text(classes: tuple[Scalar, ...] | None) -> bool:
    return bool(classes) and isinstance((classes or ("",))[0], str)


def label_indices(labels: Array, classes: tuple[Scalar, ...]) -> npt.NDArray[np.int32]:
    """Return the position of each label among the classes, -1 where it is none of them."""
    if labels.dtype.kind in "OU":
        texts = {str(label): index for index, label in enumerate(classes)}
        return np.array([texts.get(str(label), -1) for label in labels.tolist()], dtype=np.int32)
    if labels.dtype.kind in "iub" and len(classes) <= _FEW and all(type(label) is int for label in classes):
        known = np.full(len(labels), -1, dtype=np.int32)  # a comparison with each class is faster than a sort
        for index, label in enumerate(classes):
            known[labels == label] = index
        return known
    unique, inverse = np.unique(labels, return_inverse=True)
    if _is_text(classes):
        position: dict[Any, int] = {str(label): index for index, label in enumerate(classes)}
        found = [position.get(str(label), -1) for label in unique.tolist()]
    else:
        # Python compares whole numbers and floats exactly: labels beyond 2**53 stay apart.
        position = {label: index for index, label in enumerate(classes)}
        found = [position.get(label, -1) for label in unique.tolist()]
    return np.array(found, dtype=np.int32)[inverse]
