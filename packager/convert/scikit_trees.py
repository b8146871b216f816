"""scikit-learn's tree ensembles: fitted arrays in, exact trees out.

scikit-learn's trees read their input as float32, also in a double pipeline: the graph casts down and back before
them. HistGradientBoosting reads doubles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from packager.convert import links
from packager.convert.graph import Graph, UnsupportedModel, cast
from packager.convert.trees import emit_leaf_sum, emit_leaf_vectors
from packager.structure import Doubles, Trees, concatenate, constant_trees


def read_tree(tree: Any) -> tuple[Trees, Doubles]:
    """Return one fitted `sklearn.tree._tree.Tree` and its leaf values, of shape [leaves, outputs, classes]."""
    is_leaf = tree.children_left < 0
    number = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1)
    split = ~is_leaf
    missing_left = getattr(tree, "missing_go_to_left", None)  # trees learn missing values since 1.3
    trees = Trees(
        n_features=tree.n_features,
        roots=number[:1].astype(np.int64),
        feature=tree.feature[split].astype(np.int64),
        threshold=tree.threshold[split].astype(np.float64),
        left=number[tree.children_left[split]].astype(np.int64),
        right=number[tree.children_right[split]].astype(np.int64),
        missing_left=np.zeros(split.sum(), bool) if missing_left is None else missing_left[split].astype(bool),
        category_set=np.full(split.sum(), -1, dtype=np.int64),
        categories=(),
        leaves_per_tree=np.array([is_leaf.sum()]),
    )
    return trees, tree.value[is_leaf]


def as_float32(graph: Graph, features: str) -> str:
    """Return the features rounded to float32, in the graph's own dtype."""
    if graph.dtype == np.float32:
        return features
    return cast(graph, cast(graph, features, np.float32), graph.dtype)


def emit_forest(graph: Graph, features: str, model: Any) -> str:
    """Add a single tree or a forest; return the mean of the trees' leaf vectors, [rows, outputs or classes]."""
    members = getattr(model, "estimators_", None)
    fitted = [read_tree(member.tree_) for member in ([model] if members is None else members)]
    trees = concatenate([tree for tree, _ in fitted])
    values = np.concatenate([leaf for _, leaf in fitted])
    vectors = _class_fractions(model, values) if hasattr(model, "classes_") else values[:, :, 0]
    narrowed = as_float32(graph, features)
    if vectors.shape[1] == 1:
        zeros = np.zeros(len(vectors), dtype=np.int64)
        total = emit_leaf_sum(graph, narrowed, trees, weights=vectors[:, 0], targets=zeros)
    else:
        total = emit_leaf_vectors(graph, narrowed, trees, vectors)
    if members is None:
        return total
    return graph.node("Div", total, graph.constant(np.array(len(members), dtype=graph.dtype)))


def emit_gradient_boosting(graph: Graph, features: str, model: Any) -> str:
    """Add a GradientBoosting model; return raw scores of shape [rows, 1 or classes].

    Raw = start value + learning_rate * leaf, stage after stage, as `predict_stages` adds them.
    """
    start = _start_value(model)
    stages = model.estimators_  # [stages, trees per stage]
    per_stage = stages.shape[1]
    fitted = [read_tree(member.tree_) for member in stages.ravel()]
    trees = concatenate([constant_trees(per_stage, fitted[0][0].n_features), *(tree for tree, _ in fitted)])
    leaves = np.concatenate([leaf[:, 0, 0] for _, leaf in fitted])
    weights = np.concatenate([start, model.learning_rate * leaves])
    targets = np.arange(trees.n_trees) % per_stage
    return emit_leaf_sum(graph, as_float32(graph, features), trees, weights=weights, targets=targets[trees.leaf_tree])


def emit_hist_gradient_boosting(graph: Graph, features: str, model: Any) -> str:
    """Add a HistGradientBoosting model without categories; return raw scores of shape [rows, 1 or classes]."""
    _refuse_categories(model)
    per_stage = model.n_trees_per_iteration_
    fitted = [_read_predictor(item.nodes, model.n_features_in_) for stage in model._predictors for item in stage]
    trees = concatenate([constant_trees(per_stage, model.n_features_in_), *(tree for tree, _ in fitted)])
    weights = np.concatenate([np.ravel(model._baseline_prediction), *(leaf for _, leaf in fitted)])
    targets = np.arange(trees.n_trees) % per_stage
    return emit_leaf_sum(graph, features, trees, weights=weights, targets=targets[trees.leaf_tree])


def read_predictors(model: Any) -> Trees:
    """Return all trees of a HistGradientBoosting model without categories, stage after stage."""
    _refuse_categories(model)
    predictors = [item for stage in model._predictors for item in stage]
    return concatenate([_read_predictor(item.nodes, model.n_features_in_)[0] for item in predictors])


def _refuse_categories(model: Any) -> None:
    if model.is_categorical_ is not None and np.any(model.is_categorical_):
        raise UnsupportedModel("categorical features have no exact form yet")


def emit_boosted_classes(graph: Graph, raw: str, model: Any, *, zero_is_positive: bool) -> tuple[str, str]:
    """Return label and probabilities of a boosted classifier from its raw scores."""
    if len(model.classes_) > 2:
        return links.first_largest(graph, raw, model.classes_), graph.node("Softmax", raw, axis=1)
    scale = 2.0 if getattr(model, "loss", None) == "exponential" else 1.0
    label = links.by_sign(graph, raw, model.classes_, zero_is_positive=zero_is_positive)
    return label, links.with_complement(graph, links.logistic(graph, raw, scale=scale))


def _class_fractions(model: Any, values: Doubles) -> Doubles:
    """Return [leaves, classes] fractions; trees from before 1.3 hold counts."""
    if model.n_outputs_ > 1:
        raise UnsupportedModel("several labels a row have no exact form yet")
    counts = values[:, 0, :]
    totals = counts.sum(axis=1, keepdims=True)
    is_counts = (totals > 1 + 1e-6).any()  # a fraction's row sums to 1 but for rounding
    fractions: Doubles = counts / totals if is_counts else counts
    return fractions


def _start_value(model: Any) -> Doubles:
    """Return the constant raw score that boosting starts from, [trees per stage]."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    constant = isinstance(model.init_, DummyClassifier | DummyRegressor | str)
    if not constant:
        raise UnsupportedModel(f"a start from {type(model.init_).__name__} has no exact form yet")
    row = np.zeros((1, model.n_features_in_), dtype=np.float32)
    start: Doubles = np.asarray(model._raw_predict_init(row), dtype=np.float64)[0]
    return start


def _read_predictor(nodes: Any, n_features: int) -> tuple[Trees, Doubles]:
    """Return one HistGradientBoosting tree from its node records, and its leaf values [leaves]."""
    is_leaf = nodes["is_leaf"].astype(bool)
    number = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1), np.cumsum(~is_leaf) - 1).astype(np.int64)
    split = nodes[~is_leaf]
    trees = Trees(
        n_features=n_features,
        roots=number[:1],
        feature=split["feature_idx"].astype(np.int64),
        threshold=split["num_threshold"].astype(np.float64),
        left=number[split["left"].astype(np.int64)],
        right=number[split["right"].astype(np.int64)],
        missing_left=split["missing_go_to_left"].astype(bool),
        category_set=np.full(len(split), -1, dtype=np.int64),
        categories=(),
        leaves_per_tree=np.array([is_leaf.sum()]),
    )
    return trees, nodes["value"][is_leaf].astype(np.float64)
