"""All cases of all tables, by name."""

from __future__ import annotations

from . import estimators_models, estimators_steps
from .case import Case

CASES: tuple[Case, ...] = (
    *estimators_models.CASES,
    *estimators_steps.CASES,
)
BY_NAME = {case.name: case for case in CASES}
