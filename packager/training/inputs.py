"""In which form a model takes its rows, told by the steps that rows reach first: a table, a list, or dictionaries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from packager.errors import ConvertError
from packager.training.estimators import feature_count, is_foreign, own_feature_names

Form = Literal["table", "list", "records"]

# What takes rows that are no rows of a table, and what to do about it.
_NO_TABLE = {
    "FeatureHasher": (
        "takes rows of any keys, so that no columns can be named",
        "use DictVectorizer, or an encoder of named columns",
    ),
    "MultiLabelBinarizer": (
        "takes sets of labels, which no cell of a row holds",
        "it prepares labels for training: register the classifier alone, or send one column of 0 and 1 for each label",
    ),
    "PatchExtractor": ("takes images, which no row of a table holds", "extract the patches before the rows are sent"),
}


def form_of(model: Any) -> Form:
    """Return how rows go in: vectorizers of text and label encoders take one column as a list."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.preprocessing import LabelBinarizer, LabelEncoder

    steps = list(first_steps(model))
    if any(reads_text(step) or isinstance(step, LabelBinarizer | LabelEncoder) for step in steps):
        return "list"
    return "records" if any(isinstance(step, DictVectorizer) for step in steps) else "table"


def reads_text(step: Any) -> bool:
    """Tell whether a step takes texts as they are written, to find words in them."""
    return hasattr(step, "build_analyzer")


def first_steps(model: Any) -> Iterator[Any]:
    """Yield the innermost estimators that rows reach first; one that counts its columns stands for all within it."""
    inner = [] if feature_count(model) is not None else [step for step in _handed_on(model) if step is not model]
    for step in inner:
        yield from first_steps(step)
    if not inner:
        yield model


def _handed_on(model: Any) -> list[Any]:
    """Return the estimators that a model hands its rows on to as they are."""
    if hasattr(model, "steps"):
        return [step for _, step in model.steps if hasattr(step, "get_params")][:1]
    if hasattr(model, "transformer_list"):
        return [step for _, step in model.transformer_list if hasattr(step, "get_params")]
    for name in ("best_estimator_", "estimator_", "regressor_", "estimators_", "calibrated_classifiers_", "estimator"):
        held = getattr(model, name, None)
        if held is not None:
            found = list(np.ravel(np.array(held, dtype=object))) if isinstance(held, list) else [held]
            found = [getattr(one, "estimator", one) if name == "calibrated_classifiers_" else one for one in found]
            return [one for one in found if hasattr(one, "get_params")]
    return []


def column_count(model: Any) -> int | None:
    """Return how many columns the model takes, None where it cannot be told."""
    from sklearn.isotonic import IsotonicRegression

    form = form_of(model)
    if form == "records":
        return len(record_columns(model))
    if form == "list" or all(isinstance(step, IsotonicRegression) for step in first_steps(model)):
        return 1
    if (count := feature_count(model)) is not None:
        return count
    # An ensemble asks its first member, which tells nothing where it is a pipeline whose first step is idle.
    counts = {feature_count(step) for step in first_steps(model)} - {None}
    return counts.pop() if len(counts) == 1 else None


def check_columns(model: Any) -> None:
    """Raise ConvertError, which names the step, where the rows that a model takes cannot be told, or not sent."""
    if form_of(model) == "records":
        _check_records(model)
    if column_count(model) is not None:
        return
    first = next(first_steps(model))
    kind = type(first).__name__
    hint = "fit it on a table of named columns"
    if is_foreign(first):
        hint = "have its fit() call sklearn.utils.validation.validate_data, which counts them"
    known = "does not say how many columns it takes (n_features_in_)", hint
    told, hint = _NO_TABLE.get(kind, known)
    raise ConvertError(f"{kind} {told}", hint=hint)


def column_names(model: Any) -> tuple[str, ...] | None:
    """Return the column names that the model was fitted on, keys of dictionaries among them, or None."""
    return tuple(record_columns(model)) if form_of(model) == "records" else own_feature_names(model)


def record_columns(model: Any) -> dict[str, tuple[str, ...]]:
    """Return the keys that DictVectorizers know, each with its texts; none for a number.

    The name of a feature is a key, or a key and one of its texts.
    """
    found: dict[str, tuple[str, ...]] = {}
    for key, text in _records(model):
        found[str(key)] = (*found.get(str(key), ()), *(() if text is None else (text,)))
    return found


def _check_records(model: Any) -> None:
    columns = record_columns(model)
    for key, text in _records(model):
        if not isinstance(key, str):
            raise ConvertError(f"DictVectorizer knows a key of the type {type(key).__name__}, and a request holds text")
        if text is None and columns[key]:
            raise ConvertError(
                f"DictVectorizer knows numbers and text under the key {key!r}, and a request can hold only one of them",
                hint="give the two values keys of their own",
            )


def _records(model: Any) -> Iterator[tuple[Any, str | None]]:
    """Yield the key of every feature, and its text, None for a number."""
    for step in first_steps(model):
        for name in getattr(step, "feature_names_", ()):
            key, is_text, text = name.partition(step.separator) if isinstance(name, str) else (name, "", "")
            yield key, text if is_text else None


def made_names(model: Any, count: int) -> tuple[str, ...]:
    """Return names for the columns of a model that was fitted without any."""
    if count == 1 and form_of(model) == "list" and any(map(reads_text, first_steps(model))):
        return ("text",)
    return tuple(f"feature_{index}" for index in range(count))
