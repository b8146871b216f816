"""LightGBM models that were fitted on pandas category columns: what each such column's values are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Scalar
from packager.errors import ConvertError

Categories = dict[int, tuple[Scalar, ...]]


def pandas_categories(model: Any) -> Categories:
    """Return per column its categories in the order of their codes; empty for every other model.

    LightGBM keeps the values in the order of the columns, and which columns are categorical in `feature_infos` of its
    text: ranges are bracketed, categories are not. A column that was left out of the model, or is ordered, hides there.
    """
    booster = getattr(model, "_Booster", None) or (model if hasattr(model, "model_to_string") else None)
    values = getattr(booster, "pandas_categorical", None)
    if not values or booster is None:
        return {}
    header = booster.model_to_string(num_iteration=1).split("\nTree=", 1)[0]
    infos = next(line for line in header.split("\n") if line.startswith("feature_infos=")).partition("=")[2].split(" ")
    columns = [index for index, info in enumerate(infos) if info != "none" and not info.startswith("[")]
    seen = [[int(code) for code in infos[column].split(":")] for column in columns]
    if len(columns) != len(values) or any(max(codes) >= len(known) for codes, known in zip(seen, values, strict=True)):
        raise ConvertError(
            "which columns its pandas categories belong to does not show in the artifact: one is ordered, holds one "
            "value only, or is left out of categorical_feature",
            hint="train with every category column unordered, with two values or more, and categorical_feature='auto'",
        )
    found: Categories = {column: tuple(known) for column, known in zip(columns, values, strict=True)}
    for column, known in found.items():
        if is_text(known) and not all(isinstance(value, str) for value in known):
            raise ConvertError(
                f"column {column} was fitted on categories of mixed types, text and other values",
                hint="make all of its values text before the model is fitted",
            )
    return found


def is_text(known: tuple[Scalar, ...]) -> bool:
    """Tell whether a column's categories are text; numbers and booleans travel as numbers."""
    return any(isinstance(value, str) for value in known)


def as_categorical(cells: npt.NDArray[Any], known: tuple[Scalar, ...]) -> Any:
    """Return a pandas Categorical of a column's cells; a cell that is no category is missing, as LightGBM has it."""
    import pandas

    position = {value if isinstance(value, str) else float(value): code for code, value in enumerate(known)}
    codes = np.array([position.get(cell, -1) for cell in cells.tolist()], dtype=np.int64)
    return pandas.Categorical.from_codes(codes, categories=list(known))
