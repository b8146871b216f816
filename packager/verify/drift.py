"""Quality on the labelled rows: the native model against each variant, by one metric.

Labels are kept as positions in the model's own classes, so that text, booleans and numbers are one case. Answers are
spooled to files: memory stays bounded however many rows there are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import NATIVE, Role, Scalar, Signature
from packager.errors import VerifyError
from packager.recipe.metrics import METRICS, Metric
from packager.recipe.model import Recipe
from packager.report.model import Drift
from packager.verify.oracle import Oracle

Outputs = dict[str, npt.NDArray[Any]]
Doubles = npt.NDArray[np.float64]

_ROLES: dict[str, Role] = {"label": "label", "score": "probability", "value": "value"}


def default_metric(signature: Signature) -> str | None:
    """Return the metric that is told when the recipe names none, or None when nothing fits."""
    if signature.task == "regressor":
        return "rmse" if signature.outputs[0].width <= 1 else None
    if signature.classes is None:
        return None
    has_scores = any(output.role == "probability" for output in signature.outputs)
    return "roc_auc" if has_scores and len(signature.classes) == 2 else "accuracy"


def drift_metric(signature: Signature, recipe: Recipe) -> str | None:
    """Return the metric that drift is told in; VerifyError where the model does not answer what the recipe's reads."""
    if recipe.verify.drift is None:
        return default_metric(signature)
    metric = METRICS[recipe.verify.drift.metric]
    if _fits(metric, signature):
        return metric.name
    answers = " and ".join(output.name for output in signature.outputs)
    fitting = [name for name in METRICS if _fits(METRICS[name], signature)]
    raise VerifyError(
        f"the metric {metric.name} reads one {metric.needs} a row; this {signature.task} answers {answers}",
        key=recipe.where("verify.drift.metric"),
        hint=f"metrics that fit: {', '.join(fitting)}" if fitting else "leave verify.drift out: no metric fits",
    )


def _fits(metric: Metric, signature: Signature) -> bool:
    """Tell whether the model answers one such thing a row: quality over several labels or values has no one meaning."""
    role = _ROLES[metric.needs]
    found = [output for output in signature.outputs if output.role == role]
    is_one = metric.needs == "score" or all(output.width <= 1 for output in found)
    known = metric.needs == "value" or signature.classes is not None
    return known and is_one and signature.task in metric.tasks and len(found) == 1


class Spool:
    """Truth and answers of every labelled row so far, per variant, in files of `folder`."""

    def __init__(self, folder: Path, signature: Signature) -> None:
        self._folder = folder
        self._signature = signature
        self.rows = 0
        folder.mkdir(exist_ok=True)

    def add_truth(self, label: npt.NDArray[Any], *, where: str) -> None:
        """Append true labels; `where` names the column in an error."""
        if self._signature.classes is None and label.dtype.kind not in "fiub":
            raise VerifyError(
                f"{where} holds text, and the model answers numbers", hint="name another column in data.label"
            )
        truth = self._indices(label) if self._signature.classes is not None else label.astype(np.float64)
        unknown = int(np.count_nonzero(np.isnan(truth)))
        if unknown:
            message = f"{where} holds labels that the model does not know, in {unknown:,} rows"
            raise VerifyError(message, hint="label the rows with the model's own classes, in the same type")
        self._append("truth", truth)
        self.rows += len(truth)

    def add_answers(self, variant: str, outputs: Outputs) -> None:
        """Append one variant's answers to the rows last added."""
        for output in self._signature.outputs:
            values = outputs[output.name]
            indexed = output.role == "label" and self._signature.classes is not None
            self._append(f"{variant}.{output.role}", self._indices(values) if indexed else values.astype(np.float64))

    def metric(self, oracle: Oracle, name: str, variant: str) -> float:
        """Return the metric of one variant over all rows so far."""
        answers = {role: self._read(f"{variant}.{role}") for role in ("label", "probability", "value")}
        return oracle.metric(name, truth=self._read("truth"), **answers)

    def drifts(self, oracle: Oracle, name: str, variants: list[str]) -> list[Drift]:
        """Return the drift of every variant against the native model."""
        native = self.metric(oracle, name, NATIVE)
        found = []
        for variant in variants:
            value = self.metric(oracle, name, variant)
            found.append(Drift(variant, name, native, value, METRICS[name].drop(native, value), self.rows))
        return found

    def _indices(self, labels: npt.NDArray[Any]) -> Doubles:
        return label_indices(labels, self._signature.classes or ())

    def _append(self, name: str, values: Doubles) -> None:
        with (self._folder / f"{name}.float64").open("ab") as stream:
            stream.write(np.ascontiguousarray(values, dtype=np.float64).tobytes())

    def _read(self, name: str) -> Doubles | None:
        path = self._folder / f"{name}.float64"
        if not path.exists():
            return None
        values = np.fromfile(path, dtype=np.float64)
        return values if values.size == self.rows else values.reshape(self.rows, -1)


def label_indices(labels: npt.NDArray[Any], classes: tuple[Scalar, ...]) -> Doubles:
    """Return the position of each label among the classes, NaN where it is none of them."""
    unique, inverse = np.unique(labels.astype(str) if labels.dtype == object else labels, return_inverse=True)
    if unique.dtype.kind == "U" or isinstance(classes[0], str):
        position = {str(label): index for index, label in enumerate(classes)}
        found = [position.get(str(label), np.nan) for label in unique.tolist()]
    else:
        # Python compares whole numbers and floats exactly: labels beyond 2**53 stay apart.
        numeric = {label: index for index, label in enumerate(classes)}
        found = [numeric.get(label, np.nan) for label in unique.tolist()]
    return np.array(found, dtype=np.float64)[inverse]
