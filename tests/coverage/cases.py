"""All cases of all tables, by name."""

from __future__ import annotations

from . import (
    estimators_models,
    estimators_steps,
    harder_meta,
    harder_models,
    harder_steps,
    harder_tables,
    harder_trees,
    lightgbm_configurations,
)
from .case import Case

CASES: tuple[Case, ...] = (
    *estimators_models.CASES,
    *estimators_steps.CASES,
    *harder_trees.CASES,
    *harder_models.CASES,
    *harder_meta.CASES,
    *harder_steps.CASES,
    *harder_tables.CASES,
    *lightgbm_configurations.CASES,
)
BY_NAME = {case.name: case for case in CASES}
