"""A TreeEnsemble node's attributes as trees in preorder.

In: a node of `ai.onnx.ml` 5 in double. Out: its splits, leaves and sums as arrays; NotApplicable where the node does
what this form cannot do. Level by level, all trees at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from packager.binned.graph_view import attribute
from packager.binned.pack import NotApplicable
from packager.structure import Doubles, Flags, Ints

if TYPE_CHECKING:
    from onnx import NodeProto

# From the operator's definition.
_MODE_LEQ, _MODE_MEMBER = 0, 6
_AGGREGATE_SUM, _POST_TRANSFORM_NONE = 1, 0


@dataclass(frozen=True)
class _Trees:
    """What splits ask and what leaves add, in whatever order."""

    feature: Ints  # [splits]
    threshold: Doubles  # [splits]
    missing_left: Flags  # [splits]
    category_set: Ints  # [splits], -1 where the split is numeric
    categories: tuple[Doubles, ...]
    weights: Doubles  # [leaves]
    targets: Ints  # [leaves]
    n_targets: int


@dataclass(frozen=True)
class TreeArrays(_Trees):
    """Splits, and leaves, tree after tree in preorder: a node, all below its left side, all below its right one."""

    left_is_leaf: Flags  # [splits]
    right_is_leaf: Flags  # [splits]
    sizes: Ints  # [trees], in leaves

    @property
    def leaf_tree(self) -> Ints:
        """Return the tree of every leaf."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @property
    def tree_targets(self) -> Ints:
        """Return the target that all leaves of a tree add to, per tree; NotApplicable where a tree has several."""
        first = self.targets[np.cumsum(self.sizes) - self.sizes]
        if not np.array_equal(first[self.leaf_tree], self.targets):
            raise NotApplicable("the leaves of a tree add to several outputs")
        return np.asarray(first)


@dataclass(frozen=True)
class Nodes(_Trees):
    """Splits and leaves as a node numbers them: a child >= 0 is a split, a child < 0 is the leaf `~child`."""

    roots: Ints  # [trees]
    left: Ints  # [splits]
    right: Ints  # [splits]


def read_nodes(node: NodeProto) -> Nodes:
    """Return the trees of a node as it holds them."""
    splits = np.asarray(attribute(node, "nodes_splits"))
    _check(node, splits)
    modes = np.asarray(attribute(node, "nodes_modes")).reshape(-1)
    if not np.isin(modes, (_MODE_LEQ, _MODE_MEMBER)).all():
        raise NotApplicable("a split compares in another way than by <= or by membership")
    is_set = modes == _MODE_MEMBER
    left, right = (_children(node, side) for side in ("true", "false"))
    return Nodes(
        roots=attribute(node, "tree_roots"),
        left=left,
        right=right,
        feature=attribute(node, "nodes_featureids"),
        threshold=splits,
        missing_left=attribute(node, "nodes_missing_value_tracks_true", np.zeros(len(splits), dtype=np.int64)) != 0,
        category_set=np.where(is_set, np.cumsum(is_set) - 1, -1),
        categories=_sets(attribute(node, "membership_values"), int(is_set.sum())),
        weights=np.asarray(attribute(node, "leaf_weights")),
        targets=attribute(node, "leaf_targetids"),
        n_targets=int(attribute(node, "n_targets")),
    )


def in_preorder(nodes: Nodes) -> TreeArrays:
    """Return the trees in preorder; NotApplicable where the nodes form none."""
    order = _preorder(nodes.roots, nodes.left, nodes.right)
    return TreeArrays(
        feature=nodes.feature[order.splits],
        threshold=nodes.threshold[order.splits],
        missing_left=nodes.missing_left[order.splits],
        category_set=nodes.category_set[order.splits],
        categories=nodes.categories,
        left_is_leaf=nodes.left[order.splits] < 0,
        right_is_leaf=nodes.right[order.splits] < 0,
        sizes=order.sizes,
        weights=nodes.weights[order.leaves],
        targets=nodes.targets[order.leaves],
        n_targets=nodes.n_targets,
    )


