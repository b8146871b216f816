"""Rows that tell whether a fault changes any answer, made from the ONNX arrays and held-out rows alone.

Nothing here is shared with the rows that verification makes: it is the judge of those.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature
from packager.dataset.rows import Rows
from tests.verify import faults

from .models import CATEGORIES, CITIES, data

Doubles = npt.NDArray[np.float64]
_MEMBER = 6
_PER_STEP = 40


def random_rows(signature: Signature, count: int, seed: int = 99) -> Rows:
    """Return held-out rows, a tenth of the cells missing where the model takes that, in the model's columns."""
    random = np.random.default_rng(seed)
    held = data(count, seed)
    if signature.layout == "columns":
        names = [column.name for column in signature.columns]
        numbers = held.table.drop(columns="city").reindex(columns=names).to_numpy(dtype=np.float64)
        rows = Rows(numbers, {names.index("city"): held.table["city"].to_numpy(dtype=object)})
        rows.strings[names.index("city")][random.random(count) < 0.05] = "elsewhere"
    else:
        numbers = held.numbers[:, : len(signature.columns)].copy()
        if len(signature.columns) == 11:
            numbers[:, 10] = random.integers(CATEGORIES + 2, size=count)
        rows = Rows(numbers)
    accepts = np.array([column.accepts_missing for column in signature.columns])
    rows.numbers[accepts & (random.random(numbers.shape) < 0.1)] = np.nan
    return rows


def rows_at(arrays: faults.Arrays, node: int, features: Any, background: Rows, *, missing: bool) -> Rows:
    """Return rows that reach a node of the ensemble and lie on its threshold, beside it, missing, or in its set.

    `missing`: whether the model takes missing cells. `features` maps values of an ensemble's column to (incoming
    column, its values), or None where it does not know.
    """
    path = _path(arrays, node)
    random = np.random.default_rng(node)
    values = _cell_values(arrays, node)
    values = values if missing else values[~np.isnan(values)]
    rows = background.take(random.integers(len(background), size=_PER_STEP * len(values)))
    boxes: dict[int, tuple[float, float]] = {}
    sets: dict[int, list[tuple[Doubles, bool]]] = {}
    for above, goes_true in path:
        column, split = int(arrays["nodes_featureids"][above]), float(arrays["nodes_splits"][above])
        if arrays["nodes_modes"][above] == _MEMBER:
            sets.setdefault(column, []).append((_members(arrays, above), goes_true))
            continue
        low, high = boxes.get(column, (-np.inf, np.inf))
        boxes[column] = (low, min(high, split)) if goes_true else (max(low, split), high)
    for column, (low, high) in boxes.items():
        _move_into(rows, column, (low, high), features=features, random=random)
    for column, conditions in sets.items():
        universe = np.arange(CATEGORIES + 2, dtype=np.float64)
        fit = [v for v in universe if all(np.isin(v, members) == inside for members, inside in conditions)]
        if fit:
            _put(rows, column, random.choice(fit, len(rows)), features)
    own = int(arrays["nodes_featureids"][node])
    _put(rows, own, np.repeat(values, _PER_STEP), features)
    return rows


def _cell_values(arrays: faults.Arrays, node: int) -> Doubles:
    if arrays["nodes_modes"][node] == _MEMBER:
        return np.append(np.arange(CATEGORIES + 2, dtype=np.float64), np.nan)
    split = float(arrays["nodes_splits"][node])
    near = np.float32(split)
    steps = [split, np.nextafter(split, np.inf), np.nextafter(split, -np.inf), float(near)]
    steps += [float(np.nextafter(near, np.float32(way))) for way in (np.inf, -np.inf)]
    return np.array([*steps, split - 1.0, split + 1.0, np.nan])


def _move_into(
    rows: Rows, column: int, box: tuple[float, float], *, features: Any, random: np.random.Generator
) -> None:
    low, high = box
    width = high - low if np.isfinite(high - low) else 2.0
    bottom = low if np.isfinite(low) else high - width
    drawn = bottom + width * random.uniform(0.001, 1.0, len(rows))
    drawn = np.where(drawn > low, drawn, np.nextafter(low, np.inf))
    _put(rows, column, np.minimum(drawn, high), features)


