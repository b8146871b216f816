"""Rows that hypothesis makes up, around split thresholds and far from them: the forms never part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packager.dataset.rows import Rows

from . import lightgbm_cases, sklearn_cases
from .cases import Case
from .pairs import Pair, pair

NAMES = (
    "forest, ties",
    "forest, value, missing",
    "scaled forest",
    "boosting, exponential",
    "hist, four classes, missing",
    "lightgbm 2 classes, category, missing",
    "lightgbm regression, category, missing, zero_as_missing=True",
    "lightgbm regression, missing, use_missing=False",
)
ROWS_EACH = 20
TINY = (0.0, -0.0, 5e-324, 1e-45, -1e-38, 1e-35, -1e-35, 1.0000000180025095e-35, 1.1e-35, 0.5, -0.5, 1e9, 2147483648.0)


def _case(name: str) -> Case:
    return next(case for case in (*sklearn_cases.CASES, *lightgbm_cases.CASES) if case.name == name)


@pytest.fixture(params=NAMES, scope="module")
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Pair]:
    case = _case(request.param)
    return case, pair(case.fit(), tmp_path_factory.mktemp("model"))


def _cells(both: Pair, column: int) -> st.SearchStrategy[float]:
    trees = both.structure.trees
    assert trees is not None
    limit = min(both.signature.columns[column].max_abs, 1e300)
    splits = trees.threshold[(trees.feature == column) & (trees.category_set < 0)]
    members = [trees.categories[index] for index in trees.category_set[trees.feature == column] if index >= 0]
    known = np.unique(np.concatenate([splits, *members, TINY]))
    on = st.sampled_from(known[np.abs(known) <= limit].tolist())
    beside = st.tuples(on, st.sampled_from([np.inf, -np.inf])).map(lambda pair: float(np.nextafter(*pair)))
    anywhere = st.floats(min_value=-limit, max_value=limit)
    missing = [st.just(float("nan"))] if both.signature.columns[column].accepts_missing else []
    return st.one_of(on, beside, anywhere, *missing)


def test_no_row_tells_the_forms_apart(both: tuple[Case, Pair]) -> None:
    case, converted = both
    columns = [_cells(converted, index) for index in range(len(converted.signature.columns))]
    tables = st.lists(st.tuples(*columns), min_size=ROWS_EACH, max_size=ROWS_EACH)

    @given(tables)
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def holds(table: list[tuple[float, ...]]) -> None:
        assert converted.differences(Rows(np.array(table, dtype=np.float64)), case.tolerance) == []

    holds()
