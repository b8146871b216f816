"""The names that rows and requests use for a model's columns: its own, or those that the recipe or the rows give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from packager.artifact import Signature
from packager.dataset.read import Dataset
from packager.errors import ConvertError, VerifyError
from packager.recipe.model import Recipe


def named(signature: Signature, names_are_own: bool, recipe: Recipe, dataset: Dataset | None) -> Signature:
    """Return the signature with the column names that rows and requests will use."""
    own = [column.name for column in signature.columns]
    names = recipe.data.features
    if names is None and dataset is not None:
        names = _as_written(own, dataset.columns) if names_are_own else _of_rows(dataset, recipe, len(own))
    if names is None:
        return signature
    if len(names) != len(own):
        where = "data.features" if recipe.data.features else "data.verification"
        shown = ", ".join([*names[:8], *(["…"] if len(names) > 8 else [])])
        kind = ConvertError if recipe.data.features else VerifyError
        raise kind(
            f"the model takes {len(own)} columns, {where} gives {len(names)}: {shown}",
            measured=len(names),
            limit=len(own),
            key=recipe.where(where),
            hint="name the feature columns in training order in data.features, and the label in data.label",
        )
    if names_are_own and set(names) == set(own):
        return signature
    columns = tuple(replace(column, name=name) for column, name in zip(signature.columns, names, strict=True))
    return replace(signature, columns=columns)


def _of_rows(dataset: Dataset, recipe: Recipe, count: int) -> tuple[str, ...]:
    """Return the columns of the rows but the label, and but that of segments where it is one too many."""
    names = tuple(name for name in dataset.columns if name != recipe.data.label)
    features = tuple(name for name in names if name != recipe.verify.segment)
    return features if len(features) == count else names


def _as_written(own: Sequence[str], written: Sequence[str]) -> tuple[str, ...] | None:
    """Return the model's names with the spaces that rows have where LightGBM keeps underscores, None where it fits."""
    spaced = {name.replace(" ", "_"): name for name in written if name not in own}
    names = tuple(spaced.get(name, name) if name not in written else name for name in own)
    return names if names != tuple(own) else None
