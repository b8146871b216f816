"""The quality metrics that a recipe may name, in one table: what each reads, which way it points, for which task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from packager.artifact import Task


@dataclass(frozen=True)
class Metric:
    """`needs`: what the model must give a row: its label, a score per class, or its predicted value.

    `definition` is the function of sklearn.metrics whose value the metric has.
    """

    name: str
    needs: Literal["label", "score", "value"]
    greater_is_better: bool
    definition: str
    tasks: tuple[Task, ...]

    def drop(self, native: float, variant: float) -> float:
        """Return how much quality `variant` loses against `native`: positive is a loss, whichever way it points."""
        return native - variant if self.greater_is_better else variant - native


# A regressor's value may be the score of the second class, where labels are 0 and 1: a LightGBM Booster answers so.
_SCORED: tuple[Task, ...] = ("classifier", "regressor")

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "score", True, "roc_auc_score", _SCORED),
        Metric("average_precision", "score", True, "average_precision_score", _SCORED),
        Metric("log_loss", "score", False, "log_loss", _SCORED),
        Metric("brier", "score", False, "brier_score_loss", _SCORED),
        Metric("accuracy", "label", True, "accuracy_score", ("classifier",)),
        Metric("balanced_accuracy", "label", True, "balanced_accuracy_score", ("classifier",)),
        Metric("precision", "label", True, "precision_score", ("classifier",)),
        Metric("recall", "label", True, "recall_score", ("classifier",)),
        Metric("f1", "label", True, "f1_score", ("classifier",)),
        Metric("mcc", "label", True, "matthews_corrcoef", ("classifier",)),
        Metric("rmse", "value", False, "root_mean_squared_error", ("regressor",)),
        Metric("mae", "value", False, "mean_absolute_error", ("regressor",)),
        Metric("mape", "value", False, "mean_absolute_percentage_error", ("regressor",)),
        Metric("r2", "value", True, "r2_score", ("regressor",)),
        Metric("ndcg", "value", True, "ndcg_score", ("regressor",)),
    )
}
