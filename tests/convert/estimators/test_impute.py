"""Imputers fill, leave out and flag as the original does, over numbers and text, whatever stands for missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - it makes the imputer below importable
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.tree import DecisionTreeRegressor

from packager.dataset.rows import Rows
from packager.errors import ConvertError
from tests.convert.pairs import Pair, pair

RANDOM = np.random.default_rng(0)
CLOSE = 1e-9


def holes(shape: tuple[int, int] = (90, 4), *, empty: bool = False) -> Any:
    rows = RANDOM.normal(size=shape)
    rows[:, 1] += 2 * rows[:, 0]
    rows[RANDOM.random(shape) < 0.2] = np.nan
    if empty:
        rows[:, 2] = np.nan
    return rows


def texts(marker: object, *, flags: bool = False) -> Any:
    cells = np.array(["a", "b", "?"], dtype=object)[RANDOM.integers(0, 3, (90, 2))]
    cells[RANDOM.random(cells.shape) < 0.2] = marker
    return np.hstack(
        [cells, np.array([True, False, marker], dtype=object)[RANDOM.integers(0, 3, (90, 1))]] if flags else [cells]
    )


def check(model: Any, folder: Path, tolerance: float = 0.0) -> Pair:
    """Compare on rows with missing cells, a row of nothing but those, -1, 0, and a text that stands for missing."""
    made = pair(model, folder)
    columns = made.signature.columns
    numbers, strings = RANDOM.normal(size=(200, len(columns))), {}
    numbers[RANDOM.random(numbers.shape) < 0.1] = -1
    numbers[RANDOM.random(numbers.shape) < 0.1] = 0
    for index, column in enumerate(columns):
        missing = (RANDOM.random(200) < 0.3) & column.accepts_missing
        missing[0] = column.accepts_missing
        if column.known is not None and column.dtype != "string":
            numbers[:, index] = RANDOM.choice(np.array(column.known), 200)
        numbers[missing, index] = np.nan
        if column.dtype == "string":
            numbers[:, index] = np.nan
            strings[index] = RANDOM.choice(np.array(column.known or ("a", "b", "?", "new"), dtype=object), 200)
            strings[index][missing] = None
    rows = Rows(numbers, strings)
    assert made.native.tolerant_answers(rows)[1].all()
    assert not made.differences(rows, tolerance)
    for start in (0, 1, 2):  # a request of one row
        assert not made.differences(rows.take(slice(start, start + 1)), tolerance)
    return made


@pytest.mark.parametrize("empty", [False, True], ids=["", "empty column"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strategy": "median", "add_indicator": True},
        {"strategy": "most_frequent", "keep_empty_features": True, "add_indicator": True},
        {"strategy": "constant", "fill_value": -9.5},
        {"strategy": "constant", "fill_value": 2.5, "keep_empty_features": True},
    ],
    ids=str,
)
def test_numbers(options: dict[str, Any], empty: bool, tmp_path: Path) -> None:
    check(SimpleImputer(**options).fit(holes(empty=empty)), tmp_path)


@pytest.mark.parametrize("marker", [-1, 0])
def test_a_number_may_stand_for_missing(marker: float, tmp_path: Path) -> None:
    rows = np.nan_to_num(holes(), nan=marker)
    check(SimpleImputer(missing_values=marker, add_indicator=True).fit(rows), tmp_path)
    check(MissingIndicator(missing_values=marker).fit(rows), tmp_path)


def test_fills_are_of_the_width_that_was_fitted(tmp_path: Path) -> None:
    check(SimpleImputer().fit(holes().astype(np.float32)), tmp_path)


@pytest.mark.parametrize("marker", [np.nan, None, "?"], ids=["nan", "none", "text"])
@pytest.mark.parametrize("strategy", ["most_frequent", "constant"])
def test_text(strategy: str, marker: Any, tmp_path: Path) -> None:
    made = check(SimpleImputer(missing_values=marker, strategy=strategy).fit(texts(marker)), tmp_path)
    assert {column.accepts_missing for column in made.signature.columns} == {marker != "?"}


@pytest.mark.parametrize("encoder", [OneHotEncoder(), OrdinalEncoder()], ids=["one-hot", "ordinal"])
@pytest.mark.parametrize(
    ("marker", "looked_for"), [(np.nan, np.nan), (None, None), (None, np.nan)], ids=["nan", "none", "none left alone"]
)
def test_an_encoder_behind_an_imputer_of_text_and_flags(
    encoder: Any, looked_for: Any, marker: Any, tmp_path: Path
) -> None:
    """Where the imputer looks for another word than the missing cells are, those reach the encoder as they are."""
    imputer = SimpleImputer(missing_values=looked_for, strategy="most_frequent", add_indicator=True)
    check(make_pipeline(imputer, encoder).fit(texts(marker, flags=True)), tmp_path)


def test_pandas_own_missing_word(tmp_path: Path) -> None:
    rows = pd.DataFrame({"city": pd.array(["a", None, "a", "b"], "string")})
    model = make_pipeline(SimpleImputer(missing_values=pd.NA, strategy="most_frequent"), OrdinalEncoder())
    check(model.fit(rows.astype(object)), tmp_path)


@pytest.mark.parametrize("features", ["all", "missing-only"])
def test_indicator(features: str, tmp_path: Path) -> None:
    rows = np.hstack([holes(), RANDOM.normal(size=(90, 1))])
    made = check(MissingIndicator(features=features).fit(rows), tmp_path)
    assert made.signature.outputs[0].dtype == "bool"
    assert made.signature.columns[4].accepts_missing == (features == "all")


def test_indicator_beside_filled_text(tmp_path: Path) -> None:
    both = make_union(SimpleImputer(strategy="most_frequent"), MissingIndicator())
    check(make_pipeline(both, OneHotEncoder(handle_unknown="ignore")).fit(texts(np.nan)), tmp_path)


def test_numbers_beside_text_are_no_answer(tmp_path: Path) -> None:
    model = SimpleImputer(strategy="most_frequent", add_indicator=True).fit(texts(np.nan))
    with pytest.raises(ConvertError, match="numbers beside text"):
        pair(model, tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"n_neighbors": 3},
        {"n_neighbors": 2, "weights": "distance", "add_indicator": True},
        {"n_neighbors": 500, "weights": "distance"},
        {"n_neighbors": 1, "keep_empty_features": True},
    ],
    ids=str,
)
def test_neighbours(options: dict[str, Any], tmp_path: Path) -> None:
    rows = holes((90, 11), empty=True)
    check(KNNImputer(**options).fit(rows), tmp_path, CLOSE)
    # A row that was fitted, with a cell taken out: one neighbour lies at no distance at all.
    rows[:, 0] = np.nan
    assert not pair(KNNImputer(**options).fit(holes((90, 11))), tmp_path).differences(Rows(rows[:20]), CLOSE)


@pytest.mark.parametrize(
    "change", [np.round, lambda column: np.argsort(np.argsort(column)) * 0.5], ids=["rounded", "ranks"]
)
def test_neighbours_at_equal_distances_are_refused(change: Any, tmp_path: Path) -> None:
    rows = holes()
    known = ~np.isnan(rows[:, 1])
    rows[known, 1] = change(rows[known, 1])
    with pytest.raises(ConvertError, match=r"KNNImputer.*column 1 repeats values.*Impute with a SimpleImputer"):
        pair(KNNImputer(n_neighbors=4).fit(rows), tmp_path)


def test_equal_distances_do_no_harm_where_all_neighbours_count_or_none(tmp_path: Path) -> None:
    rows = np.round(holes())
    check(KNNImputer(n_neighbors=len(rows)).fit(rows), tmp_path, CLOSE)
    check(KNNImputer().fit(rows[:, :1]), tmp_path, CLOSE)


def test_neighbours_weighed_by_code_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="weights or a metric"):
        pair(KNNImputer(weights=lambda distance: distance).fit(holes()), tmp_path)


def test_numbers_that_drown_distances_are_not_served(tmp_path: Path) -> None:
    limits = [column.max_abs for column in pair(KNNImputer().fit(holes()), tmp_path).signature.columns]
    assert limits == [1e4] * 4


_REGRESSIONS: list[dict[str, Any]] = [
    {},
    {"max_iter": 0},
    {"estimator": Ridge(), "max_iter": 2, "imputation_order": "random", "n_nearest_features": 2},
    {"estimator": DecisionTreeRegressor(max_depth=3, random_state=0), "add_indicator": True, "skip_complete": True},
    {"max_iter": 3, "keep_empty_features": True, "initial_strategy": "median"},
]
_FOUR_LIMITS = {"estimator": LinearRegression(), "min_value": -0.5, "max_value": [0.5, 1.0, 0.2, 0.1]}


@pytest.mark.parametrize(
    ("options", "empty"),
    [*((options, empty) for options in _REGRESSIONS for empty in (False, True)), (_FOUR_LIMITS, False)],
)
def test_regressions(options: dict[str, Any], empty: bool, tmp_path: Path) -> None:
    check(IterativeImputer(random_state=0, **options).fit(holes(empty=empty)), tmp_path, CLOSE)


def test_a_request_of_nothing_keeps_the_first_filling(tmp_path: Path) -> None:
    made = pair(IterativeImputer(max_iter=2, random_state=0).fit(holes()), tmp_path)
    nothing = Rows(np.full((3, 4), np.nan))
    assert not made.differences(nothing, CLOSE)


def test_drawn_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="sample_posterior"):
        pair(IterativeImputer(sample_posterior=True, max_iter=1, random_state=0).fit(holes()), tmp_path)