def _put(rows: Rows, column: int, values: Doubles, features: Any) -> None:
    found = features(column, values)
    if found is None:
        return
    incoming, cells = found
    if incoming in rows.strings:
        rows.strings[incoming][:] = cells
    else:
        rows.numbers[:, incoming] = cells


def _path(arrays: faults.Arrays, node: int) -> list[tuple[int, bool]]:
    """Return the nodes above, each with whether its true branch is taken."""
    path, current = [], node
    while True:
        for branch, is_true in (("true", True), ("false", False)):
            inner = arrays[f"nodes_{branch}leafs"] == 0
            above = np.flatnonzero(inner & (arrays[f"nodes_{branch}nodeids"] == current))
            if len(above):
                path.append((int(above[0]), is_true))
                current = int(above[0])
                break
        else:
            return path


def _members(arrays: faults.Arrays, node: int) -> Doubles:
    order = np.flatnonzero(arrays["nodes_modes"] == _MEMBER)
    places = faults.category_sets(arrays)[int(np.flatnonzero(order == node)[0])]
    return np.asarray(arrays["membership_values"][places])


def as_they_come(column: int, values: Doubles) -> tuple[int, Doubles]:
    """Columns of the ensemble are those that come in."""
    return column, values


class ThroughSteps:
    """What comes in for a value of a column behind a pipeline's first steps: found by bisection, a column at a time."""

    def __init__(self, model: Any, background: Rows, names: list[str]) -> None:
        import pandas as pd

        frame = pd.DataFrame({name: background.numbers[:1, index] for index, name in enumerate(names)})
        for index, cells in background.strings.items():
            frame[names[index]] = cells[:1]
        if not hasattr(model, "feature_names_in_"):
            frame = frame.to_numpy(dtype=np.float64)
        self._steps, self._frame, self._names, self._tables = model[:-1], frame, names, list(background.strings)

    def __call__(self, column: int, values: Doubles) -> tuple[int, Any] | None:
        for incoming in range(len(self._names)):
            if incoming in self._tables:
                cells = self._text_for(incoming, column, values)
            else:
                cells = self._number_for(incoming, column, values)
            if cells is not None:
                return incoming, cells
        return None

    def _ask(self, incoming: int, cells: Any, column: int) -> Doubles:
        if isinstance(self._frame, np.ndarray):
            rows = np.repeat(self._frame, len(cells), axis=0)
            rows[:, incoming] = cells
        else:
            rows = self._frame.loc[[0] * len(cells)].reset_index(drop=True)
            rows[self._names[incoming]] = cells
        found = self._steps.transform(rows)
        return np.asarray(found.toarray() if hasattr(found, "toarray") else found)[:, column]

    def _text_for(self, incoming: int, column: int, values: Doubles) -> Any:
        texts = np.array([*CITIES, "elsewhere"], dtype=object)
        answers = self._ask(incoming, texts, column)
        if len(set(answers.tolist())) == 1:
            return None
        nearest = np.abs(answers[None, :] - np.nan_to_num(values)[:, None])
        return texts[(nearest + np.random.default_rng(0).random(nearest.shape) / 1e3).argmin(axis=1)]

    def _number_for(self, incoming: int, column: int, values: Doubles) -> Doubles | None:
        low, high = np.full(len(values), -1e4), np.full(len(values), 1e4)
        ends = self._ask(incoming, np.array([-1e4, 0.0, 5.0, 1e4]), column)
        if len(set(ends.tolist())) == 1:
            return None
        for _ in range(90):
            middle = low / 2 + high / 2
            is_left = self._ask(incoming, middle, column) <= np.nan_to_num(values)
            low, high = np.where(is_left, middle, low), np.where(is_left, high, middle)
        found = np.where(np.arange(len(values)) % 3 == 0, high, low)  # the two numbers beside the crossing
        return np.where(np.isnan(values), np.nan, found)
