"""Rows lie on both sides of jumps that no structure tells of, and not where only rounding decides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.naive_bayes import BernoulliNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, KBinsDiscretizer

from packager.artifact import Column, Output, Signature
from packager.dataset.rows import Rows
from packager.structure import Structure
from packager.verify.jumps import jump_rows
from tests.convert.pairs import Pair, pair

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(300, 4))
TARGET = ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2]
JUMPING = {
    "binarizer": lambda: Binarizer(threshold=0.3).fit(ROWS),
    "bins": lambda: KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf").fit(ROWS),
    "Bernoulli": lambda: BernoulliNB(binarize=0.1).fit(ROWS, TARGET > 0),
    "forest behind PCA": lambda: make_pipeline(PCA(3), RandomForestRegressor(10, max_depth=4, random_state=0)).fit(
        ROWS, TARGET
    ),
}
SMOOTH = {
    "linear": lambda: LinearRegression().fit(ROWS, TARGET),
    "neighbours": lambda: KNeighborsRegressor(3).fit(ROWS, TARGET),
    "even votes": lambda: KNeighborsClassifier(4).fit(ROWS + 5, TARGET > 0),
}


def beside(found: Pair) -> Rows:
    structure = found.structure
    if isinstance(found.native.model, type(make_pipeline())):  # whatever else is traced: not through a PCA
        structure = replace(structure, trees=None, gap="thresholds behind PCA are not traced back to the columns")
    return jump_rows(structure, found.signature, found.native.tolerant_answers)


@pytest.mark.parametrize("name", JUMPING)
def test_a_form_that_jumps_a_float32_step_aside_is_found_by_rows_beside_jumps(name: str, tmp_path: Path) -> None:
    exact = pair(JUMPING[name](), tmp_path)
    rows = beside(exact)
    assert len(rows) >= 16
    assert exact.differences(rows, 1e-9) == []
    stock = pair(JUMPING[name](), tmp_path, dtype=np.float32, engine="stock")
    ordinary = stock.probes()
    assert stock.differences(ordinary.rows.take(ordinary.of(("ordinary",))), 1e-5) == []
    assert stock.differences(rows, 1e-5) != []


def test_rows_lie_on_both_sides_of_a_threshold(tmp_path: Path) -> None:
    found = pair(JUMPING["binarizer"](), tmp_path)
    cells = beside(found).numbers
    near = np.abs(cells - 0.3) < 1e-7
    assert (cells[near] > 0.3).any()
    assert (cells[near] <= 0.3).any()


@pytest.mark.parametrize("name", SMOOTH)
def test_where_rounding_decides_there_are_no_rows(name: str, tmp_path: Path) -> None:
    assert len(beside(pair(SMOOTH[name](), tmp_path))) == 0


def test_labels_change_from_one_side_to_the_other_and_float32_knows_which(tmp_path: Path) -> None:
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.45).fit(ROWS, TARGET > 0)
    found = pair(model, tmp_path)
    rows = beside(found)
    chance = model.predict_proba(rows.numbers)[:, 1]
    assert np.abs(chance - 0.45).max() < 1e-3
    assert np.abs(chance - 0.45).min() > 1e-7
    assert len(set(model.predict(rows.numbers))) == 2
    assert found.differences(rows, 1e-9) == []
    assert pair(model, tmp_path, dtype=np.float32).differences(rows, 1e-5) == []
    ignored = pair(model.estimator_, tmp_path)
    assert "label" in "".join(replace(found, session=ignored.session).differences(rows, 1e-9))


def test_trees_that_are_traced_need_no_asking(tmp_path: Path) -> None:
    forest = RandomForestRegressor(5, max_depth=3, random_state=0).fit(ROWS, TARGET)
    found = pair(forest, tmp_path)

    def never(rows: Rows) -> Any:
        raise AssertionError("asked")

    assert len(jump_rows(found.structure, found.signature, never)) == 0


def test_what_the_model_refuses_is_no_jump() -> None:
    columns = (Column("a", "float64", False, 1e300), Column("b", "float64", False, 1e300))
    signature = Signature("regressor", "tensor", columns, (Output("variable", "value", 0),))
    structure = Structure(np.zeros(2), np.ones(2), None, {})

    def ask(rows: Rows) -> Any:
        taken = rows.numbers[:, 0] < 0.5
        return {"variable": rows.numbers[taken, 1]}, taken

    assert len(jump_rows(structure, signature, ask)) == 0
    assert len(jump_rows(structure, signature, lambda rows: ({}, np.zeros(len(rows), dtype=bool)))) == 0
