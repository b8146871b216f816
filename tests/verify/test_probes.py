"""Made rows: the same for the same structure, of every kind, within what the model takes, and where they were led."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMRegressor

from packager.artifact import Column, Output, Signature
from packager.dataset.rows import Rows
from packager.structure import Structure, Trees, concatenate
from packager.verify.cover import Cover
from packager.verify.paths import Atlas, Paths
from packager.verify.probes import BEYOND_FLOAT32, KINDS, ORDINARY_KINDS, judged_kinds, make_probes, ordinary_rows
from packager.verify.splits import SplitRows, boundary_steps
from tests.convert import lightgbm_cases, sklearn_cases
from tests.convert.cases import numbers
from tests.convert.lightgbm_cases import CATEGORIES, SMALL
from tests.convert.pairs import pair

CASES = {case.name: case for case in (*sklearn_cases.CASES, *lightgbm_cases.CASES)}
INF = float("inf")


def regressor(*columns: Column) -> Signature:
    return Signature("regressor", "tensor", columns, (Output("variable", "value", 0),))


def number(name: str, *, missing: bool = False, max_abs: float = 1e300) -> Column:
    return Column(name, "float64", missing, max_abs)


def tree(categories: tuple[float, ...] = (2.0, 5.0)) -> Trees:
    """Return one tree over two columns: x0 <= 1.5, then x1 in the categories, then x0 <= 0.5."""
    return Trees(
        n_features=2,
        roots=np.array([0]),
        feature=np.array([0, 1, 0]),
        threshold=np.array([1.5, 0.0, 0.5]),
        left=np.array([1, 2, ~0]),
        right=np.array([~3, ~2, ~1]),
        missing_left=np.array([True, False, False]),
        category_set=np.array([-1, 0, -1]),
        categories=(np.array(categories),),
        leaves_per_tree=np.array([4]),
    )


def structure(trees: Trees | None = None, count: int = 2, **more: object) -> Structure:
    return Structure(np.full(count, -2.0), np.full(count, 3.0), trees, {}, **more)  # type: ignore[arg-type]


def reach(trees: Trees, row: np.ndarray) -> list[int]:
    """Return the nodes that a row meets, by the rules as they are written."""
    met, child = [], int(trees.roots[0])
    while child >= 0:
        met.append(child)
        cell = row[trees.feature[child]]
        if trees.category_set[child] >= 0:
            left = bool(np.isin(cell, trees.categories[trees.category_set[child]]))
        elif np.isnan(cell):
            left = bool(trees.missing_left[child])
        else:
            left = bool(cell <= trees.threshold[child])
        child = int(trees.left[child] if left else trees.right[child])
    return met


SIGNATURE = regressor(number("a", missing=True), number("b", missing=True))


def test_the_same_structure_gives_the_same_rows() -> None:
    first, second = (make_probes(structure(tree()), SIGNATURE) for _ in range(2))
    np.testing.assert_array_equal(first.rows.numbers, second.rows.numbers)
    np.testing.assert_array_equal(first.kinds, second.kinds)


def test_every_kind_is_there_and_every_row_has_one() -> None:
    made = make_probes(structure(tree()), SIGNATURE)
    assert len(made.kinds) == len(made.rows)
    assert {KINDS[kind] for kind in made.kinds} == set(KINDS)


def test_kinds_add_up() -> None:
    made = make_probes(structure(tree()), SIGNATURE)
    assert sum(made.of((kind,)).sum() for kind in KINDS) == len(made.rows)
    assert (made.of(ORDINARY_KINDS) | made.of(("threshold", *BEYOND_FLOAT32))).all()


def test_a_baseline_in_double_is_judged_on_everything_and_narrow_forms_on_less() -> None:
    assert judged_kinds("fp64", is_baseline=True) == KINDS
    for is_baseline in (True, False):
        assert judged_kinds("fp32", is_baseline=is_baseline) == (*ORDINARY_KINDS, "threshold")
    for precision in ("fp16", "int8"):
        assert judged_kinds(precision, is_baseline=False) == ORDINARY_KINDS  # type: ignore[arg-type]


def test_binned_trees_are_judged_on_everything_that_their_double_form_is() -> None:
    assert judged_kinds("binned", is_baseline=False) == judged_kinds("fp64", is_baseline=True) == KINDS


def test_no_row_is_missing_where_the_model_refuses_it() -> None:
    made = make_probes(structure(tree()), regressor(number("a"), number("b", missing=True)))
    assert not np.isnan(made.rows.numbers[:, 0]).any()
    assert np.isnan(made.rows.numbers[:, 1]).any()


def text_signature(*, missing: bool, known: tuple[str, ...] | None = None) -> Signature:
    city, code = Column("city", "string", missing, 1e300, known), Column("code", "float64", False, 1e300, None)
    codes = replace(code, known=None if known is None else (1.0, 2.0))
    return replace(regressor(city, codes), layout="columns")


def described(known: tuple[str, ...]) -> Structure:
    return Structure(np.zeros(2), np.ones(2), None, {0: known}, None, {1: np.array([1.0, 2.0, 3.0])})


@pytest.mark.parametrize("missing", [False, True])
def test_text_is_missing_where_the_model_takes_that(missing: bool) -> None:
    made = make_probes(described(("a", "b")), text_signature(missing=missing))
    cells = made.rows.strings[0]
    holes = np.array([cell is None for cell in cells])
    assert holes.any() == missing
    assert not holes[~made.of(("missing",))].any()
    assert {"a", "b", "unseen category"} <= set(cells[~holes])


def test_a_strict_model_is_asked_for_what_it_knows_alone() -> None:
    made = make_probes(described(("a", "b", "gone")), text_signature(missing=True, known=("a", "b")))
    assert set(made.rows.strings[0]) == {"a", "b", None}
    ordinary = made.rows.numbers[made.of(("ordinary", "category", "missing")), 1]
    assert set(ordinary) == {1.0, 2.0}


@pytest.mark.parametrize("trees", [tree(), None])
def test_no_number_is_beyond_what_the_model_takes(trees: Trees | None) -> None:
    made = make_probes(structure(trees), regressor(number("a", max_abs=1e5), number("b", max_abs=1e5)))
    extreme = made.rows.numbers[made.of(("extreme",))]
    assert np.isfinite(extreme).all()
    assert np.nanmax(np.abs(extreme)) <= 1e5
    assert np.nanmax(np.abs(extreme)) > 1e4


def test_ordinary_rows_lie_within_the_ranges() -> None:
    rows = ordinary_rows(structure(), SIGNATURE, 1_000)
    assert rows.numbers.min() >= -2.0
    assert rows.numbers.max() <= 3.0
    assert len(np.unique(rows.numbers[:, 0])) > 500
    assert 0.1 < (rows.numbers == np.round(rows.numbers)).mean() < 0.4


def test_ordinary_rows_are_ones_that_the_model_takes() -> None:
    signature = regressor(replace(number("a"), minimum=0.0), number("b", max_abs=2.0))
    rows = ordinary_rows(structure(), signature, 1_000).numbers
    assert (rows[:, 0].min(), rows[:, 1].max()) >= (0.0, 1.9)
    assert rows[:, 0].max() > 2.5
    assert np.abs(rows[:, 1]).max() <= 2.0


def test_zeros_of_every_size_are_in_every_column() -> None:
    made = make_probes(structure(), SIGNATURE)
    zeros = made.rows.numbers[made.of(("zero", "tiny"))]
    for column in range(2):
        for value in (0.0, 1e-35, -1e-35, 5e-324):
            assert (zeros[:, column] == value).any()
    assert np.signbit(zeros[zeros == 0]).any()


@pytest.mark.parametrize(("trees", "kind"), [(tree(), "zero"), (None, "tiny")])
def test_float32_is_asked_for_tiny_numbers_only_to_compare_them(trees: Trees | None, kind: str) -> None:
    made = make_probes(structure(trees), SIGNATURE)
    assert (made.rows.numbers[made.of((kind,))] == 1e-35).any()
    assert (made.rows.numbers[made.of(("tiny",))] == 5e-324).any()
    assert not (made.rows.numbers[made.of((*ORDINARY_KINDS, "threshold"))] == 5e-324).any()


def test_infinite_cells_go_where_every_finite_number_is_taken() -> None:
    widest = float(np.finfo(np.float64).max)
    made = make_probes(structure(tree()), regressor(number("a", max_abs=widest), number("b")))
    infinite = np.isinf(made.rows.numbers)
    assert {-INF, INF} <= set(made.rows.numbers[:, 0])
    assert not infinite[:, 1].any()
    assert not infinite[~made.of(("extreme",))].any()


def test_whole_rows_are_there_for_even_votes() -> None:
    made = make_probes(structure(), SIGNATURE)
    ordinary = made.rows.numbers[made.of(("ordinary",))]
    assert (ordinary == np.round(ordinary)).all(axis=1).sum() >= 64


def test_texts_are_odd_long_and_nearly_known() -> None:
    cells = set(make_probes(described(("Bern", "é")), text_signature(missing=False)).rows.strings[0])
    assert {"", " ", "BERN", "Bern ", "e\u0301", "Привет", "a\x00b"} <= cells
    assert max(map(len, cells)) >= 10_000


def test_paths_lead_to_their_nodes() -> None:
    trees = tree()
    paths = Atlas.of(trees, {1: np.array([2.0, 5.0, 6.0])}).paths_to(np.arange(3))
    assert paths.high[:, 0].tolist() == [INF, 1.5, 1.5]
    assert (paths.low == -INF).all()
    assert paths.allowed[1].tolist() == [[True, True, True], [True, True, True], [True, True, False]]
    # Missing a goes left at the root, missing b never is in a set.
    assert paths.missing.tolist() == [[True, True], [True, True], [True, False]]


@pytest.mark.parametrize("categories", [(2.0, 5.0), (0.0,)])
def test_threshold_rows_reach_their_splits_and_lie_on_both_sides(categories: tuple[float, ...]) -> None:
    trees = tree(categories)
    made = make_probes(structure(trees), SIGNATURE)
    rows = made.rows.numbers[made.of(("threshold",))]
    for node in (0, 2):
        boundary = trees.threshold[node]
        met = [row for row in rows if node in reach(trees, row)]
        cells = {float(row[0]) for row in met}
        assert {boundary, np.nextafter(boundary, INF), np.nextafter(boundary, -INF)} <= cells


def test_category_rows_reach_their_splits_with_members_and_others() -> None:
    trees = tree()
    made = make_probes(structure(trees), SIGNATURE)
    rows = made.rows.numbers[made.of(("category",))]
    sides = {bool(np.isin(row[1], [2.0, 5.0])) for row in rows if 1 in reach(trees, row)}
    assert sides == {True, False}
    assert {2.0, 5.0, 6.0, -1.0, 0.5} <= set(rows[:, 1])


def test_missing_rows_reach_splits_by_way_of_missing_cells() -> None:
    trees = tree()
    made = make_probes(structure(trees), SIGNATURE)
    rows = made.rows.numbers[made.of(("missing",))]
    assert any(np.isnan(row[0]) and 2 in reach(trees, row) for row in rows)
    assert any(np.isnan(row[1]) and 1 in reach(trees, row) for row in rows)


def test_a_split_that_only_missing_cells_reach_is_reached() -> None:
    parted = Trees(
        n_features=1,
        roots=np.array([0]),
        feature=np.array([0, 0]),
        threshold=np.array([INF, 0.5]),
        left=np.array([~0, ~1]),
        right=np.array([1, ~2]),
        missing_left=np.array([False, True]),
        category_set=np.array([-1, -1]),
        categories=(),
        leaves_per_tree=np.array([3]),
    )
    made = make_probes(structure(parted, 1), regressor(number("a", missing=True)))
    assert np.isfinite(made.rows.numbers[~np.isnan(made.rows.numbers)]).all()
    assert any(1 in reach(parted, row) for row in made.rows.numbers)


@pytest.mark.parametrize("order", [(5.0, 0.0, 7.0, 9.0), (0.0, 5.0, 9.0, 7.0)], ids=["tight first", "tight last"])
def test_a_box_keeps_to_the_tightest_of_the_splits_above(order: tuple[float, ...]) -> None:
    """Two splits go right and two go left: in whatever order they come, the box is (5, 7]."""
    chain = Trees(
        n_features=1,
        roots=np.array([0]),
        feature=np.zeros(5, dtype=np.int64),
        threshold=np.array([*order, 6.0]),
        left=np.array([~0, ~1, 3, 4, ~2]),
        right=np.array([1, 2, ~3, ~4, ~5]),
        missing_left=np.array([False, False, True, True, False]),
        category_set=np.full(5, -1),
        categories=(),
        leaves_per_tree=np.array([6]),
    )
    chain.check()
    paths = Atlas.of(chain, {}).paths_to(np.array([4]))
    assert (paths.low[0, 0], paths.high[0, 0], paths.missing[0, 0]) == (5.0, 7.0, True)
    for turned in range(4):
        sides = chain.missing_left.copy()
        sides[turned] ^= True
        assert not Atlas.of(replace(chain, missing_left=sides), {}).paths_to(np.array([4])).missing[0, 0]


def test_missing_rows_lead_to_every_split_that_missing_cells_can_reach() -> None:
    trees = tree()
    columns = (number("a", missing=True), number("b", missing=True))
    random = np.random.default_rng(0)
    ordinary = lambda count: Rows(random.uniform(-2, 3, (count, 2)))  # noqa: E731
    rows = SplitRows(structure(trees), trees, columns, ordinary, random).missing()
    met = {node for row in rows.numbers for node in reach(trees, row) if np.isnan(row[trees.feature[node]])}
    assert met == {0, 1, 2}


def test_deep_paths_through_one_category_column_keep_to_what_is_left() -> None:
    """Three splits in a row by one column: members of the first and the second, but not of the third."""
    chain = Trees(
        n_features=1,
        roots=np.array([0]),
        feature=np.zeros(4, dtype=np.int64),
        threshold=np.zeros(4),
        left=np.array([1, 2, ~0, ~1]),
        right=np.array([~2, ~3, 3, ~4]),
        missing_left=np.zeros(4, dtype=bool),
        category_set=np.array([0, 1, 2, 3]),
        categories=tuple(map(np.array, ([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0], [2.0], [4.0]))),
        leaves_per_tree=np.array([5]),
    )
    allowed = Atlas.of(chain, {0: np.arange(1.0, 6.0)}).paths_to(np.array([3])).allowed[0]
    assert allowed.tolist() == [[False, False, True, True, False]]
    made = make_probes(structure(chain, 1), regressor(number("a")))
    rows = made.rows.numbers[made.of(("category",))]
    assert {float(row[0]) for row in rows if 3 in reach(chain, row)} == {3.0, 4.0}


def test_texts_stand_for_their_codes_on_the_way(tmp_path: Path) -> None:
    table = pd.DataFrame(numbers(), columns=["a", "b", "c", "d", "e"])
    codes = np.random.default_rng(0).integers(0, 12, len(table))
    names = np.array([f"city {code}" for code in range(12)])
    table["city"] = pd.Categorical(names[codes], categories=names)
    model = LGBMRegressor(**{**SMALL, **CATEGORIES}).fit(table, codes % 3 + table["a"])
    both = pair(model, tmp_path)
    trees = both.structure.trees
    assert trees is not None
    assert trees.categories
    made = both.probes()
    coded = made.rows.numbers.copy()
    position = {name: code for code, name in enumerate(names.tolist())}
    coded[:, 5] = [position.get(text, 99) for text in made.rows.strings[5]]
    met = np.zeros(len(trees.feature), dtype=bool)
    for root in range(trees.n_trees):
        alone = replace(trees, roots=trees.roots[root : root + 1])
        for row in coded[:: max(1, len(coded) // 400)]:
            met[reach(alone, row)] = True
    assert met.mean() > 0.8


def test_a_wide_model_gets_fewer_rows() -> None:
    count = 40_000
    trees = concatenate([replace(tree(), n_features=count) for _ in range(2_000)])
    signature = regressor(*(number(f"x{index}") for index in range(count)))
    random = np.random.default_rng(0)
    at = SplitRows(
        structure(trees, count), trees, signature.columns, lambda rows: Rows(np.zeros((rows, count))), random
    )
    assert 100 < len(at.thresholds()) <= 1_000


def forest(count: int, depth: int, columns: int = 8, seed: int = 0) -> Trees:
    """Return whole trees whose thresholds halve what is left of a column drawn at random."""
    random = np.random.default_rng(seed)
    inner = 2**depth - 1
    parts = []
    for _ in range(count):
        feature, threshold = random.integers(columns, size=inner), np.zeros(inner)
        boxes = {0: (np.full(columns, -2.0), np.full(columns, 3.0))}
        for node in range(inner):
            low, high = boxes.pop(node)
            column = feature[node]
            threshold[node] = random.uniform(low[column], high[column])
            left_high, right_low = high.copy(), low.copy()
            left_high[column] = right_low[column] = threshold[node]
            boxes[2 * node + 1], boxes[2 * node + 2] = (low, left_high), (right_low, high)
        child = np.arange(inner)
        left, right = 2 * child + 1, 2 * child + 2
        parts.append(
            Trees(
                n_features=columns,
                roots=np.array([0]),
                feature=feature,
                threshold=threshold,
                left=np.where(left < inner, left, ~(left - inner)),
                right=np.where(right < inner, right, ~(right - inner)),
                missing_left=random.random(inner) < 0.5,
                category_set=np.full(inner, -1),
                categories=(),
                leaves_per_tree=np.array([inner + 1]),
            )
        )
    whole = concatenate(parts)
    whole.check()
    return whole


def shown(trees: Trees, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which splits some row lies right on, and which some row lies just above, by walking every row down."""
    on, above = (np.zeros(len(trees.feature), dtype=bool) for _ in range(2))
    atlas = Atlas.of(trees, {})
    for root in trees.roots.tolist():
        met = atlas.walk(rows, np.full(len(rows), root))
        row, depth = np.nonzero(met >= 0)
        node = met[row, depth]
        cell, threshold = rows[row, trees.feature[node]], trees.threshold[node]
        on[node[cell == threshold]] = True
        above[node[cell == np.nextafter(threshold, INF)]] = True
    return on, above


