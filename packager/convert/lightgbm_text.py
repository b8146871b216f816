"""LightGBM: the model text in, exact ONNX out.

The text holds every threshold and leaf with 17 digits, so nothing is lost; LightGBM's own rules for zeros, missing
values and categories become thresholds, default sides and set members.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np

from packager.convert.arithmetic import links
from packager.convert.graph import Graph, UnsupportedModel, scalar
from packager.convert.linear_trees import LinearLeaves, emit_linear_leaves
from packager.convert.trees import add_stages, emit_leaf_sum
from packager.structure import Doubles, Flags, Ints, Trees, concatenate

# LightGBM reads |x| <= kZeroThreshold as zero; the constant is a C float (include/LightGBM/meta.h).
ZERO_THRESHOLD = float(np.float32(1e-35))

# Bits of decision_type (include/LightGBM/tree.h).
_CATEGORICAL_BIT, _DEFAULT_LEFT_BIT, _MISSING_SHIFT = 1, 2, 2
_MISSING_NONE, _MISSING_ZERO, _MISSING_NAN = 0, 1, 2

_IDENTITY_OBJECTIVES = frozenset(
    {"regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank", "rank_xendcg", "custom", "none"}
)
_EXPONENTIAL_OBJECTIVES = frozenset({"poisson", "gamma", "tweedie"})


@dataclass(frozen=True)
class LightgbmModel:
    """What a model text says, as arrays. `trees` are in boosting order, one per class and iteration in turn."""

    trees: Trees
    leaf_values: Doubles
    trees_per_iteration: int
    average: bool
    objective: str
    parameters: dict[str, str]
    linear: LinearLeaves | None
    zero_is_missing: Flags  # [features]: zero and NaN are one
    truncated: Flags  # [features]: read as an integer category

    @property
    def n_iterations(self) -> int:
        return self.trees.n_trees // self.trees_per_iteration


def count_leaves(text: str) -> tuple[int, int]:
    """Return how many leaves and trees a model text holds."""
    counts = [int(count) for count in re.findall(r"^num_leaves=(\d+)$", text, re.MULTILINE)]
    return sum(counts), len(counts)


def parse(text: str) -> LightgbmModel:
    """Read a LightGBM model text; raise UnsupportedModel where no exact form exists."""
    head, *blocks = text.split("\nTree=")
    header = _fields(head)
    if not blocks:
        raise UnsupportedModel("the LightGBM model has no trees")
    n_features = int(header["max_feature_idx"]) + 1
    blocks[-1] = blocks[-1].split("\nend of trees", 1)[0]
    fields = [_fields(block) for block in blocks]
    parsed = [_parse_tree(tree, n_features) for tree in fields]
    objective, *parameters = header.get("objective", "custom").split(" ")
    zero_missing = np.logical_or.reduce([tree.zero_missing for tree in parsed])
    if (zero_missing & np.logical_or.reduce([tree.other_missing for tree in parsed])).any():
        raise UnsupportedModel("a feature's zeros are missing values in some splits and numbers in others")
    return LightgbmModel(
        trees=concatenate([tree.trees for tree in parsed]),
        leaf_values=np.concatenate([tree.leaf_values for tree in parsed]),
        trees_per_iteration=int(header["num_tree_per_iteration"]),
        average="average_output" in header,
        objective=objective,
        parameters=dict(part.partition(":")[::2] for part in parameters),
        linear=_linear_leaves(fields, n_features),
        zero_is_missing=zero_missing,
        truncated=np.logical_or.reduce([tree.truncated for tree in parsed]),
    )


def emit_raw_score(graph: Graph, features: str, model: LightgbmModel) -> str:
    """Add the ensemble; return raw scores of shape [rows, trees per iteration]."""
    prepared = _prepare_features(graph, features, model)
    if model.linear is not None:
        predicted = emit_linear_leaves(graph, (prepared, features), model.trees, model.leaf_values, model.linear)
        return _averaged(graph, add_stages(graph, predicted, model.trees_per_iteration), model)
    targets = np.arange(model.trees.n_trees) % model.trees_per_iteration
    total = emit_leaf_sum(
        graph, prepared, model.trees, weights=model.leaf_values, targets=targets[model.trees.leaf_tree]
    )
    return _averaged(graph, total, model)


def _averaged(graph: Graph, total: str, model: LightgbmModel) -> str:
    return graph.node("Div", total, scalar(graph, model.n_iterations)) if model.average else total


def emit_prediction(graph: Graph, raw: str, model: LightgbmModel) -> str:
    """Turn raw scores into what `Booster.predict` answers, the objective's ConvertOutput in LightGBM's sources.

    Shape [rows, trees per iteration]: probabilities for classification objectives, values for the others.
    """
    name = model.objective
    if name == "binary" or name == "multiclassova":
        return links.logistic(graph, raw, scale=float(model.parameters.get("sigmoid", 1)))
    if name == "cross_entropy":
        return links.logistic(graph, raw)
    if name == "cross_entropy_lambda":
        return graph.node("Log", graph.node("Add", graph.constant(np.array(1, graph.dtype)), graph.node("Exp", raw)))
    if name == "multiclass":
        return graph.node("Softmax", raw, axis=1)
    if name in _EXPONENTIAL_OBJECTIVES:
        return graph.node("Exp", raw)
    if name not in _IDENTITY_OBJECTIVES:
        raise UnsupportedModel(f"the objective {name!r} is not known")
    if "sqrt" in model.parameters:
        return graph.node("Mul", graph.node("Sign", raw), graph.node("Mul", raw, raw))
    return raw


def _prepare_features(graph: Graph, features: str, model: LightgbmModel) -> str:
    """Make columns read as LightGBM reads them: categories truncated to integers, missing zeros turned into NaN."""
    prepared = features
    if model.truncated.any():
        # Toward zero, by way of floats: NaN as an integer is another number on every processor.
        whole = graph.node("Mul", graph.node("Sign", features), graph.node("Floor", graph.node("Abs", features)))
        prepared = graph.node("Where", graph.constant(model.truncated[None, :]), whole, prepared)
    if model.zero_is_missing.any():
        limit = graph.constant(np.array(ZERO_THRESHOLD, dtype=graph.dtype))
        is_zero = graph.node("LessOrEqual", graph.node("Abs", features), limit)
        is_missing = graph.node("And", is_zero, graph.constant(model.zero_is_missing[None, :]))
        prepared = graph.node("Where", is_missing, graph.constant(np.array(np.nan, dtype=graph.dtype)), prepared)
    return prepared


@dataclass(frozen=True)
class _ParsedTree:
    trees: Trees
    leaf_values: Doubles
    zero_missing: Flags
    other_missing: Flags
    truncated: Flags


def _parse_tree(fields: dict[str, str], n_features: int) -> _ParsedTree:
    leaf_values = _doubles(fields["leaf_value"])
    feature, decision = _ints(fields.get("split_feature", "")), _ints(fields.get("decision_type", ""))
    threshold = _doubles(fields.get("threshold", ""))
    missing = (decision >> _MISSING_SHIFT) & 3
    is_category = (decision & _CATEGORICAL_BIT) != 0
    category_set = np.where(is_category, threshold, -1).astype(np.int64)
    default_left = (decision & _DEFAULT_LEFT_BIT) != 0
    # Without a missing type NaN is read as zero; a NaN category is never in the set.
    missing_left = np.where(missing == _MISSING_NONE, threshold >= 0, default_left) & ~is_category
    n_nodes = len(feature)

    def by_feature(nodes: Flags) -> Flags:
        flags = np.zeros(n_features, dtype=bool)
        flags[feature[nodes]] = True
        return flags

    trees = Trees(
        n_features=n_features,
        roots=np.array([0 if n_nodes else ~0]),
        feature=feature,
        threshold=np.where(is_category, 0.0, _move_zero_zone(threshold)),
        left=_ints(fields.get("left_child", "")),
        right=_ints(fields.get("right_child", "")),
        missing_left=missing_left,
        category_set=category_set,
        categories=_category_sets(fields),
        leaves_per_tree=np.array([len(leaf_values)]),
    )
    is_zero_missing = (missing == _MISSING_ZERO) & ~is_category
    return _ParsedTree(
        trees, leaf_values, by_feature(is_zero_missing), by_feature(~is_zero_missing), by_feature(is_category)
    )


def _linear_leaves(trees: list[dict[str, str]], n_features: int) -> LinearLeaves | None:
    """Return what the leaves of all trees add, None where no tree is linear. One that is not adds its leaf's value."""
    if all(fields.get("is_linear", "0") == "0" for fields in trees):
        return None
    constants, counts, features, coefficients = [], [], [], []
    for fields in trees:
        is_linear = fields.get("is_linear", "0") != "0"
        constants.append(_doubles(fields["leaf_const" if is_linear else "leaf_value"]))
        counts.append(_ints(fields["num_features"]) if is_linear else np.zeros(len(constants[-1]), dtype=np.int64))
        features.append(_ints(fields["leaf_features"] if is_linear else ""))
        coefficients.append(_doubles(fields["leaf_coeff"] if is_linear else ""))
    terms = np.concatenate(counts)
    leaf = np.repeat(np.arange(len(terms)), terms)
    place = np.arange(len(leaf)) - np.repeat(np.cumsum(terms) - terms, terms)
    shape = (int(terms.max()), len(terms))
    table, factors = np.full(shape, n_features), np.zeros(shape)
    table[place, leaf], factors[place, leaf] = np.concatenate(features), np.concatenate(coefficients)
    return LinearLeaves(np.concatenate(constants), table, factors)


