"""How the columns that come in reach a model's encoders: which are text, which hold codes, what a missing cell is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.errors import ConvertError
from packager.training.categories import Categories, is_text, pandas_categories
from packager.training.estimators import feature_count
from packager.training.inputs import column_count, reads_text, record_columns
from packager.training.texts import made_texts

# A column that a step has made: none of those that come in.
_MADE = -1
# Models that hand their rows on without a look at them, and where they keep what gets them.
_LOOKING_AWAY = {
    "CalibratedClassifierCV": "calibrated_classifiers_",
    "FixedThresholdClassifier": "estimator_",
    "StackingClassifier": "estimators_",
    "StackingRegressor": "estimators_",
    "TransformedTargetRegressor": "regressor_",
    "TunedThresholdClassifierCV": "estimator_",
    "VotingClassifier": "estimators_",
    "VotingRegressor": "estimators_",
}


def category_columns(model: Any) -> Categories:
    """Return the pandas category columns of every LightGBM model that reads columns as they come in."""
    found = dict(pandas_categories(model))
    for step, columns in steps_by_columns(model):
        for at, known in pandas_categories(step).items():
            if at < len(columns) and found.setdefault(columns[at], known) != known:
                raise ConvertError(f"two parts of the model know column {columns[at]} by different pandas categories")
    return {column: known for column, known in found.items() if column != _MADE}


def text_columns(model: Any) -> dict[int, tuple[str, ...]]:
    """Return the columns that the model reads as text, each with texts that it knows, from its fitted steps."""
    found: dict[int, tuple[str, ...]] = {
        column: tuple(map(str, known)) for column, known in category_columns(model).items() if is_text(known)
    }
    readers = list(steps_by_columns(model))
    for step, columns in readers:
        if reads_text(step) and columns:
            found[columns[0]] = found.get(columns[0]) or made_texts(step)
        for column, values in _encoded(step, columns):
            if _is_text(values):
                found.setdefault(column, _texts(values))
    found.update((column, texts) for column, texts in enumerate(record_columns(model).values()) if texts)
    codes = code_columns(model)
    for step, columns in readers:  # an encoder behind an imputer knows better what the column holds
        for column, fill in _filled(step, columns):
            if isinstance(fill, str) and column not in codes:
                found.setdefault(column, (fill,))
    return {column: known for column, known in sorted(found.items()) if column != _MADE}


def code_columns(model: Any) -> dict[int, npt.NDArray[np.float64]]:
    """Return the columns of numbers that an encoder reads as codes, each with the codes that it knows."""
    found: dict[int, npt.NDArray[np.float64]] = {}
    for step, columns in steps_by_columns(model):
        for column, values in _encoded(step, columns):
            if not _is_text(values):
                found.setdefault(column, _numbers(values))
    return {column: codes for column, codes in sorted(found.items()) if len(codes) and column != _MADE}


def truth_columns(model: Any) -> frozenset[int]:
    """Return the columns whose categories are true and false."""
    readers = steps_by_columns(model)
    known = [(column, values) for step, columns in readers for column, values in _encoded(step, columns)]
    known += [(column, np.array(values, dtype=object)) for column, values in category_columns(model).items()]
    return frozenset(
        column
        for column, values in known
        if len(values)
        and column != _MADE
        and all(isinstance(value, bool) for value in values.tolist() if value == value)
    )


def unread_columns(model: Any) -> frozenset[int]:
    """Return the columns that every ColumnTransformer at the model's front leaves out, whatever they hold."""
    columns = range(feature_count(model) or 0)
    return frozenset(columns) - _read(model, list(columns))


def _read(step: Any, columns: list[int]) -> set[int]:
    """Return those of the columns that come in to a step which it does not leave out unread."""
    if isinstance(step, str) and step == "drop":
        return set()
    parts: list[tuple[Any, list[int]]]
    if hasattr(step, "steps"):
        parts = [(next((inner for _, inner in step.steps if hasattr(inner, "get_params")), "passthrough"), columns)]
    elif hasattr(step, "_transformer_to_input_indices") and hasattr(step, "transformers_"):
        places = step._transformer_to_input_indices
        parts = [(inner, [columns[at] for at in places.get(name, ())]) for name, inner, _ in step.transformers_]
    elif hasattr(step, "transformer_list"):
        parts = [(inner, columns) for _, inner in step.transformer_list]
    else:
        parts = [(inner, columns) for inner in _only_handed_on(step)]
    return set().union(*(_read(inner, own) for inner, own in parts)) if parts else set(columns)


