"""Trees are trees, or they are refused; what is written is what is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.errors import SourceError
from packager.structure import Structure, Trees, concatenate, constant_trees, load, save


def trees(**changed: object) -> Trees:
    """Return two trees: one splits twice, by number and by category, the other is one leaf."""
    sound = Trees(
        n_features=2,
        roots=np.array([0, ~3]),
        feature=np.array([0, 1]),
        threshold=np.array([0.5, 0.0]),
        left=np.array([1, ~0]),
        right=np.array([~2, ~1]),
        missing_left=np.array([True, False]),
        category_set=np.array([-1, 0]),
        categories=(np.array([3.0, 5.0]),),
        leaves_per_tree=np.array([3, 1]),
    )
    return replace(sound, **changed)  # type: ignore[arg-type]


def circle() -> Trees:
    """Return one leaf for a root, and two nodes that are each other's child: every node has one parent."""
    return trees(
        roots=np.array([~0]),
        left=np.array([1, 0]),
        right=np.array([~1, ~2]),
        leaves_per_tree=np.array([3]),
    )


UNSOUND = {
    "a node with two parents": {"left": np.array([1, 1])},
    "a node that is its own child": {"left": np.array([0, ~0])},
    "a node that nobody leads to": {"left": np.array([~2, ~0])},
    "a node out of range": {"left": np.array([7, ~0])},
    "a leaf with two parents": {"right": np.array([~0, ~1])},
    "a leaf out of range": {"right": np.array([~9, ~1])},
    "a root out of range": {"roots": np.array([2, ~3])},
    "two trees with one root": {"roots": np.array([0, 0])},
    "a feature out of range": {"feature": np.array([0, 2])},
    "a feature below zero": {"feature": np.array([-1, 1])},
    "a set of categories out of range": {"category_set": np.array([-1, 1])},
    "fewer leaves than it says": {"leaves_per_tree": np.array([3, 2])},
}


def test_sound_trees_pass() -> None:
    trees().check()
    constant_trees(3, 2).check()
    concatenate([trees(), constant_trees(2, 2), trees()]).check()


@pytest.mark.parametrize("what", UNSOUND)
def test_unsound_trees_are_refused(what: str) -> None:
    with pytest.raises(ValueError):
        trees(**UNSOUND[what]).check()


def test_a_circle_apart_from_the_roots_is_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        circle().check()


@given(st.permutations(range(7)))
def test_any_other_wiring_of_children_is_a_tree_or_refused(order: list[int]) -> None:
    """Seven children in any order: whatever passes the check leads from the roots to each node once."""
    children = np.array([1, 2, ~0, ~1, ~2, ~3, 0])[order]
    wired = Trees(
        n_features=1,
        roots=children[6:],
        feature=np.zeros(3, dtype=np.int64),
        threshold=np.zeros(3),
        left=children[:3],
        right=children[3:6],
        missing_left=np.zeros(3, dtype=bool),
        category_set=np.full(3, -1),
        categories=(),
        leaves_per_tree=np.array([4]),
    )
    seen: list[int] = []

    def walk(child: int) -> None:
        if child >= 0 and len(seen) < 10:
            seen.append(child)
            walk(int(wired.left[child]))
            walk(int(wired.right[child]))

    walk(int(wired.roots[0]))
    if sorted(seen) == [0, 1, 2]:
        wired.check()
    else:
        with pytest.raises(ValueError):
            wired.check()


def test_joined_trees_keep_their_nodes_leaves_and_sets() -> None:
    joined = concatenate([trees(), trees()])
    assert joined.roots.tolist() == [0, ~3, 2, ~7]
    assert joined.left.tolist() == [1, ~0, 3, ~4]
    assert joined.category_set.tolist() == [-1, 0, -1, 1]
    assert joined.leaf_tree.tolist() == [0, 0, 0, 1, 2, 2, 2, 3]
    assert joined.n_trees == 4


def structure(told: Trees | None) -> Structure:
    return Structure(
        low=np.array([0.0, -1.5]),
        high=np.array([1.0, 1e300]),
        trees=told,
        texts={1: ("a", "", "Zürich 東京")},
        gap="none is known",
        codes={0: np.array([1.0, 7.0])},
    )


@pytest.mark.parametrize("told", [None, trees(), trees(category_set=np.array([-1, -1]), categories=())])
def test_what_is_written_is_read(told: Trees | None, tmp_path: Path) -> None:
    save(structure(told), tmp_path / "structure.npz")
    found = load(tmp_path / "structure.npz")
    assert (found.texts, found.gap) == (structure(told).texts, "none is known")
    np.testing.assert_array_equal(found.low, structure(told).low)
    np.testing.assert_array_equal(found.high, structure(told).high)
    np.testing.assert_array_equal(found.codes[0], [1.0, 7.0])
    assert (found.trees is None) == (told is None)
    if told is not None and found.trees is not None:
        for name, value in vars(told).items():
            np.testing.assert_equal(getattr(found.trees, name), value)


def test_no_gap_stays_no_gap(tmp_path: Path) -> None:
    save(replace(structure(None), gap=None), tmp_path / "structure.npz")
    assert load(tmp_path / "structure.npz").gap is None


@pytest.mark.parametrize("told", [circle(), trees(left=np.array([7, ~0]))], ids=["circle", "out of range"])
def test_a_damaged_artifact_is_refused_when_its_structure_is_read(told: Trees, tmp_path: Path) -> None:
    save(structure(told), tmp_path / "structure.npz")
    with pytest.raises(SourceError, match="damaged"):
        load(tmp_path / "structure.npz")
