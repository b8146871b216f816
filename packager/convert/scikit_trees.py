"""scikit-learn's fitted trees as arrays: single trees, the members of any ensemble of them, HistGradientBoosting's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.convert.limits import check_trees_fit
from packager.structure import Doubles, Flags, Ints, Trees, concatenate

# A bitset of HistGradientBoosting has eight words of 32 categories.
_BITS = 256


def members_of(model: Any) -> list[tuple[Any, Ints | None]]:
    """Return the members of an ensemble that predict, each with the columns that it reads, None for all of them.

    A single tree is its own member.
    """
    members = getattr(model, "estimators_", None)
    if members is None:
        return [(model, None)]
    members = list(members.ravel() if isinstance(members, np.ndarray) else members)
    drawn = getattr(model, "estimators_features_", None)
    if drawn is None:
        return [(member, None) for member in members]
    every = np.arange(model.n_features_in_)
    return [
        (member, None if np.array_equal(columns, every) else np.asarray(columns, dtype=np.int64))
        for member, columns in zip(members, drawn, strict=True)
    ]


def path_lengths(model: Any) -> list[Doubles] | None:
    """Return what each leaf of each tree of an IsolationForest adds to a row's path length, [leaves] a tree.

    None of other models, and where a version of scikit-learn fitted it that keeps no path lengths.
    """
    depths = getattr(model, "_decision_path_lengths", None)
    if depths is None:
        return None
    return [
        (depth + average - 1.0)[member.tree_.children_left < 0]
        for member, depth, average in zip(model.estimators_, depths, model._average_path_length_per_tree, strict=True)
    ]


def has_trees_only(model: Any) -> bool:
    """Tell whether every member is a single tree."""
    return all(hasattr(member, "tree_") for member, _ in members_of(model))


def read_members(model: Any, dtype: np.dtype[np.floating]) -> tuple[Trees, list[Doubles]]:
    """Return the trees of an ensemble over its own columns, and per tree its leaf values [leaves, outputs, classes].

    Raises ConvertError where they would not fit a file in `dtype`.
    """
    _check_fit(model, dtype)
    fitted = [read_tree(member.tree_, columns) for member, columns in members_of(model)]
    trees = concatenate([tree for tree, _ in fitted])
    return replace(trees, n_features=model.n_features_in_), [values for _, values in fitted]


def _check_fit(model: Any, dtype: np.dtype[np.floating]) -> None:
    members = [member.tree_ for member, _ in members_of(model)]
    width = members[0].max_n_classes * members[0].n_outputs
    n_nodes = sum(tree.node_count for tree in members)
    n_leaves = (n_nodes + len(members)) // 2  # every split has two children
    check_trees_fit(model, dtype, n_splits=n_nodes - n_leaves, n_leaves=n_leaves, width=width if width > 1 else 0)


def read_tree(tree: Any, columns: Ints | None = None) -> tuple[Trees, Doubles]:
    """Return one fitted `sklearn.tree._tree.Tree` and its leaf values, of shape [leaves, outputs, classes].

    `columns`: which of the ensemble's columns each of the tree's columns is.
    """
    is_leaf = tree.children_left < 0
    split = ~is_leaf
    feature = tree.feature[split].astype(np.int64)
    missing_left = getattr(tree, "missing_go_to_left", None)  # trees learn missing values since 1.3
    trees = _tree(
        is_leaf,
        children=(tree.children_left[split], tree.children_right[split]),
        feature=feature if columns is None else columns[feature],
        threshold=tree.threshold[split],
        missing_left=np.zeros(split.sum(), bool) if missing_left is None else missing_left[split].astype(bool),
        n_features=tree.n_features if columns is None else int(columns.max()) + 1,
    )
    return trees, tree.value[is_leaf]


def read_predictors(model: Any, dtype: np.dtype[np.floating]) -> tuple[Trees, Doubles]:
    """Return a HistGradientBoosting model's trees over the columns that come in, and their leaf values [leaves].

    The columns of categories hold codes: see `categories_of`. Raises ConvertError where they would not fit a file.
    """
    sizes = [len(item.nodes) for stage in model._predictors for item in stage]
    n_leaves = (sum(sizes) + len(sizes)) // 2
    check_trees_fit(model, dtype, n_splits=sum(sizes) - n_leaves, n_leaves=n_leaves)
    order = _incoming_order(model)
    fitted = [_read_predictor(item, order) for stage in model._predictors for item in stage]
    trees = concatenate([tree for tree, _ in fitted])
    return replace(trees, n_features=model.n_features_in_), np.concatenate([leaves for _, leaves in fitted])


def categories_of(model: Any) -> dict[int, tuple[Any, ...]]:
    """Return per categorical column of a HistGradientBoosting model its values, in the order of their codes.

    What is none of them is missing to the trees: an unknown value, a fraction, a missing cell.
    """
    preprocessor = getattr(model, "_preprocessor", None)
    if preprocessor is None:
        return {}
    encoder = preprocessor.named_transformers_["encoder"]
    columns = preprocessor._transformer_to_input_indices["encoder"]
    return {
        int(column): tuple(value for value in values.tolist() if value is not None and value == value)
        for column, values in zip(columns, encoder.categories_, strict=True)
    }


def _incoming_order(model: Any) -> Ints:
    """Return which incoming column each column of the trees is: the encoder puts categories first."""
    preprocessor = getattr(model, "_preprocessor", None)
    if preprocessor is None:
        return np.arange(model.n_features_in_)
    places = preprocessor._transformer_to_input_indices
    return np.concatenate([np.asarray(places[name], dtype=np.int64) for name, *_ in preprocessor.transformers_])


def _read_predictor(predictor: Any, order: Ints) -> tuple[Trees, Doubles]:
    """Return one HistGradientBoosting tree from its node records, and its leaf values [leaves]."""
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    split = nodes[~is_leaf]
    sets = [_members(words) for words in predictor.raw_left_cat_bitsets]
    is_category = split["is_categorical"].astype(bool)
    # Only missing cells go left where a set is empty: no number is below -inf.
    is_empty = is_category & np.array([not len(sets[index]) if sets else False for index in split["bitset_idx"]], bool)
    trees = _tree(
        is_leaf,
        children=(split["left"].astype(np.int64), split["right"].astype(np.int64)),
        feature=order[split["feature_idx"].astype(np.int64)],
        threshold=np.where(is_empty, -np.inf, np.where(is_category, 0.0, split["num_threshold"])),
        missing_left=split["missing_go_to_left"].astype(bool),
        n_features=len(order),
    )
    category_set = np.where(is_category & ~is_empty, split["bitset_idx"].astype(np.int64), -1)
    trees = replace(trees, category_set=category_set, categories=tuple(sets))
    return trees, nodes["value"][is_leaf].astype(np.float64)


def _members(words: npt.NDArray[np.uint32]) -> Doubles:
    """Return the codes of one bitset: bit b of word w is code 32 w + b."""
    bits = np.unpackbits(np.ascontiguousarray(words, dtype="<u4").view(np.uint8), bitorder="little")
    return np.flatnonzero(bits[:_BITS]).astype(np.float64)


def _tree(
    is_leaf: Flags,
    *,
    children: tuple[Ints, Ints],
    feature: Ints,
    threshold: Doubles,
    missing_left: Flags,
    n_features: int,
) -> Trees:
    """Return one tree from what is told per split; children are nodes of the original, numbered with their leaves."""
    number = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1).astype(np.int64)
    left, right = children
    return Trees(
        n_features=n_features,
        roots=number[:1],
        feature=feature,
        threshold=threshold.astype(np.float64),
        left=number[left],
        right=number[right],
        missing_left=missing_left,
        category_set=np.full(len(feature), -1, dtype=np.int64),
        categories=(),
        leaves_per_tree=np.array([is_leaf.sum()]),
    )