def _only_handed_on(model: Any) -> list[Any]:
    """Return the estimators to which a model hands its rows on without a look at them."""
    if getattr(model, "passthrough", False):  # a stack that reads the rows itself as well
        return []
    name = _LOOKING_AWAY.get(type(model).__name__)
    held = getattr(model, name, None) if name else getattr(model, "best_estimator_", None)
    found = held if isinstance(held, list) else [] if held is None else [held]
    return [getattr(one, "estimator", one) if name == "calibrated_classifiers_" else one for one in found]


def columns_of_none(model: Any) -> frozenset[int]:
    """Return the columns whose missing cells the model knows as None; it knows all others as NaN."""
    found: set[int] = set()
    for step, columns in steps_by_columns(model):
        found |= {column for column, values in _encoded(step, columns) if any(value is None for value in values)}
        found |= {column for column, fill in _filled(step, columns) if fill is None}
        if getattr(step, "missing_values", np.nan) is None:
            found.update(columns)
    return frozenset(found - {_MADE})


def strict_columns(model: Any) -> frozenset[int]:
    """Return the columns of labels: what label encoders make of others depends on the rows beside them."""
    encoders = (columns for step, columns in steps_by_columns(model) if _is_label_encoder(step))
    return frozenset(column for columns in encoders for column in columns)


def steps_by_columns(model: Any) -> Iterator[tuple[Any, list[int]]]:
    """Yield every step that reads columns as they come in, with their positions, negative for one that a step made.

    Imputers pass columns on.
    """
    yield from _visit(model, list(range(column_count(model) or 1)))


def _visit(step: Any, columns: list[int]) -> Iterator[tuple[Any, list[int]]]:
    if hasattr(step, "steps"):
        for _, inner in step.steps:
            yield from _visit(inner, columns)
            columns = _passed_on(inner, columns)
            if not columns:
                return
    elif hasattr(step, "_transformer_to_input_indices") and hasattr(step, "transformers_"):
        for _, inner, places in _by_columns(step, columns):
            yield from _visit(inner, places)
    elif hasattr(step, "transformer_list"):
        for _, inner in step.transformer_list:
            yield from _visit(inner, columns)
    elif hasattr(step, "get_params"):
        yield step, columns
        for inner, places in _members(step, columns):
            yield from _visit(inner, places)


def _by_columns(step: Any, columns: list[int]) -> Iterator[tuple[str, Any, list[int]]]:
    """Yield name, step and incoming columns of each part of a ColumnTransformer."""
    positions = step._transformer_to_input_indices
    for name, inner, _ in step.transformers_:
        places = [int(index) for index in positions.get(name, ())]
        if all(place < len(columns) for place in places):
            yield name, inner, [columns[place] for place in places]


def _members(step: Any, columns: list[int]) -> Iterator[tuple[Any, list[int]]]:
    """Yield the estimators that a step hands its rows on to, with their columns."""
    drawn = getattr(step, "estimators_features_", None)
    if drawn is not None:
        for inner, places in zip(step.estimators_, drawn, strict=True):
            yield inner, [columns[place] for place in places]
        return
    for name, value in vars(step).items():
        for held in value if isinstance(value, list | tuple) else (value,):
            if _is_label_encoder(held) or (name.startswith("_") and not hasattr(held, "transformers_")):
                continue  # it reads labels, or what the step has made of the rows
            inner = held.estimator if hasattr(held, "calibrators") else held  # a calibrated classifier is no estimator
            if hasattr(inner, "get_params") and not isinstance(inner, type) and _count(inner) in (None, len(columns)):
                yield inner, columns


