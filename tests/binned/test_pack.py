"""The bytes of an ensemble: columns, ranks, shared edges, starts, limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from packager.binned.library import library
from packager.binned.pack import MAX_EDGES, Ending, Ensemble, NotApplicable, pack, with_ending
from tests.binned.models import needs_library
from tests.binned.reference import Reference


def stumps(feature: np.ndarray, threshold: np.ndarray, **changes: object) -> Ensemble:
    """Return trees of one split each that add 1 where a cell is above the threshold."""
    count = len(threshold)
    ensemble = Ensemble(
        n_features=int(feature.max()) + 1,
        feature=feature,
        threshold=threshold,
        missing_left=np.zeros(count, dtype=bool),
        category_set=np.full(count, -1),
        categories=(),
        left_is_leaf=np.ones(count, dtype=bool),
        right_is_leaf=np.ones(count, dtype=bool),
        sizes=np.full(count, 2),
        values=np.tile([[0.0], [1.0]], (count, 1)),
        targets=np.zeros(count, dtype=np.int64),
        n_targets=1,
    )
    return replace(ensemble, **changes)  # type: ignore[arg-type]


def on_one(threshold: np.ndarray, **changes: object) -> Ensemble:
    return stumps(np.zeros(len(threshold), dtype=np.int64), threshold, **changes)


@pytest.mark.parametrize(("edges", "bits"), [(1, 8), (255, 8), (256, 16), (MAX_EDGES, 16)])
def test_bins_are_bytes_as_long_as_they_count_far_enough(edges: int, bits: int) -> None:
    threshold = np.arange(edges, dtype=np.float64)
    packed = Reference(pack(on_one(threshold)))
    assert (packed.bits, len(packed.columns)) == (bits, 1)
    rows = np.array([[-1.0], [0.0], [edges - 1.0], [float(edges)], [np.nan]])
    np.testing.assert_array_equal(packed.raw(rows)[:, 0], (~(rows <= threshold)).sum(axis=1))


@needs_library
def test_more_thresholds_than_ranks_make_several_columns_of_one_feature() -> None:
    threshold = np.random.default_rng(0).permutation(2 * MAX_EDGES + 5).astype(np.float64)
    data = pack(on_one(threshold, missing_left=threshold % 3 == 0))
    packed = Reference(data)
    assert len(packed.columns) == 6
    assert [len(column.edges) for column in packed.columns[::2]] == [MAX_EDGES, MAX_EDGES, 5]
    cells = [-1, 0, 0.5, MAX_EDGES - 1, MAX_EDGES - 0.5, MAX_EDGES, 2 * MAX_EDGES, 2 * MAX_EDGES + 4, 1e9, np.nan]
    raw = np.empty((len(cells), 1))
    library().Model(data).raw(np.array(cells)[:, None], raw)
    expected = [(cell > threshold).sum() for cell in cells[:-1]]
    assert raw[:, 0].tolist() == [*expected, (threshold % 3 != 0).sum()]


def test_columns_of_a_feature_that_differ_in_where_missing_cells_go_share_their_edges() -> None:
    threshold = np.array([3.0, 1.0, 2.0, 1.0])
    packed = Reference(pack(on_one(threshold, missing_left=np.array([True, False, True, True]))))
    assert [(column.missing_right, column.edges.tolist()) for column in packed.columns] == [
        (False, [1.0, 2.0, 3.0]),
        (True, [1.0, 2.0, 3.0]),
    ]
    assert packed.raw(np.array([[np.nan], [1.5]])).ravel().tolist() == [1, 2]


def test_features_that_no_split_reads_have_no_column() -> None:
    packed = Reference(pack(stumps(np.array([7, 2, 7]), np.array([0.0, 1.0, 2.0]), n_features=9)))
    assert (packed.n_features, [column.feature for column in packed.columns]) == (9, [2, 7])


def test_both_zeros_are_one_threshold() -> None:
    packed = Reference(pack(on_one(np.array([-0.0, 0.0]))))
    assert [column.edges.tolist() for column in packed.columns] == [[0.0]]


def test_infinite_thresholds_are_thresholds() -> None:
    packed = Reference(pack(on_one(np.array([-np.inf, np.inf]))))
    rows = np.array([[-np.inf], [-1e308], [1e308], [np.inf]])
    assert packed.raw(rows).ravel().tolist() == [0, 1, 1, 1]


def test_equal_sets_have_one_column_for_each_side_that_missing_cells_go_to() -> None:
    sets = (np.array([1.0, 4.0]), np.array([1.0, 4.0]), np.array([2.0]))
    chosen = {"category_set": np.array([0, 1, 2, 0]), "missing_left": np.array([True, True, True, False])}
    packed = Reference(pack(on_one(np.zeros(4), categories=sets, **chosen)))
    assert [(column.missing_right, column.edges.tolist()) for column in packed.columns] == [
        (False, [1.0, 4.0]),
        (True, [1.0, 4.0]),
        (False, [2.0]),
    ]
    assert packed.raw(np.array([[1.0], [2.0], [4.0], [3.0], [np.nan]])).ravel().tolist() == [1, 3, 1, 4, 1]


@needs_library
def test_a_set_without_members_sends_every_number_right() -> None:
    data = pack(on_one(np.zeros(1), category_set=np.zeros(1, dtype=np.int64), categories=(np.zeros(0),)))
    assert Reference(data).raw(np.array([[1.0], [-np.inf]])).ravel().tolist() == [1, 1]
    library().Model(data)


@pytest.mark.parametrize("first", [-0.0, 0.0, 0.1])
def test_constants_before_all_trees_of_their_sum_are_what_it_starts_from(first: float) -> None:
    grown = on_one(np.array([1.0, 2.0]))
    # Two constants, a tree, a constant that stays in its place, a tree; the third to its own sum.
    ensemble = replace(
        grown,
        sizes=np.array([1, 1, 2, 1, 2]),
        values=np.array([[first], [0.2], [0.3], [0.7], [0.4], [0.5], [0.6]]),
        targets=np.array([0, 1, 0, 0, 1]),
        n_targets=2,
    )
    packed = Reference(pack(ensemble))
    assert packed.starts.tolist() == [0.0 + first, 0.2]
    assert not np.signbit(packed.starts).any()
    assert packed.sizes.tolist() == [2, 1, 2]
    expected = [[(0.0 + first + 0.3) + 0.4, 0.2 + 0.5], [(0.0 + first + 0.7) + 0.4, 0.2 + 0.5]]
    assert packed.raw(np.array([[0.0], [1.5]])).tolist() == expected


@needs_library
def test_of_constants_alone_one_stays_a_tree() -> None:
    none = np.zeros(0, dtype=np.int64)
    bare = replace(
        stumps(np.zeros(1, dtype=np.int64), np.zeros(1)),
        feature=none,
        threshold=np.zeros(0),
        missing_left=none.astype(bool),
        category_set=none,
        left_is_leaf=none.astype(bool),
        right_is_leaf=none.astype(bool),
        sizes=np.ones(2, dtype=np.int64),
        values=np.array([[0.25], [0.5]]),
        targets=np.zeros(2, dtype=np.int64),
    )
    data = pack(bare)
    assert Reference(data).raw(np.zeros((3, 1))).ravel().tolist() == [0.75] * 3
    library().Model(data)


def test_the_ending_is_told() -> None:
    ending = Ending(divisor=4.0, link=1, scale=2.5, rule=2, limit=-1.5)
    data = pack(on_one(np.array([1.0])), ending)
    assert with_ending(pack(on_one(np.array([1.0]))), ending) == data
    packed = Reference(data)
    assert (packed.divisor, packed.link, packed.scale, packed.rule, packed.limit) == (4.0, 1, 2.5, 2, -1.5)


def test_too_many_columns_are_refused() -> None:
    features = np.arange(16_385)
    pack(stumps(features[:-1], features[:-1].astype(float)))
    with pytest.raises(NotApplicable, match="16,385 columns and category sets, of which 16,384 fit"):
        pack(stumps(features, features.astype(float)))


def test_a_set_that_is_too_large_is_refused() -> None:
    large = {"category_set": np.zeros(1, dtype=np.int64), "categories": (np.arange(MAX_EDGES + 1.0),)}
    with pytest.raises(NotApplicable, match="more than 65,535 members"):
        pack(on_one(np.zeros(1), **large))


def test_a_threshold_that_is_no_number_is_refused() -> None:
    with pytest.raises(NotApplicable, match="no number"):
        pack(on_one(np.array([np.nan])))
