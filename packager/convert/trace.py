"""What a fitted model's own structure tells of its inputs: ranges, split thresholds, paths, categories.

Verification makes its rows from this, so that it needs no data and looks where conversions go wrong. Thresholds behind
a step that scales columns are mapped back to the columns that come in, where that step can invert itself.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from packager.artifact import Signature
from packager.convert import lightgbm_text, scikit_trees
from packager.convert.boundaries import before_float32, before_scaling
from packager.convert.graph import UnsupportedModel
from packager.convert.places import range_of
from packager.structure import Doubles, Structure, Trees, concatenate
from packager.training.categories import Categories, is_text, pandas_categories
from packager.training.columns import code_columns, text_columns
from packager.training.estimators import nested_estimators

# More nodes than this and a forest's structure is read from its first trees only.
_MAX_NODES = 200_000


def structure_of(model: Any, signature: Signature) -> Structure:
    """Read the structure of a fitted model with `signature`."""
    count = len(signature.columns)
    texts = text_columns(model)
    trees, gap = _trees_over_inputs(model, count)
    low, high = _ranges(model, count, trees)
    return Structure(low, high, trees, texts, gap, code_columns(model))


def _trees_over_inputs(model: Any, count: int) -> tuple[Trees | None, str | None]:
    """Return the trees with thresholds in terms of the incoming columns, or why there are none."""
    steps = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    before, final = [step for step in steps[:-1] if step not in (None, "passthrough")], steps[-1]
    try:
        found = _first_trees(_read_all(final))
    except UnsupportedModel as error:
        return None, str(error)
    found = [part for part in found if part.n_features == found[0].n_features]
    if not found:
        return None, None
    trees = concatenate(found)
    for step in reversed(before):
        mapped = _map_back(trees, step)
        if mapped is None:
            return None, f"thresholds behind {type(step).__name__} are not traced back to the columns"
        trees = mapped
    if trees.n_features != count:
        return None, "the trees read other columns than those that come in"
    return trees, None


def _read_all(model: Any) -> Iterator[Trees]:
    """Yield the trees of a model and of all that it holds, each ensemble's members over the ensemble's own columns."""
    told: set[int] = set()
    for estimator in nested_estimators(model):
        booster = getattr(estimator, "booster_", estimator)
        if hasattr(booster, "model_to_string"):
            trees = lightgbm_text.parse(booster.model_to_string(importance_type="split")).trees
            yield _with_category_values(trees, pandas_categories(estimator))
        elif hasattr(estimator, "_predictors"):
            trees, _ = scikit_trees.read_predictors(estimator, np.dtype(np.float32))
            yield _with_category_values(trees, scikit_trees.categories_of(estimator))
        elif id(estimator) not in told and scikit_trees.has_trees_only(estimator):
            for member, columns in scikit_trees.members_of(estimator):
                told.add(id(member))
                trees, _ = scikit_trees.read_tree(member.tree_, columns)
                if columns is not None:
                    trees = replace(trees, n_features=estimator.n_features_in_)
                yield replace(trees, threshold=before_float32(trees.threshold))


def _with_category_values(trees: Trees, known: Categories) -> Trees:
    """Return the trees with sets of values in place of codes, for pandas category columns of numbers."""
    categories = list(trees.categories)
    for node in np.flatnonzero(trees.category_set >= 0):
        values = known.get(int(trees.feature[node]))
        if values is not None and not is_text(values):
            index = trees.category_set[node]
            members = trees.categories[index].astype(np.int64)
            categories[index] = np.array([float(values[code]) for code in members if code < len(values)])
    return replace(trees, categories=tuple(categories))


def _first_trees(trees: Iterable[Trees]) -> list[Trees]:
    """Return the first trees, as many as rows are made for."""
    chosen, nodes = [], 0
    for part in trees:
        chosen.append(part)
        nodes += len(part.feature)
        if nodes > _MAX_NODES:
            break
    return chosen


def _map_back(trees: Trees, step: Any) -> Trees | None:
    """Return the trees over the columns that enter `step`: it must scale each column by a positive factor."""
    if _is_imputer(step, trees.n_features):
        return trees  # it leaves numbers alone
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn misses the columns' names
        scale, shift = _positive_scaling(step, trees.n_features)
    if scale is None or shift is None:
        return None
    numeric = trees.category_set < 0
    distinct, back = np.unique(
        np.stack([trees.feature[numeric].astype(np.float64), trees.threshold[numeric]]), axis=1, return_inverse=True
    )
    feature, above = distinct[0].astype(np.int64), distinct[1]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        moved = before_scaling(step.transform, feature, above, scale=scale, shift=shift)
    threshold = trees.threshold.copy()
    threshold[numeric] = moved[np.ravel(back)]
    return replace(trees, threshold=threshold)


def _is_imputer(step: Any, count: int) -> bool:
    """Tell whether a step fills missing cells and keeps the columns as they are."""
    statistics = getattr(step, "statistics_", ())
    return len(statistics) == count and not getattr(step, "add_indicator", False)


def _positive_scaling(step: Any, count: int) -> tuple[Doubles | None, Doubles | None]:
    """Return (scale, shift) with x = scale * step(x) + shift, tried on the step itself, or None where it has none."""
    if not hasattr(step, "inverse_transform"):
        return None, None
    # A row of unlike numbers shows a curve as well as columns that mix.
    probe = (1 + np.arange(count)) / (count + 2)
    asked = np.stack([np.zeros(count), np.ones(count), probe])
    try:
        found = np.asarray(step.inverse_transform(asked), dtype=np.float64)
        back = np.asarray(step.transform(found), dtype=np.float64)
    except Exception:  # noqa: BLE001 - a step that cannot invert such rows has no such form
        return None, None
    if found.shape != asked.shape or back.shape != asked.shape or not np.allclose(back, asked, rtol=1e-6):
        return None, None
    shift, whole, mixed = found
    scale = whole - shift
    is_linear = np.allclose(mixed - shift, probe * scale, rtol=1e-6) and (scale > 0).all()
    return (scale, shift) if is_linear else (None, None)


def _ranges(model: Any, count: int, trees: Trees | None) -> tuple[Doubles, Doubles]:
    """Return the ordinary range of each column: from scalers, from thresholds, from kept rows, else [-3, 3]."""
    low, high = np.full(count, -3.0), np.full(count, 3.0)
    first = model.steps[0][1] if hasattr(model, "steps") else model
    if getattr(first, "data_min_", None) is not None and len(first.data_min_) == count:
        return np.array(first.data_min_, float), np.array(first.data_max_, float)
    center, spread = getattr(first, "mean_", getattr(first, "center_", None)), getattr(first, "scale_", None)
    center, spread = np.asarray(center, dtype=object), np.asarray(spread, dtype=object)
    if center.shape == spread.shape == (count,):
        low, high = (center - 3 * spread).astype(np.float64), (center + 3 * spread).astype(np.float64)
    elif (seen := range_of(first, count)) is not None:
        low, high = seen
    if trees is not None:
        low, high = _widen_to_thresholds(low, high, trees)
    return low.astype(np.float64), high.astype(np.float64)


def _widen_to_thresholds(low: Doubles, high: Doubles, trees: Trees) -> tuple[Doubles, Doubles]:
    """Replace the range of every column that splits by the range of its thresholds and categories."""
    low, high = low.copy(), high.copy()
    for column in range(trees.n_features):
        nodes = trees.feature == column
        numeric = trees.threshold[nodes & (trees.category_set < 0)]
        members = [trees.categories[index] for index in np.unique(trees.category_set[nodes]) if index >= 0]
        values = np.concatenate([numeric, *members])
        values = values[np.isfinite(values) & (np.abs(values) < 1e30)]
        if len(values):
            margin = max((values.max() - values.min()) / 4, 1e-3 * abs(values).max(), 1e-6)
            low[column], high[column] = values.min() - margin, values.max() + margin
    return low, high