def _move_zero_zone(threshold: Doubles) -> Doubles:
    """Move thresholds within the zero zone to its edges, so that every |x| <= ZERO_THRESHOLD goes where zero goes."""
    moved = np.where((threshold >= 0) & (threshold < ZERO_THRESHOLD), ZERO_THRESHOLD, threshold)
    below = (moved >= -ZERO_THRESHOLD) & (moved < 0)
    return np.where(below, np.nextafter(-ZERO_THRESHOLD, -np.inf), moved)


def _category_sets(fields: dict[str, str]) -> tuple[Doubles, ...]:
    """Return the members of each bitset: bit b of word w is category 32 w + b."""
    if int(fields.get("num_cat", "0")) == 0:
        return ()
    bounds = _ints(fields["cat_boundaries"])
    words = np.array(fields["cat_threshold"].split(), dtype="<u4")
    return tuple(
        np.flatnonzero(np.unpackbits(words[start:end].view(np.uint8), bitorder="little")).astype(np.float64)
        for start, end in itertools.pairwise(bounds)
    )


def _fields(block: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in block.split("\n"))


def _ints(text: str) -> Ints:
    return np.array(text.split(), dtype=np.int64)


def _doubles(text: str) -> Doubles:
    return np.array(text.split(), dtype=np.float64)
