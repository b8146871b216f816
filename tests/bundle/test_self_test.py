"""The self-test's rows and scores: numpy's own walk is right, reaches what matters, and is the library's to the bit."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from packager.bundle.fast_path import compiled_library
from packager.bundle.self_test import self_test
from packager.errors import BundleError

from .binned import FEATURES, Split, ensemble, grown, needs_library, raw_score


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_a_walk_through_the_trees(seed: int) -> None:
    trees = grown(seed, trees=200, depth=7)
    test = self_test(ensemble(trees))
    assert test.rows.shape == (256, FEATURES)
    assert test.scores[:, 0].tolist() == [raw_score(trees, row) for row in test.rows]


def test_rows_lie_on_edges_beside_them_and_off_them() -> None:
    trees = grown()
    edges = sorted({split.threshold for split in _splits(trees) if split.feature == 0})
    cells = self_test(ensemble(trees)).rows[:, 0]
    for near in (edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)):
        assert np.isin(near, cells).mean() > 0.9
    assert np.isnan(cells).any()
    assert (np.abs(cells) > 1e200).any()


def test_the_same_ensemble_gives_the_same_bytes_and_several_share_the_rows() -> None:
    data = ensemble(grown())
    assert self_test(data).tobytes() == self_test(data).tobytes()
    assert len(self_test(data, one_of=4).rows) == 64
    assert len(self_test(data, one_of=1000).rows) == 8


def test_trees_of_one_leaf_and_none_at_all() -> None:
    assert self_test(ensemble([0.25, 0.5])).scores.tolist() == [[0.75]] * 256
    assert self_test(ensemble([])).scores.tolist() == [[0.0]] * 256


@pytest.mark.parametrize("data", [b"", b"BINNED\0\1", b"x" * 200, ensemble(grown())[:300], ensemble(grown())[:-8]])
def test_bytes_that_are_none_are_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="holds no ensemble"):
        self_test(data)


# Kind, missing to the right, flags, edges or members; None shares the edges of the column before.
COLUMNS = [
    (0, 0, 0, [-1.5, 0.0, 2.0]),
    (0, 1, 4, None),
    (0, 0, 1, [-1.0, 1e-35, 3.0]),
    (0, 1, 5, None),
    (1, 0, 2, [-2.0, 0.0, 3.0, 7.0]),
    (1, 1, 3, [1.0]),
    (0, 1, 2, [-3.0, 4.0]),
    (0, 0, 0, [-np.inf, 0.1, np.inf]),
]
FEATURE_OF = (0, 0, 1, 1, 2, 3, 4, 5)


def _columns_of_all_kinds(flags: int, targets: int) -> bytes:
    """Return stumps over every kind of column, each with leaves for two neighbouring targets."""
    words, columns, edges, before = [], b"", list[float](), 0
    for place, (kind, missing, own_flags, own) in enumerate(COLUMNS):
        count = before if own is None else len(own)
        before = count
        columns += struct.pack("<IBBBBII", FEATURE_OF[place], kind, missing, own_flags, 0, count, 0)
        edges += own or []
        words += [(0 if kind else rank) | place << 16 | 3 << 30 for rank in range(1 if kind else count)]
    chance = np.random.default_rng(3)
    trees, width = len(words), min(targets, 2)
    counts = [6, len(COLUMNS), trees, targets, width, trees, 2 * trees, len(edges), flags, 0, 0, 8]
    sections = [
        struct.pack("<8s12I3d4I", b"BINNED\0\1", *counts, 1.0, 1.0, 0.0, 0, 0, 0, 0),
        columns,
        np.array(edges, "<f4" if flags else "<f8").tobytes(),
        chance.normal(size=targets).astype("<f8").tobytes(),
        chance.integers(targets - width + 1, size=trees).astype("<u4").tobytes(),
        np.full(trees, 2, "<u4").tobytes(),
        np.array(words, "<u4").tobytes(),
        chance.normal(size=2 * trees * width).astype("<f8").tobytes(),
    ]
    return b"".join(section + b"\0" * (-len(section) % 8) for section in sections)


@needs_library
@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("flags", [0, 1])
def test_the_library_repeats_columns_of_all_kinds(flags: int, targets: int) -> None:
    data, library = _columns_of_all_kinds(flags, targets), compiled_library()
    test = self_test(data)
    assert len(np.unique(test.scores)) > 100
    for name in library.instruction_sets():
        raw = np.empty_like(test.scores)
        library.Model(data, name).raw(test.rows, raw)
        assert raw.tobytes() == test.scores.tobytes(), name


def _splits(trees: list[Split | float]) -> list[Split]:
    found, waiting = [], list(trees)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Split):
            found.append(node)
            waiting += [node.left, node.right]
    return found