def _check(node: NodeProto, splits: Doubles) -> None:
    if splits.dtype != np.float64:
        raise NotApplicable("its trees compare in float32")
    if attribute(node, "aggregate_function", _AGGREGATE_SUM) != _AGGREGATE_SUM:
        raise NotApplicable("its trees do not add up")
    if attribute(node, "post_transform", _POST_TRANSFORM_NONE) != _POST_TRANSFORM_NONE:
        raise NotApplicable("a link is part of its trees")


def _children(node: NodeProto, side: str) -> Ints:
    """Return the children of one side: a node, or `~leaf`."""
    ids, is_leaf = (attribute(node, f"nodes_{side}{kind}") for kind in ("nodeids", "leafs"))
    children: Ints = np.where(is_leaf != 0, ~ids, ids)
    return children


def _sets(values: Doubles | None, count: int) -> tuple[Doubles, ...]:
    """Return the members of each set, rising; behind those of each comes a NaN."""
    if values is None or not count:
        return ()
    ends = np.flatnonzero(np.isnan(values))
    number = np.searchsorted(ends, np.arange(len(values)))
    kept = ~np.isnan(values)
    values, number = values[kept] + 0.0, number[kept]  # -0.0 is 0.0
    order = np.lexsort((values, number))
    values, number = values[order], number[order]
    is_new = np.ones(len(values), dtype=bool)
    is_new[1:] = (values[1:] != values[:-1]) | (number[1:] != number[:-1])
    values, number = values[is_new], number[is_new]
    if not np.isfinite(values).all():
        raise NotApplicable("a category is infinite")
    return tuple(np.split(values, np.searchsorted(number, np.arange(1, count))))


@dataclass(frozen=True)
class _Preorder:
    splits: Ints  # the nodes in preorder
    leaves: Ints
    sizes: Ints  # [trees]


def _preorder(roots: Ints, left: Ints, right: Ints) -> _Preorder:
    """Return nodes and leaves in preorder: counts from the lowest level up, then places from the roots down."""
    levels = _levels(roots, left, right)
    below = np.ones(len(left), dtype=np.int64)

    def splits_of(children: Ints) -> Ints:
        return np.where(children >= 0, below[np.maximum(children, 0)], 0)

    for level in reversed(levels):
        below[level] += splits_of(left[level]) + splits_of(right[level])
    sizes = below[roots] + 1
    split_place, leaf_place = np.zeros(len(left), dtype=np.int64), np.zeros(len(left), dtype=np.int64)
    split_place[roots] = np.cumsum(sizes - 1) - (sizes - 1)
    leaf_place[roots] = np.cumsum(sizes) - sizes
    leaves = np.empty(int(sizes.sum()), dtype=np.int64)
    for level in levels:
        jump = splits_of(left[level])
        for side, splits_before, leaves_before in ((left[level], 0, 0), (right[level], jump, jump + 1)):
            is_node, is_leaf = side >= 0, side < 0
            split_place[side[is_node]] = (split_place[level] + 1 + splits_before)[is_node]
            leaf_place[side[is_node]] = (leaf_place[level] + leaves_before)[is_node]
            leaves[(leaf_place[level] + leaves_before)[is_leaf]] = ~side[is_leaf]
    reached = np.concatenate(levels)
    splits = np.empty(len(reached), dtype=np.int64)
    splits[split_place[reached]] = reached
    return _Preorder(splits, leaves, sizes)


def _levels(roots: Ints, left: Ints, right: Ints) -> list[Ints]:
    """Return the nodes of each depth; NotApplicable where a node has two parents, so that the walk ends."""
    children = np.concatenate([roots, left[left >= 0], right[right >= 0]])
    if children.max() >= len(left) or np.bincount(children, minlength=len(left)).max() > 1:
        raise NotApplicable("its nodes do not form trees")
    levels, level = [], roots
    while len(level):
        levels.append(level)
        below = np.concatenate([left[level], right[level]])
        level = below[below >= 0]
    return levels