def test_every_split_of_a_forest_has_rows_on_it_and_just_above() -> None:
    trees = forest(20, 6)
    signature = regressor(*(number(f"x{index}") for index in range(8)))
    random = np.random.default_rng(0)
    ordinary = lambda count: Rows(random.uniform(-2, 3, (count, 8)))  # noqa: E731
    at = SplitRows(structure(trees, 8), trees, signature.columns, ordinary, random)
    on, above = shown(trees, at.thresholds().numbers)
    assert on.all()
    assert above.all()
    assert at.shown() == (len(trees.feature), len(trees.feature))


def test_a_split_between_leaves_of_one_kind_is_not_counted_as_shown() -> None:
    trees = tree((2.0, 5.0))
    told = make_probes(structure(replace(trees, leaf_kind=np.array([0, 0, 1, 2]))), SIGNATURE)
    assert told.splits == (1, 2)  # of the two thresholds x0 <= 0.5 parts nothing
    assert make_probes(structure(trees), SIGNATURE).splits == (2, 2)
    assert make_probes(structure(), SIGNATURE).splits is None


def test_one_row_shows_several_splits() -> None:
    trees = forest(40, 6)
    random = np.random.default_rng(0)

    def fill(paths: Paths) -> np.ndarray:
        return np.clip(random.uniform(-2, 3, paths.low.shape), np.nextafter(paths.low, INF), paths.high)

    cover = Cover(Atlas.of(trees, {}), fill, random)
    first = next(cover.bases(np.arange(len(trees.feature)), room=10_000, chunk=10_000))
    assert first.is_on.sum() > 3 * len(first.cells)
    on, _ = shown(trees, first.cells)
    assert on.sum() > 2 * len(first.cells)


