"""One row per configuration: a name, where it is listed, and a function that fits the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Table = Literal["estimator", "configuration", "lightgbm"]

TREES = "trees and boosting"
MODELS = "linear, kernel, Bayes, discriminant, process, neighbour and neural models"
META = "meta-estimators"
PREPARATION = "preprocessing, imputation, selection, decomposition and text"
CLUSTERS = "clusters and outliers"
LIGHTGBM = "LightGBM"
FAMILIES = (TREES, MODELS, META, PREPARATION, CLUSTERS, LIGHTGBM)


@dataclass(frozen=True)
class Fitted:
    """A fitted model, and rows that it has not seen, in the form in which it was fitted."""

    model: Any
    held_out: Any


@dataclass(frozen=True)
class Case:
    """`make` fits the model; the name is unique over all tables."""

    name: str
    table: Table
    family: str
    make: Callable[[], Fitted]
