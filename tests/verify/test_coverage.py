"""What rows cover, counted for all rows and trees at once, against one row and one node at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from packager.structure import Trees
from packager.verify.coverage import Group, groups
from tests.convert import lightgbm_cases, sklearn_cases
from tests.convert.pairs import pair

CASES = {case.name: case for case in (*sklearn_cases.CASES, *lightgbm_cases.CASES)}


@dataclass(frozen=True)
class Step:
    """One row at one node, and what it does there."""

    node: int
    left: bool
    missing: bool
    member: float | None


def steps(trees: Trees, cells: list[float]) -> Iterator[Step]:
    """Walk one row down every tree, as the docstring of Trees says it goes."""
    for root in trees.roots.tolist():
        node = root
        while node >= 0:
            cell, index = cells[trees.feature[node]], trees.category_set[node]
            missing, member = math.isnan(cell), None
            if missing:
                left = bool(trees.missing_left[node])
            elif index >= 0:
                left = cell in trees.categories[index].tolist()
                member = cell if left else None
            else:
                left = cell <= trees.threshold[node]
            yield Step(node, left, missing, member)
            node = int(trees.left[node] if left else trees.right[node])


@pytest.mark.parametrize(
    "name", ["lightgbm 2 classes, category, missing", "hist, value, missing", "forest, text labels"]
)
def test_a_walk_of_all_rows_at_once_meets_what_each_row_meets(name: str, tmp_path: Path) -> None:
    both = pair(CASES[name].fit(), tmp_path)
    trees = both.structure.trees
    assert trees is not None
    made = both.probes().rows
    rows = made.take(np.linspace(0, len(made) - 1, 40).astype(np.intp))
    native, taken = both.native.tolerant_answers(rows)
    assert native is not None
    assert taken.all()
    found = {group.name: group for group in groups(rows, native, both.structure, both.signature)}
    met = [list(steps(trees, row)) for row in rows.numbers.tolist()]
    every = np.arange(len(rows))
    sides = {(one.node, one.left) for row in met for one in row}
    assert found["splits on both sides"].covered(every) == sum((node, not left) in sides for node, left in sides) // 2
    missing = {one.node for row in met for one in row if one.missing}
    if missing:
        assert found["splits with a missing cell"].covered(every) == len(missing)
    members = {(one.node, one.member) for row in met for one in row if one.member is not None}
    if members:
        assert found["categories of splits"].covered(every) == len(members)
        assert found["categories of splits"].count == sum(
            map(len, (trees.categories[i] for i in trees.category_set if i >= 0))
        )
    for number, row in enumerate(met[:10]):
        own = found["splits on both sides"].members[found["splits on both sides"].rows == number]
        assert sorted(own.tolist()) == sorted(2 * one.node + (not one.left) for one in row)


def test_both_sides_of_a_thing_make_it_covered() -> None:
    group = Group("sides", 3, np.array([0, 0, 1, 2]), np.array([0, 2, 1, 3]), two_sided=True)
    assert group.covered(np.array([0, 1])) == 1
    assert group.covered(np.array([0, 1, 2])) == 2
    assert group.covered(np.array([0])) == 0


def test_categories_classes_and_missing_cells_are_counted(tmp_path: Path) -> None:
    both = pair(CASES["lightgbm 2 classes, category, missing"].fit(), tmp_path)
    rows = both.probes().rows
    native, taken = both.native.tolerant_answers(rows)
    assert native is not None
    assert taken.all()
    found = {group.name: group for group in groups(rows, native, both.structure, both.signature)}
    every = np.arange(len(rows))
    for name in ("classes", "categories", "columns with a missing cell"):
        assert found[name].covered(every) == found[name].count > 1
    one = np.array([0])
    assert found["classes"].covered(one) == 1
    assert found["categories"].covered(one) <= len(both.signature.columns)