def test_rows_keep_within_their_room() -> None:
    trees = forest(20, 6)
    random = np.random.default_rng(0)
    cover = Cover(Atlas.of(trees, {}), lambda paths: np.nextafter(paths.low, INF), random)
    assert sum(len(base.cells) for base in cover.bases(np.arange(len(trees.feature)), room=100, chunk=64)) == 100


def test_a_walk_meets_what_the_rules_say() -> None:
    trees = concatenate([tree(), tree((0.0,))])
    universe = {1: np.array([0.0, 2.0, 5.0, 6.0])}
    random = np.random.default_rng(0)
    numbers, codes = [0.0, 0.5, 0.75, 1.5, 2.0, np.nan], [0.0, 2.0, 5.0, 6.0, np.nan]
    rows = np.stack([random.choice(numbers, 200), random.choice(codes, 200)], axis=1)
    for root in trees.roots.tolist():
        met = Atlas.of(trees, universe).walk(rows, np.full(len(rows), root))
        alone = replace(trees, roots=np.array([root]))
        assert [[node for node in nodes if node >= 0] for nodes in met.tolist()] == [reach(alone, row) for row in rows]


def test_a_deep_chain_is_climbed() -> None:
    depth = 3_000
    chain = Trees(
        n_features=1,
        roots=np.array([0]),
        feature=np.zeros(depth, dtype=np.int64),
        threshold=-np.arange(depth, dtype=np.float64),
        left=np.array([*range(1, depth), ~0]),
        right=~np.arange(1, depth + 1),
        missing_left=np.zeros(depth, dtype=bool),
        category_set=np.full(depth, -1),
        categories=(),
        leaves_per_tree=np.array([depth + 1]),
    )
    chain.check()
    paths = Atlas.of(chain, {}).paths_to(np.array([depth - 1]))
    assert paths.high[0, 0] == -(depth - 2)


def test_steps_hold_both_neighbours_in_both_widths() -> None:
    steps = boundary_steps(np.array([0.1, 1e300, 0.0]))
    assert {0.1, np.nextafter(0.1, 1), np.nextafter(0.1, 0), float(np.float32(0.1))} <= set(steps[0].tolist())
    assert np.isfinite(steps).all()
    assert {float(np.float32(1e-45)), -float(np.float32(1e-45))} <= set(steps[2].tolist())


@pytest.mark.parametrize("name", ["forest, value", "hist, four classes, missing", "lightgbm 4 classes, missing"])
def test_the_rows_of_a_real_model_stay_within_their_budget(name: str, tmp_path: Path) -> None:
    made = pair(CASES[name].fit(), tmp_path).probes()
    assert 1_000 < len(made.rows) < 26_000
