"""Trees as no library grows them: every shape, size and width that the form holds, on every instruction set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pytest

from packager.binned.library import library
from packager.binned.pack import Ensemble, pack
from tests.binned.models import INSTRUCTION_SETS, needs_library
from tests.binned.reference import Reference

pytestmark = needs_library

Shape = Literal["balanced", "random", "chain"]
_SPECIAL = (0.0, -0.0, 1e-35, -1e-35, float(np.float32(1e-35)), 1.1e-35, 5e-324, 1e300, -1e300, np.inf, -np.inf, np.nan)
# One row, sizes of vectors and blocks and those beside, and more than a block.
_COUNTS = (1, 3, 16, 24, 31, 64, 200, 256, 300)


@dataclass(frozen=True)
class Grown:
    """What is drawn: `leaves` of each tree in turn, `thresholds` to choose from for a feature."""

    leaves: tuple[int, ...] = (31,)
    trees: int = 40
    features: int = 12
    thresholds: int = 40
    shape: Shape = "random"
    targets: int = 1
    width: int = 1
    sets: int = 0
    is_float32: bool = False
    rules: bool = False

    def __str__(self) -> str:
        told = {name: value for name, value in vars(self).items() if value != getattr(Grown(), name)}
        return ", ".join(f"{name}={value}" for name, value in told.items()) or "plain"


GROWN = (
    Grown(),
    Grown(leaves=(1, 2, 3, 1, 4)),
    Grown(leaves=(32, 33, 64, 65)),
    Grown(leaves=(127,), trees=30, shape="balanced"),
    Grown(leaves=(255, 256, 257, 258), trees=8),
    Grown(leaves=(300,), trees=6, shape="chain"),
    Grown(leaves=(2_000, 5), trees=6, shape="chain"),
    Grown(leaves=(5_000, 2), trees=4, is_float32=True),
    Grown(leaves=(20, 700), trees=20, thresholds=300),
    Grown(features=63, leaves=(15,)),
    Grown(features=64, leaves=(15,)),
    Grown(features=65, leaves=(15,)),
    Grown(features=400, leaves=(30,), trees=100),
    Grown(features=3_000, leaves=(30,), trees=200, thresholds=5),
    Grown(features=1, thresholds=1, leaves=(2, 3)),
    Grown(features=2, thresholds=255, trees=80),
    Grown(features=2, thresholds=256, trees=80),
    Grown(features=2, thresholds=5_000, trees=300),
    Grown(features=1, thresholds=140_000, leaves=(20_000,), trees=9, shape="balanced"),
    Grown(targets=3),
    Grown(targets=40, trees=120, leaves=(8,)),
    Grown(targets=200, trees=20, leaves=(8,)),
    Grown(width=2, targets=2, is_float32=True),
    Grown(width=3, targets=3, leaves=(400,), trees=9, is_float32=True),
    Grown(width=10, targets=10, leaves=(5, 1)),
    Grown(width=2, targets=5),
    Grown(sets=30, features=4),
    Grown(sets=500, features=3, trees=80, rules=True),
    Grown(rules=True, features=6, thresholds=20),
    Grown(rules=True, leaves=(300,), trees=9, targets=3),
)


def grown(kind: Grown, random: np.random.Generator) -> Ensemble:
    sizes = np.resize(kind.leaves, kind.trees)
    bits = np.array([bit for size in sizes.tolist() for bit in _shape(size, kind.shape, random)], dtype=bool)
    left_is_leaf, right_is_leaf = bits.reshape(-1, 2).T
    n_splits, n_leaves = len(left_is_leaf), int(sizes.sum())
    pool = np.round(random.normal(size=(kind.features, kind.thresholds)), 3 if kind.thresholds < 1_000 else 12)
    feature = random.integers(0, kind.features, n_splits)
    category_set = np.where(random.random(n_splits) < 0.3, random.integers(0, max(kind.sets, 1), n_splits), -1)
    ruled = random.integers(0, 3, kind.features)
    return Ensemble(
        n_features=kind.features,
        feature=feature,
        threshold=pool[feature, random.integers(0, kind.thresholds, n_splits)],
        missing_left=random.random(n_splits) < 0.5,
        category_set=category_set if kind.sets else np.full(n_splits, -1),
        categories=tuple(np.flatnonzero(random.random(12) < 0.4).astype(float) for _ in range(kind.sets)),
        left_is_leaf=left_is_leaf,
        right_is_leaf=right_is_leaf,
        sizes=sizes,
        values=random.normal(size=(n_leaves, kind.width)),
        targets=np.arange(kind.trees) % (kind.targets - kind.width + 1),
        n_targets=kind.targets,
        is_float32=kind.is_float32,
        zero_is_missing=ruled == 1 if kind.rules else None,
        truncated=ruled == 2 if kind.rules else None,
    )


def _shape(leaves: int, shape: Shape, random: np.random.Generator) -> list[tuple[bool, bool]]:
    """Return for each split of a tree in preorder whether its left and its right child are leaves."""
    told, waiting = [], [leaves]
    while waiting:
        count = waiting.pop()
        if count == 1:
            continue
        left = {
            "balanced": count // 2,
            "random": int(random.integers(1, count)),
            "chain": 1 if random.random() < 0.5 else count - 1,
        }[shape]
        told.append((left == 1, count - left == 1))
        waiting += [count - left, left]
    return told


def rows_for(ensemble: Ensemble, count: int, random: np.random.Generator) -> Any:
    """Return rows whose cells lie on thresholds, beside them and anywhere."""
    rows = random.normal(size=(count, ensemble.n_features))
    rows = np.where(random.random(rows.shape) < 0.2, random.integers(-1, 14, rows.shape), rows)
    rows = np.where(random.random(rows.shape) < 0.15, random.choice(_SPECIAL, rows.shape), rows)
    at = random.integers(0, len(ensemble.feature), count * min(ensemble.n_features, 8) // 2)
    cells = ensemble.threshold[at]
    beside = random.integers(0, 5, len(cells))
    for number, toward in ((1, -np.inf), (2, np.inf)):
        cells = np.where(beside == number, np.nextafter(cells, toward), cells)
    cells = np.where(beside == 3, cells.astype(np.float32), cells)
    rows[np.arange(len(cells)) % count, ensemble.feature[at]] = cells
    return rows


@pytest.mark.parametrize("kind", GROWN, ids=str)
def test_sums_are_those_of_the_bytes(kind: Grown) -> None:
    random = np.random.default_rng(GROWN.index(kind))
    ensemble = grown(kind, random)
    data = pack(ensemble)
    rows = rows_for(ensemble, max(_COUNTS), random)
    with np.errstate(over="ignore"):
        floats = rows.astype(np.float32)
    for given in (rows, floats):
        expected = Reference(data).raw(given)
        assert len(np.unique(expected[:, 0])) > 1, "the example needs rows that differ"
        for instruction_set in INSTRUCTION_SETS:
            model = library().Model(data, instruction_set)
            for count in _COUNTS:
                raw = np.full((count, kind.targets), np.nan)
                model.raw(given[-count:].copy(), raw)
                np.testing.assert_array_equal(raw, expected[-count:], f"{count} rows, {instruction_set}")


@pytest.mark.parametrize("kind", [Grown(), Grown(is_float32=True, sets=20, rules=True)], ids=str)
def test_bytes_decide_as_the_arrays_do(kind: Grown) -> None:
    """The reference reads bytes: here it is held against the arrays, split by split."""
    random = np.random.default_rng(7)
    ensemble = replace(grown(kind, random), values=np.ones((int(np.resize(kind.leaves, kind.trees).sum()), 1)))
    stumps = replace(
        ensemble,
        left_is_leaf=np.ones_like(ensemble.left_is_leaf),
        right_is_leaf=np.ones_like(ensemble.right_is_leaf),
        sizes=np.full(len(ensemble.feature), 2),
        values=np.tile([[0.0], [1.0]], (len(ensemble.feature), 1)),
        targets=np.arange(len(ensemble.feature)),
        n_targets=len(ensemble.feature),
    )
    rows = rows_for(ensemble, 200, random)
    goes_right = Reference(pack(stumps)).raw(rows) == 1
    cells = rows[:, ensemble.feature]
    if kind.is_float32:
        with np.errstate(over="ignore"):
            cells = cells.astype(np.float32).astype(np.float64)
    if ensemble.zero_is_missing is not None and ensemble.truncated is not None:
        is_zero = ensemble.zero_is_missing[ensemble.feature] & (np.abs(cells) <= np.float64(np.float32(1e-35)))
        cells = np.where(ensemble.truncated[ensemble.feature], np.trunc(cells), np.where(is_zero, np.nan, cells))
    sets = [
        np.isin(column, ensemble.categories[index]) if index >= 0 else column <= threshold
        for column, index, threshold in zip(cells.T, ensemble.category_set, ensemble.threshold, strict=True)
    ]
    left = np.where(np.isnan(cells), ensemble.missing_left, np.array(sets).T)
    np.testing.assert_array_equal(goes_right, ~left)
