"""The exact ONNX form of tree ensembles: one `ai.onnx.ml` 5 TreeEnsemble.

In: arrays read from LightGBM's text or scikit-learn's trees. Out: graph nodes that take the same branch for every
input and add the leaves in the model's own order. Sums are in the order of the trees, as long as one thread adds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from packager.convert.graph import ML_DOMAIN, Graph, cast
from packager.structure import Doubles, Flags, Ints, Trees

# TreeEnsemble's node modes and aggregation, from the operator's definition.
_MODE_LEQ, _MODE_MEMBER = 0, 6
_AGGREGATE_SUM, _POST_TRANSFORM_NONE = 1, 0


def emit_leaf_sum(graph: Graph, features: str, trees: Trees, *, weights: Doubles, targets: Ints) -> str:
    """Add the trees with one weight per leaf; return [rows, max(targets) + 1] sums in tree order.

    `weights`, `targets`: [leaves]; each leaf adds its weight to one target.
    """
    return _emit(graph, features, trees, weights=weights, targets=targets)


def emit_leaf_vectors(graph: Graph, features: str, trees: Trees, vectors: Doubles) -> str:
    """Add the trees with a vector per leaf; return [rows, width] sums in tree order.

    `vectors`: [leaves, width]. A TreeEnsemble leaf adds to one target only. So every tree has a target of its own
    and answers the number of its leaf; the vectors are gathered as [trees, rows, width] and summed over the first
    axis, tree after tree.
    """
    first_leaf = np.cumsum(trees.leaves_per_tree) - trees.leaves_per_tree
    # Numbers within the tree stay exact in float32, whatever the size of the forest.
    local = np.arange(trees.n_leaves) - np.repeat(first_leaf, trees.leaves_per_tree)
    reached = _emit(graph, features, trees, weights=local.astype(np.float64), targets=trees.leaf_tree)
    leaf = graph.node("Add", cast(graph, reached, np.int64), graph.constant(first_leaf.astype(np.int64)))
    by_tree = graph.node("Transpose", leaf, perm=[1, 0])
    gathered = graph.node("Gather", graph.constant(vectors.astype(graph.dtype)), by_tree, axis=0)
    return graph.node("ReduceSum", gathered, graph.constant(np.array([0], dtype=np.int64)), keepdims=0)


def round_down(thresholds: Doubles, dtype: np.dtype[np.floating]) -> npt.NDArray[np.floating]:
    """Round toward minus infinity: for x of `dtype`, `x <= t` holds exactly when `x <= round_down(t)`."""
    with np.errstate(over="ignore"):
        rounded = thresholds.astype(dtype)
    above = rounded.astype(np.float64) > thresholds
    rounded[above] = np.nextafter(rounded[above], np.array(-np.inf, dtype=dtype))
    return rounded


def _emit(graph: Graph, features: str, trees: Trees, *, weights: Doubles, targets: Ints) -> str:
    """Add the TreeEnsemble node itself."""
    from onnx.numpy_helper import from_array

    trees.check()
    trees, weights, targets = _with_rooted_leaves(trees, weights, targets)
    is_category = trees.category_set >= 0
    attributes: dict[str, object] = {
        "n_targets": int(targets.max()) + 1,
        "aggregate_function": _AGGREGATE_SUM,
        "post_transform": _POST_TRANSFORM_NONE,
        "tree_roots": trees.roots,
        "nodes_featureids": trees.feature,
        "nodes_modes": from_array(np.where(is_category, _MODE_MEMBER, _MODE_LEQ).astype(np.uint8)),
        "nodes_splits": from_array(_splits(trees, is_category, graph.dtype)),
        "nodes_missing_value_tracks_true": trees.missing_left.astype(np.int64),
        "leaf_targetids": targets,
        "leaf_weights": from_array(weights.astype(graph.dtype)),
    }
    for side, child in (("true", trees.left), ("false", trees.right)):
        attributes[f"nodes_{side}nodeids"] = np.where(child >= 0, child, ~child)
        attributes[f"nodes_{side}leafs"] = (child < 0).astype(np.int64)
    if is_category.any():
        separator = np.array([np.nan])
        members = [part for index in trees.category_set[is_category] for part in (trees.categories[index], separator)]
        attributes["membership_values"] = from_array(np.concatenate(members).astype(graph.dtype))
    return graph.node("TreeEnsemble", features, domain=ML_DOMAIN, **attributes)


def _splits(trees: Trees, is_category: Flags, dtype: np.dtype[np.floating]) -> npt.NDArray[np.floating]:
    splits = round_down(trees.threshold, dtype)
    splits[is_category] = 0  # set members decide there
    return splits


def _with_rooted_leaves(trees: Trees, weights: Doubles, targets: Ints) -> tuple[Trees, Doubles, Ints]:
    """Give a tree that is one leaf a split whose two sides are that leaf: the operator wants a node as a root."""
    bare = np.flatnonzero(trees.roots < 0)
    if not len(bare):
        return trees, weights, targets
    leaf = ~trees.roots[bare]
    first_node, first_leaf = len(trees.feature), len(weights)
    roots = trees.roots.copy()
    roots[bare] = first_node + np.arange(len(bare))
    zeros = np.zeros(len(bare), dtype=np.int64)
    rooted = Trees(
        n_features=trees.n_features,
        roots=roots,
        feature=np.concatenate([trees.feature, zeros]),
        threshold=np.concatenate([trees.threshold, zeros.astype(np.float64)]),
        left=np.concatenate([trees.left, ~leaf]),
        right=np.concatenate([trees.right, ~(first_leaf + np.arange(len(bare)))]),
        missing_left=np.concatenate([trees.missing_left, zeros.astype(bool)]),
        category_set=np.concatenate([trees.category_set, zeros - 1]),
        categories=trees.categories,
        leaves_per_tree=trees.leaves_per_tree,
    )
    return rooted, np.concatenate([weights, weights[leaf]]), np.concatenate([targets, targets[leaf]])
