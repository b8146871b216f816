"""What a fitted model's own structure tells of its inputs: ranges, split thresholds, paths, categories.

Verification makes its rows from this, so that it needs no data and looks where conversions go wrong. Thresholds behind
a pipeline's first steps are told in terms of the columns that come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from packager.artifact import Signature
from packager.convert import lightgbm_text, scikit_trees
from packager.convert.boundaries import before_float32
from packager.convert.fronts import Front, before_steps
from packager.convert.graph import UnsupportedModel
from packager.convert.places import range_of
from packager.structure import Doubles, Structure, Trees, concatenate
from packager.training.categories import Categories, is_text, pandas_categories
from packager.training.columns import code_columns, steps_by_columns, text_columns
from packager.training.estimators import held_estimators
from packager.training.native import NativeModel, plain_row

Steps = tuple[Any, ...]

# More nodes than this and a forest's structure is read from its first trees only.
_MAX_NODES = 200_000
# The number of features of trees that read no columns: one that no rows have.
_OTHERS = -1


def structure_of(model: Any, signature: Signature) -> Structure:
    """Read the structure of a fitted model with `signature`."""
    asked = _Asked(model, signature, text_columns(model), code_columns(model))
    found: list[Trees] = []
    gap = None
    try:
        for steps, trees in _by_front(_read_all(model, ())):
            if (traced := asked.over_inputs(trees, steps)) is not None:
                found.append(traced)
            else:
                gap = "some trees read other columns than those that come in"
    except UnsupportedModel as error:
        found, gap = [], str(error)
    traced_trees = concatenate(found) if found else None
    low, high = _ranges(model, len(signature.columns), traced_trees)
    return Structure(low, high, traced_trees, asked.texts, gap, asked.codes)


def _by_front(parts: Iterable[tuple[Steps, Trees]]) -> Iterator[tuple[Steps, Trees]]:
    """Yield the first trees, as many as rows are made for, those behind the same steps as one ensemble."""
    fronts: dict[tuple[int, ...], tuple[Steps, list[Trees]]] = {}
    nodes = 0
    for steps, part in parts:
        fronts.setdefault((part.n_features, *map(id, steps)), (steps, []))[1].append(part)
        nodes += len(part.feature)
        if nodes > _MAX_NODES:
            break
    for steps, trees in fronts.values():
        yield steps, concatenate(trees)


@dataclass(frozen=True)
class _Asked:
    """A model and what is known of its columns: what trees behind its steps are traced with."""

    model: Any
    signature: Signature
    texts: dict[int, tuple[str, ...]]
    codes: dict[int, Doubles]

    def over_inputs(self, trees: Trees, steps: Steps) -> Trees | None:
        """Return the trees with thresholds in terms of the incoming columns, None where they read other columns.

        UnsupportedModel where thresholds behind the steps have no such form.
        """
        if not steps:
            return trees if trees.n_features == len(self.signature.columns) else None
        told = ", ".join(type(step).__name__ for step in steps)
        try:
            return before_steps(trees, self._front(steps))
        except UnsupportedModel as error:
            raise UnsupportedModel(f"thresholds behind {told} are not traced back to the columns: {error}") from error

    def _front(self, steps: Steps) -> Front:
        native, columns = NativeModel(self.model), self.signature.columns
        known = {column: np.arange(len(values), dtype=np.float64) for column, values in self.texts.items()} | self.codes
        for column, values in known.items():
            if columns[column].known is None:  # one that no encoder knows, which the model takes
                known[column] = np.append(values, values.max(initial=-1.0) + 1)
        base = plain_row(native, len(columns), self.texts, self.codes)
        numeric = [index for index in range(len(columns)) if index not in known]
        unlike = base.take(np.zeros(1, dtype=np.intp))
        unlike.numbers[:, numeric] = (1 + np.arange(len(numeric))) / (2 + len(numeric))  # mixtures show between them
        base = unlike if native.tolerant_answers(unlike)[1].all() else base
        return Front(native, steps, base, self.signature, self.texts, known)


def _read_all(model: Any, steps: Steps) -> Iterator[tuple[Steps, Trees]]:
    """Yield the trees of a model and of all that it holds, with the steps ahead of them.

    Members of an ensemble of trees are read over the ensemble's own columns. A stack's last estimator reads what others
    answer, which is a gap even where there are as many of these as there are columns.
    """
    booster = getattr(model, "booster_", model)
    if hasattr(model, "steps"):
        ahead = [step for _, step in model.steps[:-1] if step not in (None, "passthrough")]
        yield from _read_all(model.steps[-1][1], (*steps, *ahead))
    elif hasattr(booster, "model_to_string"):
        parsed = lightgbm_text.parse(booster.model_to_string(importance_type="split"))
        trees = parsed.trees if parsed.linear is not None else _with_kinds(parsed.trees, parsed.leaf_values)
        yield steps, _with_category_values(trees, pandas_categories(model))
    elif hasattr(model, "_predictors"):
        trees, values = scikit_trees.read_predictors(model, np.dtype(np.float32))
        yield steps, _with_category_values(_with_kinds(trees, values), scikit_trees.categories_of(model))
    elif scikit_trees.has_trees_only(model):
        lengths = scikit_trees.path_lengths(model)
        for number, (member, columns) in enumerate(scikit_trees.members_of(model)):
            trees, values = scikit_trees.read_tree(member.tree_, columns)
            trees = _with_kinds(trees, values if lengths is None else lengths[number])
            if columns is not None:
                trees = replace(trees, n_features=model.n_features_in_)
            yield steps, replace(trees, threshold=before_float32(trees.threshold))
    else:
        last = getattr(model, "final_estimator_", None)
        for held in held_estimators(model).values():
            for front, trees in _read_all(held, steps):
                yield front, replace(trees, n_features=_OTHERS) if held is last else trees


def _with_kinds(trees: Trees, values: Doubles) -> Trees:
    """Return the trees with leaves of one kind where they hold the same; `values` are of shape [leaves, …]."""
    _, kind = np.unique(values.reshape(len(values), -1), axis=0, return_inverse=True)
    return replace(trees, leaf_kind=np.ravel(kind).astype(np.int64))


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


def _ranges(model: Any, count: int, trees: Trees | None) -> tuple[Doubles, Doubles]:
    """Return the ordinary range of each column: from scalers, from thresholds, from kept rows, else [-3, 3]."""
    low, high = np.full(count, -3.0), np.full(count, 3.0)
    for step, columns in steps_by_columns(model):
        told = _range_of(step) or range_of(step, len(columns))
        if told is not None and len(told[0]) == len(columns):
            known = np.array([column >= 0 for column in columns])
            low[np.array(columns)[known]], high[np.array(columns)[known]] = told[0][known], told[1][known]
    if trees is not None:
        low, high = _widen_to_thresholds(low, high, trees)
    return low, high


def _range_of(step: Any) -> tuple[Doubles, Doubles] | None:
    """Return between what numbers a scaler has seen its columns, at three deviations where it kept no more."""
    if getattr(step, "data_min_", None) is not None:
        return np.array(step.data_min_, dtype=np.float64), np.array(step.data_max_, dtype=np.float64)
    center = np.asarray(getattr(step, "mean_", getattr(step, "center_", None)), dtype=object)
    spread = np.asarray(getattr(step, "scale_", None), dtype=object)
    if center.ndim != 1 or center.shape != spread.shape:
        return None
    return (center - 3 * spread).astype(np.float64), (center + 3 * spread).astype(np.float64)


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
