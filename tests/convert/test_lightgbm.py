"""LightGBM's own rules, one by one: zeros, categories, what a model text may hold."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
import onnx
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor

from packager.convert import lightgbm_text as reader
from packager.convert.graph import UnsupportedModel
from packager.convert.lightgbm_text import parse
from packager.dataset.rows import Rows

from .cases import codes, numbers, values, with_category
from .lightgbm_cases import CASES, CATEGORIES, QUIET, SMALL
from .pairs import Pair, pair, random_rows


def test_the_category_cases_split_on_categories() -> None:
    for case in CASES:
        if ", category" in case.name:
            model = case.fit()
            booster = getattr(model, "booster_", model)
            assert parse(booster.model_to_string()).trees.categories, case.name


def test_the_zero_cases_have_missing_zeros() -> None:
    for case in CASES:
        if "zero_as_missing" in case.name:
            model = case.fit()
            booster = getattr(model, "booster_", model)
            assert parse(booster.model_to_string()).zero_is_missing.any(), case.name


@pytest.fixture(scope="module")
def many_categories(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    random = np.random.default_rng(0)
    rows = np.column_stack([random.integers(0, 5_000, 30_000), random.normal(size=30_000)]).astype(float)
    effect = random.normal(size=5_000)
    model = LGBMRegressor(n_estimators=10, num_leaves=31, max_cat_threshold=2_000, **{**CATEGORIES, **QUIET})
    model.fit(rows, effect[rows[:, 0].astype(int)] + rows[:, 1], categorical_feature=[0])
    return pair(model, tmp_path_factory.mktemp("model"))


def test_five_thousand_categories_convert_and_score_alike(many_categories: Pair) -> None:
    every = np.column_stack([np.arange(-3, 5_100), np.linspace(-2, 2, 5_103)])
    trees = many_categories.structure.trees
    assert trees is not None
    assert max(len(members) for members in trees.categories) > 500, "the sets are large"
    assert many_categories.differences(Rows(every)) == []
    assert many_categories.differences(many_categories.probes().rows) == []


def test_five_thousand_categories_make_a_small_file_without_a_node_for_each(many_categories: Pair) -> None:
    model = onnx.load(str(many_categories.path))
    splits = next(
        attribute.t.dims[0]
        for node in model.graph.node
        for attribute in node.attribute
        if attribute.name == "nodes_splits"
    )
    assert splits <= 10 * 30
    assert many_categories.path.stat().st_size < 1_000_000


@pytest.mark.parametrize(
    "cell", [2.5, -0.5, 0.999, -0.0, -1.0, -7.0, 39.0, 40.0, 1e9, 2147483647.0, 2147483648.0, 1e300, -1e300, np.nan]
)
def test_cells_that_are_no_category_go_where_lightgbm_sends_them(cell: float, tmp_path: Path) -> None:
    rows = with_category(missing=True)
    model = LGBMRegressor(**{**SMALL, **CATEGORIES}).fit(rows, values(rows), categorical_feature=[1])
    both = pair(model, tmp_path)
    made = random_rows(both, 300)
    made.numbers[:, 1] = cell
    assert both.differences(made) == []


def test_category_zero_is_told_from_missing(tmp_path: Path) -> None:
    rows = with_category()
    model = LGBMRegressor(**{**SMALL, **CATEGORIES}).fit(rows, (rows[:, 1] == 0) * 5.0, categorical_feature=[1])
    both = pair(model, tmp_path)
    made = random_rows(both, 100)
    answers = []
    for cell in (0.0, np.nan):
        made.numbers[:, 1] = cell
        assert both.differences(made) == []
        answers.append(both.session.answers(made)["variable"])
    assert (answers[0] > answers[1] + 0.5).all()


@pytest.mark.parametrize("as_text", [True, False], ids=["texts", "numbers"])
@pytest.mark.parametrize("kind", ["value", "classes"])
def test_pandas_categories_score_alike(kind: str, as_text: bool, tmp_path: Path) -> None:
    table = pd.DataFrame(numbers(missing=True), columns=["a", "b", "c", "d", "e"])
    names = np.array(["Bern", "Zürich", "東京", "", "x y"]) if as_text else np.array([3, 1, 40, -2, 7])
    table["place"] = pd.Categorical(names[np.random.default_rng(0).integers(0, 5, len(table))], categories=names)
    table = table[["a", "place", "b", "c", "d", "e"]]
    target = values(numbers()) + (table["place"] == names[0]) * 4
    if kind == "value":
        model = LGBMRegressor(**{**SMALL, **CATEGORIES}).fit(table, target)
    else:
        model = LGBMClassifier(**{**SMALL, **CATEGORIES}).fit(table, target > 1)
    both = pair(model, tmp_path)
    assert both.differences(both.probes().rows, 1e-9) == []
    kinds = both.probes().of(("category",))
    assert kinds.sum() > 10


@pytest.mark.parametrize("rule", [{}, {"use_missing": False}, {"zero_as_missing": True}], ids=["nan", "none", "zero"])
@pytest.mark.parametrize(
    "threshold", ["0", "-0", "5e-36", "-5e-36", "1.0000000180025095e-35", "-1.0000000180025095e-35"]
)
def test_thresholds_within_the_zero_zone_decide_alike(threshold: str, rule: dict[str, bool], tmp_path: Path) -> None:
    """LightGBM itself puts its thresholds beside the zone; a text may hold others."""
    rows = numbers(missing=True)
    text = LGBMRegressor(**{**SMALL, **rule}).fit(rows, values(rows)).booster_.model_to_string()
    changed = [
        "threshold=" + " ".join(threshold for _ in line.split()) if line.startswith("threshold=") else line
        for line in text.split("\n")
        if not line.startswith("tree_sizes=")  # else LightGBM reads trees of the old lengths, and crashes
    ]
    tiny = [
        0.0,
        -0.0,
        5e-324,
        5e-36,
        -5e-36,
        1e-35,
        -1e-35,
        1.0000000180025095e-35,
        -1.0000000180025095e-35,
        1.1e-35,
        np.nan,
    ]
    cells = np.random.default_rng(0).choice([*tiny, -1.1e-35, 1.0, -1.0], (500, rows.shape[1]))
    both = pair(lightgbm.Booster(model_str="\n".join(changed)), tmp_path)
    assert both.differences(Rows(cells)) == []


def test_zero_as_missing_beside_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = LGBMRegressor(**SMALL).fit(numbers(missing=True), values(numbers(missing=True))).booster_.model_to_string()
    tree = parse(text)
    assert not tree.zero_is_missing.any()
    head, first, rest = text.split("\nTree=", 2)
    # One tree takes zeros for missing values, the others do not.
    changed = "\n".join(
        "decision_type=" + " ".join("6" for _ in line.split()) if line.startswith("decision_type=") else line
        for line in first.split("\n")
    )
    with pytest.raises(UnsupportedModel, match="zeros are missing values in some splits"):
        parse("\nTree=".join([head, changed, rest]))


def test_an_unknown_objective_is_refused(tmp_path: Path) -> None:
    model = LGBMRegressor(**SMALL).fit(numbers(), values(numbers()))
    text = model.booster_.model_to_string().replace("objective=regression", "objective=of_tomorrow", 1)
    parsed = parse(text)
    with pytest.raises(UnsupportedModel, match="of_tomorrow"):
        reader.emit_prediction(None, "raw", parsed)  # type: ignore[arg-type]


def test_a_text_keeps_every_digit() -> None:
    model = LGBMRegressor(**SMALL).fit(numbers(), values(numbers()))
    parsed = parse(model.booster_.model_to_string())
    dumped = model.booster_.dump_model()
    leaves: list[float] = []

    def walk(node: dict) -> None:  # type: ignore[type-arg]
        if "leaf_value" in node:
            leaves.append(node["leaf_value"])
        else:
            walk(node["left_child"])
            walk(node["right_child"])

    for tree in dumped["tree_info"]:
        walk(tree["tree_structure"])
    assert sorted(leaves) == sorted(parsed.leaf_values.tolist())


def test_only_the_best_iterations_are_converted(tmp_path: Path) -> None:
    rows, target = numbers(), codes(numbers(), 2)
    table = lightgbm.Dataset(rows, target, params=QUIET)
    booster = lightgbm.train({**QUIET, "objective": "binary", "num_leaves": 7}, table, num_boost_round=20)
    booster.best_iteration = 5
    both = pair(booster, tmp_path)
    assert both.structure.trees is not None
    assert both.structure.trees.n_trees == 5
    assert both.differences(random_rows(both, 200), 1e-12) == []