def _passed_on(step: Any, columns: list[int]) -> list[int]:
    """Return which incoming column each column behind a step is, `_MADE` for those it made; none where it mixes."""
    is_identity = type(step).__name__ == "FunctionTransformer" and step.func is None
    if step is None or is_identity or isinstance(step, str):  # passthrough
        return columns
    if hasattr(step, "steps"):
        for _, inner in step.steps:
            columns = _passed_on(inner, columns)
        return columns
    if hasattr(step, "statistics_") and hasattr(step, "indicator_"):
        kept = [column for column, keeps in zip(columns, _keeps(step), strict=False) if keeps]
        return kept + [_MADE] * (0 if step.indicator_ is None else len(step.indicator_.features_))
    if hasattr(step, "_transformer_to_input_indices") and hasattr(step, "output_indices_"):
        return _passed_on_by_columns(step, columns)
    return []


def _passed_on_by_columns(step: Any, columns: list[int]) -> list[int]:
    slices = step.output_indices_
    behind = [_MADE] * max((place.stop for place in slices.values()), default=0)
    for name, inner, places in _by_columns(step, columns):
        passed = _passed_on(inner, places)
        if len(passed) == slices[name].stop - slices[name].start:
            behind[slices[name]] = passed
    return behind


def _keeps(imputer: Any) -> npt.NDArray[np.bool_]:
    """Return which columns a SimpleImputer keeps: those with a value in training."""
    statistics = np.asarray(imputer.statistics_, dtype=object)
    if getattr(imputer, "keep_empty_features", False):
        return np.ones(len(statistics), dtype=bool)
    return np.asarray(statistics == statistics, dtype=bool)  # NaN is unlike itself


def _filled(step: Any, columns: list[int]) -> Iterator[tuple[int, object]]:
    """Yield each column of an imputer with what a missing cell becomes, or is."""
    marker = getattr(step, "missing_values", None)
    fills = getattr(step, "statistics_", [marker] * len(columns) if isinstance(marker, str) else [])
    if len(fills) == len(columns):
        yield from zip(columns, fills, strict=True)


def _encoded(step: Any, columns: list[int]) -> list[tuple[int, npt.NDArray[np.generic]]]:
    """Return each column with the categories that an encoder has for it; none where it has read other columns."""
    categories = [step.classes_] if _is_label_encoder(step) else getattr(step, "categories_", None)
    if categories is None and hasattr(step, "n_categories_"):  # CategoricalNB counts from 0
        categories = [np.arange(int(count)) for count in step.n_categories_]
    if not isinstance(categories, list) or len(categories) != len(columns):
        return []
    return [(column, np.asarray(values)) for column, values in zip(columns, categories, strict=True)]


def _is_label_encoder(step: Any) -> bool:
    from sklearn.preprocessing import LabelBinarizer, LabelEncoder

    return isinstance(step, LabelBinarizer | LabelEncoder) and hasattr(step, "classes_")


def _count(step: Any) -> int | None:
    try:
        return feature_count(step)
    except Exception:  # noqa: BLE001 - a model that was never fitted can't say
        return 0


def _is_text(values: npt.NDArray[np.generic]) -> bool:
    return values.dtype.kind == "U" or (values.dtype == object and any(isinstance(value, str) for value in values))


def _texts(values: npt.NDArray[np.generic]) -> tuple[str, ...]:
    """Return the texts among categories; ConvertError where numbers lie between them."""
    texts = tuple(value for value in values.tolist() if isinstance(value, str))
    if any(not isinstance(value, str) and value is not None and value == value for value in values.tolist()):
        message = "a column mixes numbers and text, and a request can hold only one of them"
        raise ConvertError(message, hint="make the column text before training, as with astype(str)")
    return texts


def _numbers(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Return categories as numbers, without missing ones; ConvertError where they are no numbers, or inexact ones."""
    known = [value for value in values.tolist() if value is not None and value == value]
    if not all(isinstance(value, int | float) for value in known):
        told = ", ".join(sorted({type(value).__name__ for value in known}))
        message = f"an encoder knows categories of the type {told}, and a request holds numbers or text"
        raise ConvertError(message, hint="train on text instead, dates in the form 2024-01-31: as with astype(str)")
    numbers = np.array(known, dtype=np.float64)
    if numbers.tolist() != known:
        raise ConvertError(
            "an encoder knows whole numbers beyond 2**53, which float64 cannot hold exactly",
            hint="make the column text before training",
        )
    return numbers[np.isfinite(numbers)]
