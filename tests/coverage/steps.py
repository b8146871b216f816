"""What kind of arithmetic a model is: how near its converted form must come, and whether its answers jump."""

from __future__ import annotations

from typing import Any

from packager.training.estimators import nested_estimators

# Trees take the same branches and add the same leaves: what remains is the last bit of exp and of a division.
TREE_TOLERANCE = 1e-9
TOLERANCE = 1e-6

_TREES = (
    "DecisionTree",
    "ExtraTree",
    "RandomForest",
    "GradientBoosting",
    "HistGradientBoosting",
    "IsolationForest",
    "LGBM",
    "Booster",
)
_WRAPPERS = ("Bagging", "AdaBoost", "Frozen", "GridSearch", "RandomizedSearch", "MultiOutput")
_JUMPING = ("KBinsDiscretizer", "Binarizer", "OneHotEncoder", "OrdinalEncoder", "RandomTreesEmbedding", "BernoulliNB")
# Sums, roots and logarithms end in a bit of their own: where trees read them, a boundary is known up to that bit.
_ROUNDED = (
    "FunctionTransformer",
    "PowerTransformer",
    "PCA",
    "KernelPCA",
    "Normalizer",
    "Tfidf",
    "Nystroem",
    "FastICA",
    "TruncatedSVD",
    "Spline",
)


def exact_within(model: Any) -> float:
    """Return how near scores must come: trees, however they are wrapped, add the same leaves."""
    final = _final(model)
    name = type(final).__name__
    if name.startswith(_TREES):
        return TREE_TOLERANCE
    inner = [part for part in nested_estimators(final) if part is not final and hasattr(part, "predict")]
    only_trees = bool(inner) and all(type(part).__name__.startswith(_TREES) for part in inner)
    return TREE_TOLERANCE if name.startswith(_WRAPPERS) and only_trees else TOLERANCE


def is_stepwise(model: Any) -> bool:
    """Tell whether answers jump at some numbers, so that these are worth finding."""
    return any(type(part).__name__.startswith((*_TREES, *_JUMPING)) for part in nested_estimators(model))


def has_trees(model: Any) -> bool:
    """Tell whether any part of the model is a tree or an ensemble of trees."""
    return any(type(part).__name__.startswith(_TREES) for part in nested_estimators(model))


def decides_by_distance(model: Any) -> bool:
    """Tell whether answers jump where another row becomes the nearest."""
    return type(_final(model)).__name__.startswith(("KNeighbors", "RadiusNeighbors", "KNNImputer"))


def blurs_boundaries(model: Any) -> bool:
    """Tell whether a boundary lies where numbers were rounded on their way: rows may then not lie on it.

    Trees that read columns, or columns scaled one by one, decide exactly; sums and distances do not.
    """
    for part in nested_estimators(model):
        name = type(part).__name__
        if name.startswith(_ROUNDED) or (name.startswith("Stacking") and is_stepwise(part.final_estimator_)):
            return True
        if _counts_labels(part) and not all(has_trees(member) for member in part.estimators_):
            return True
    return not has_trees(model) and not type(_final(model)).__name__.startswith(_JUMPING)


def _counts_labels(model: Any) -> bool:
    """Tell whether a model reads the labels of its members, so that it jumps where any of them changes its mind."""
    return getattr(model, "voting", None) == "hard" or "predict" in (getattr(model, "stack_method_", None) or ())


def _final(model: Any) -> Any:
    while hasattr(model, "steps"):
        model = model.steps[-1][1]
    return model
