"""The quality metrics that a recipe may name, in one table: what each reads, which way it points, for which task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from packager.artifact import Task


@dataclass(frozen=True)
class Metric:
    """`needs`: what the model must give a row: its label, a score per class, or its predicted value."""

    name: str
    needs: Literal["label", "score", "value"]
    greater_is_better: bool
    tasks: tuple[Task, ...]

    def drop(self, native: float, variant: float) -> float:
        """Return how much quality `variant` loses against `native`: positive is a loss, whichever way it points."""
        return native - variant if self.greater_is_better else variant - native


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", "score", True, ("classifier",)),
        Metric("average_precision", "score", True, ("classifier",)),
        Metric("log_loss", "score", False, ("classifier",)),
        Metric("brier", "score", False, ("classifier",)),
        Metric("accuracy", "label", True, ("classifier",)),
        Metric("balanced_accuracy", "label", True, ("classifier",)),
        Metric("f1", "label", True, ("classifier",)),
        Metric("rmse", "value", False, ("regressor",)),
        Metric("mae", "value", False, ("regressor",)),
        Metric("r2", "value", True, ("regressor",)),
        Metric("ndcg", "value", True, ("regressor",)),
    )
}
