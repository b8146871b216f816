"""Where a model jumps, found without the program: thresholds read off the fitted objects, and boundaries bisected.

Thresholds are followed from the root, so that a row reaches the split that it is to sit on. Bisection needs no
structure: between two rows that are answered differently it closes in on the two neighbouring doubles where the
answer changes, whatever steps lie before the trees.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .cells import Cells, concatenate

Doubles = npt.NDArray[np.float64]
Answer = Callable[[Cells], Doubles]

_MOST_SPLITS = 150
_PAIRS = 32
_STEPS_OF_BISECTION = 64
_DEEPEST = 40


@dataclass(frozen=True)
class Split:
    """One split and the way to it: (column, threshold, goes left) from the root, the split itself last."""

    way: tuple[tuple[int, float, bool], ...]

    @property
    def column(self) -> int:
        return self.way[-1][0]

    @property
    def threshold(self) -> float:
        return self.way[-1][1]


def splits_of(model: Any) -> list[Split]:
    """Return splits on a number in the trees of a model that reads the columns as they come in; else none."""
    found: list[Split] = []
    for walk in _walks(_reader(model)):
        found.extend(walk)
        if len(found) > 40 * _MOST_SPLITS:
            break
    chosen = np.random.default_rng(11).permutation(len(found))[:_MOST_SPLITS]
    return [found[index] for index in sorted(chosen.tolist())]


def at_splits(held: Cells, splits: list[Split]) -> Cells | None:
    """Return rows that reach each split and lie on its threshold and beside it, in double and in float."""
    if not splits:
        return None
    random = np.random.default_rng(12)
    parts = []
    for split in splits:
        steps = around(split.threshold)
        rows = held.take(np.full(len(steps), random.integers(len(held))))
        rows = _led_to(rows, split)
        parts.append(rows.with_cells(np.arange(len(steps)), split.column, steps))
    return concatenate(parts)


def around(threshold: float) -> Doubles:
    """Return a threshold and what lies beside it: doubles, floats, and the doubles that round to other floats."""
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
        floats = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    middles = [(float(low) + float(high)) / 2 for low, high in itertools.pairwise(floats)]
    centers = np.array([threshold, *map(float, floats), *middles])
    steps = np.concatenate([centers, np.nextafter(centers, np.inf), np.nextafter(centers, -np.inf)])
    return np.unique(steps[np.isfinite(steps)])


def bisected(held: Cells, answer: Answer, *, beside: float) -> Cells | None:
    """Return rows on both sides of jumps of the native answer, one column moved at a time.

    They are neighbouring doubles where `beside` is 0, else that far from the jump, relative to the number.
    """
    if not held.numeric:
        return None
    random = np.random.default_rng(13)
    first = held.take(random.integers(len(held), size=_PAIRS))
    other = held.take(random.integers(len(held), size=_PAIRS))
    parts = []
    for column in held.numeric[:8]:
        low, high = first.columns[column], other.columns[column]
        usable = np.isfinite(low) & np.isfinite(high)
        try:
            found = _jumps(first.take(usable), column, (low[usable], high[usable]), answer)
        except Exception:  # noqa: BLE001 - the model refuses what lies between: whatever it raises, nothing is found
            continue
        if found is not None:
            parts.append(_sides(first.take(usable), column, found, beside=beside))
    return concatenate(parts) if parts else None


def _jumps(rows: Cells, column: int, ends: tuple[Doubles, Doubles], answer: Answer) -> tuple[Doubles, Doubles] | None:
    """Return the doubles below and above a jump for each row, None where the column moves no answer."""
    every = np.arange(len(rows))
    start, end = (answer(rows.with_cells(every, column, cells)) for cells in ends)
    if not (start != end).any():
        return None
    bottom, top = _ordered(ends[0]), _ordered(ends[1])
    for _ in range(_STEPS_OF_BISECTION):
        middle = (bottom >> 1) + (top >> 1) + (bottom & top & 1)
        same = (answer(rows.with_cells(every, column, _number(middle))) == start).all(axis=1)
        bottom, top = np.where(same, middle, bottom), np.where(same, top, middle)
        if (np.abs(top - bottom) <= 1).all():
            break
    return _number(bottom), _number(top)


def _sides(rows: Cells, column: int, jumps: tuple[Doubles, Doubles], *, beside: float) -> Cells:
    bottom, top = jumps
    away = np.where(top > bottom, beside, -beside) * np.maximum(np.abs(bottom), 1e-3)
    near, far = bottom - away, top + away
    sides = [near, far] if beside else [near, far, near.astype(np.float32), far.astype(np.float32)]
    every = np.arange(len(rows))
    return concatenate([rows.with_cells(every, column, side.astype(np.float64)) for side in sides])


def _ordered(numbers: Doubles) -> npt.NDArray[np.int64]:
    bits = np.ascontiguousarray(numbers).view(np.int64)
    return np.where(bits >= 0, bits, np.iinfo(np.int64).min - bits)


def _number(ordered: npt.NDArray[np.int64]) -> Doubles:
    return np.where(ordered >= 0, ordered, np.iinfo(np.int64).min - ordered).view(np.float64)


def _led_to(rows: Cells, split: Split) -> Cells:
    """Move cells so that the rows go the way to the split: onto thresholds that they must not pass."""
    lowest: dict[int, float] = {}
    highest: dict[int, float] = {}
    for column, threshold, goes_left in split.way[:-1]:
        if goes_left:
            highest[column] = min(threshold, highest.get(column, np.inf))
        else:
            lowest[column] = max(threshold, lowest.get(column, -np.inf))
    for column in {*lowest, *highest}:
        low, high = lowest.get(column, -np.inf), highest.get(column, np.inf)
        cells = rows.columns[column]
        inside = (cells > low) & (cells <= high)
        edge = float(np.float32(high)) if np.isfinite(high) and float(np.float32(high)) <= high else high
        beyond = low + max(abs(low) * 1e-3, 1e-6) if not np.isfinite(edge) else edge
        rows = rows.with_cells(~inside, column, beyond)
    return rows


def _reader(model: Any) -> Any:
    """Return the step that reads the columns as they come in, None where a step before it changes them."""
    while hasattr(model, "steps"):
        if len(model.steps) != 1 and not all(_fills(step) for _, step in model.steps[:-1]):
            return None
        model = model.steps[-1][1]
    return model


def _fills(step: Any) -> bool:
    return type(step).__name__ == "SimpleImputer" and not step.add_indicator


def _walks(model: Any) -> Iterator[Iterator[Split]]:
    if model is None:
        return
    booster = getattr(model, "booster_", model)
    if hasattr(booster, "dump_model"):
        for tree in booster.dump_model()["tree_info"]:
            yield _walk_lightgbm(tree["tree_structure"], ())
        return
    if hasattr(model, "_predictors"):
        for stage in model._predictors:
            for predictor in stage:
                yield _walk_hist(predictor.nodes, 0, ())
        return
    if getattr(model, "estimators_features_", None) is not None and getattr(model, "max_features", 1.0) != 1.0:
        return  # each member reads columns of its own
    members = getattr(model, "estimators_", None)
    for member in [model] if members is None else np.ravel(np.array(members, dtype=object)):
        if hasattr(member, "tree_"):
            yield _walk_tree(member.tree_, 0, ())
        elif members is not None and hasattr(member, "predict"):  # a forest among other models
            yield from _walks(_reader(member))


def _walk_tree(tree: Any, node: int, way: tuple[tuple[int, float, bool], ...]) -> Iterator[Split]:
    if tree.children_left[node] < 0 or len(way) > _DEEPEST:
        return
    column, threshold = int(tree.feature[node]), float(tree.threshold[node])
    yield Split((*way, (column, threshold, True)))
    for child, goes_left in ((tree.children_left[node], True), (tree.children_right[node], False)):
        yield from _walk_tree(tree, int(child), (*way, (column, threshold, goes_left)))


def _walk_hist(nodes: Any, node: int, way: tuple[tuple[int, float, bool], ...]) -> Iterator[Split]:
    record = nodes[node]
    if record["is_leaf"] or record["is_categorical"] or len(way) > _DEEPEST:
        return
    column, threshold = int(record["feature_idx"]), float(record["num_threshold"])
    yield Split((*way, (column, threshold, True)))
    for child, goes_left in ((record["left"], True), (record["right"], False)):
        yield from _walk_hist(nodes, int(child), (*way, (column, threshold, goes_left)))


def _walk_lightgbm(node: dict[str, Any], way: tuple[tuple[int, float, bool], ...]) -> Iterator[Split]:
    if "split_feature" not in node or len(way) > _DEEPEST:
        return
    if node["decision_type"] != "<=":  # a category: rows may go either way
        yield from _walk_lightgbm(node["left_child"], way)
        yield from _walk_lightgbm(node["right_child"], way)
        return
    column, threshold = int(node["split_feature"]), float(node["threshold"])
    yield Split((*way, (column, threshold, True)))
    for child, goes_left in ((node["left_child"], True), (node["right_child"], False)):
        yield from _walk_lightgbm(child, (*way, (column, threshold, goes_left)))
