"""The exact ONNX form of tree ensembles: one `ai.onnx.ml` 5 TreeEnsemble.

In: arrays read from LightGBM's text or scikit-learn's trees. Out: graph nodes that take the same branch for every
input and add the leaves in the model's own order. Sums are in the order of the trees, as long as one thread adds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from packager.convert.graph import ML_DOMAIN, Graph, cast, integers, through
from packager.structure import Doubles, Flags, Ints, Trees

# TreeEnsemble's node modes and aggregation, from the operator's definition.
_MODE_LEQ, _MODE_MEMBER = 0, 6
_AGGREGATE_SUM, _POST_TRANSFORM_NONE = 1, 0
# Numbers that are gathered for one row at once, trees times the width of a leaf: 16 kB of doubles, so that a batch of
# 4,096 rows takes 64 MB, whatever the size of the forest.
_GATHERED_AT_ONCE = 2_048


def as_float32(graph: Graph, features: str) -> str:
    """Return the features as scikit-learn's trees read them: rounded to float32, in the graph's own dtype."""
    return through(graph, features, np.float32)


def emit_leaf_sum(graph: Graph, features: str, trees: Trees, *, weights: Doubles, targets: Ints) -> str:
    """Add the trees with one weight per leaf; return [rows, max(targets) + 1] sums in tree order.

    `weights`, `targets`: [leaves]; each leaf adds its weight to one target.
    """
    return _emit(graph, features, trees, weights=weights, targets=targets)


def emit_leaf_values(graph: Graph, features: str, trees: Trees, values: Doubles) -> str:
    """Add the trees with one value per leaf; return each tree's own, [rows, trees]."""
    return _emit(graph, features, trees, weights=values, targets=trees.leaf_tree)


def emit_leaf_numbers(graph: Graph, features: str, trees: Trees) -> str:
    """Return which leaf each tree reaches, counted over all trees; int64, [rows, trees]."""
    first_leaf = np.cumsum(trees.leaves_per_tree) - trees.leaves_per_tree
    # Numbers within the tree stay exact in float32, whatever the size of the forest.
    local = np.arange(trees.n_leaves) - np.repeat(first_leaf, trees.leaves_per_tree)
    reached = emit_leaf_values(graph, features, trees, local.astype(np.float64))
    return graph.node("Add", cast(graph, reached, np.int64), integers(graph, first_leaf))


def emit_leaf_vectors(graph: Graph, features: str, trees: Trees, vectors: Doubles) -> str:
    """Add the trees with a vector per leaf; return [rows, width] sums in tree order.

    `vectors`: [leaves, width]. A TreeEnsemble leaf adds to one target only. So every tree answers the number of its
    leaf, and the vectors are gathered by it and summed tree after tree.
    """
    numbers = emit_leaf_numbers(graph, features, trees)
    table = graph.constant(vectors.astype(graph.dtype, copy=False))
    by_tree = graph.node("Transpose", numbers, perm=[1, 0])
    total = ""
    for chosen in parts_of_trees(graph, by_tree, trees.n_trees, width=vectors.shape[1], axis=0):
        total = add_in_order(graph, graph.node("Gather", table, chosen, axis=0), first=total)
    return total


def parts_of_trees(graph: Graph, reached: str, n_trees: int, *, width: int, axis: int) -> list[str]:
    """Return a tensor that has the trees along `axis` in so many parts that `width` numbers a tree are not too many."""
    at_once = max(1, _GATHERED_AT_ONCE // width)
    if n_trees <= at_once:
        return [reached]
    return [
        graph.node("Slice", reached, *(integers(graph, [at]) for at in (start, start + at_once, axis)))
        for start in range(0, n_trees, at_once)
    ]


def add_stages(graph: Graph, by_tree: str, per_stage: int, *, first: str = "") -> str:
    """Return `first` + the trees' values, stage after stage; [rows, per_stage] from [rows, trees]."""
    stages = graph.node("Reshape", by_tree, integers(graph, [0, -1, per_stage]))
    return add_in_order(graph, graph.node("Transpose", stages, perm=[1, 0, 2]), first=first)


def add_in_order(graph: Graph, terms: str, *, first: str = "") -> str:
    """Return `first` + terms[0] + terms[1] + …, added one after another: ONNX Runtime sums a first axis like that."""
    if first:
        terms = graph.node("Concat", graph.node("Unsqueeze", first, integers(graph, [0])), terms, axis=0)
    return graph.node("ReduceSum", terms, integers(graph, [0]), keepdims=0)


def round_down(thresholds: Doubles, dtype: np.dtype[np.floating]) -> npt.NDArray[np.floating]:
    """Round toward minus infinity: for x of `dtype`, `x <= t` holds exactly when `x <= round_down(t)`."""
    if dtype == np.float64:
        return thresholds
    with np.errstate(over="ignore"):
        rounded = thresholds.astype(dtype)
    above = rounded.astype(np.float64) > thresholds
    rounded[above] = np.nextafter(rounded[above], np.array(-np.inf, dtype=dtype))
    return rounded


def _emit(graph: Graph, features: str, trees: Trees, *, weights: Doubles, targets: Ints) -> str:
    """Add the TreeEnsemble node itself."""
    trees.check()
    trees, weights, targets = _with_rooted_leaves(trees, weights, targets)
    is_category = trees.category_set >= 0
    attributes: dict[str, object] = {
        "n_targets": int(targets.max()) + 1,
        "aggregate_function": _AGGREGATE_SUM,
        "post_transform": _POST_TRANSFORM_NONE,
        "tree_roots": trees.roots,
        "nodes_featureids": trees.feature,
        "nodes_modes": np.where(is_category, np.uint8(_MODE_MEMBER), np.uint8(_MODE_LEQ)),
        "nodes_splits": _splits(trees, is_category, graph.dtype),
        "nodes_missing_value_tracks_true": trees.missing_left,
        "leaf_targetids": targets,
        "leaf_weights": weights.astype(graph.dtype, copy=False),
    }
    for side, child in (("true", trees.left), ("false", trees.right)):
        attributes[f"nodes_{side}nodeids"] = np.where(child >= 0, child, ~child)
        attributes[f"nodes_{side}leafs"] = child < 0
    if is_category.any():
        separator = np.array([np.nan])
        members = [part for index in trees.category_set[is_category] for part in (trees.categories[index], separator)]
        attributes["membership_values"] = np.concatenate(members).astype(graph.dtype)
    return graph.node("TreeEnsemble", features, domain=ML_DOMAIN, **attributes)


def _splits(trees: Trees, is_category: Flags, dtype: np.dtype[np.floating]) -> npt.NDArray[np.floating]:
    splits = round_down(trees.threshold, dtype)
    return np.where(is_category, 0, splits) if is_category.any() else splits  # set members decide there


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
