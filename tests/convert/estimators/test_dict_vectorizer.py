"""Dictionaries become columns by key, and their texts are told apart as in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline

from packager.dataset.rows import Rows
from packager.errors import ConvertError

from ..pairs import Pair, pair

RECORDS: list[dict[str, Any]] = [
    {"size": 1.5, "city": "Bern", "kind": "a=b"},
    {"size": 2.1, "city": "Ürikon"},
    {"height": 3, "city": "Bern", "kind": ""},
]
CELLS: dict[str, list[Any]] = {
    "height": [0.1, 1e10, 0.0],
    "city": ["Bern", "unseen", "Ürikon"],
    "kind": ["a=b", "", None],
    "size": [7.3, -2.0, 0.1],
}
GIVEN: list[dict[str, Any]] = [
    {"height": 0.1, "city": "Bern", "kind": "a=b", "size": 7.3},
    {"height": 1e10, "city": "unseen", "kind": "", "size": -2.0},
    {"city": "Ürikon", "size": 0.1},
]


def _rows(made: Pair) -> Rows:
    names = [column.name for column in made.signature.columns]
    assert sorted(names) == sorted(CELLS)
    texts = {at: np.array(CELLS[name], dtype=object) for at, name in enumerate(names) if name in ("city", "kind")}
    empty = [np.nan] * 3
    return Rows(np.stack([empty if at in texts else CELLS[name] for at, name in enumerate(names)], axis=1), texts)


@pytest.mark.parametrize("settings", [{}, {"sparse": False}, {"separator": ": ", "sort": False}, {"dtype": np.float32}])
def test_keys_become_columns(settings: dict[str, Any], tmp_path: Path) -> None:
    model = DictVectorizer(**settings).fit(RECORDS)
    made = pair(model, tmp_path)
    assert not made.differences(_rows(made))
    assert {column.name: column.dtype for column in made.signature.columns} == {
        "city": "string", "height": "float64", "kind": "string", "size": "float64"
    }  # fmt: skip
    expected = model.transform(GIVEN)
    expected = expected.toarray() if hasattr(expected, "toarray") else expected
    np.testing.assert_array_equal(made.session.answers(_rows(made))["variable"], expected)


def test_a_model_behind_it_takes_no_missing_number(tmp_path: Path) -> None:
    made = pair(make_pipeline(DictVectorizer(), Ridge()).fit(RECORDS, [1.0, 2.0, 3.0]), tmp_path)
    assert {column.name: column.accepts_missing for column in made.signature.columns} == {
        "city": True, "height": False, "kind": True, "size": False
    }  # fmt: skip
    assert not made.differences(_rows(made), 1e-14)


def test_what_a_request_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="numbers and text under the key 'size'"):
        pair(DictVectorizer().fit([{"size": 1}, {"size": "big"}]), tmp_path)
    with pytest.raises(ConvertError, match="key of the type int"):
        pair(DictVectorizer(sort=False).fit([{1: 1.0}]), tmp_path)
    with pytest.raises(ConvertError, match="dtype=int64"):
        pair(DictVectorizer(dtype=np.int64).fit(RECORDS), tmp_path)
    two = FeatureUnion([("one", DictVectorizer().fit(RECORDS)), ("two", DictVectorizer().fit(RECORDS[1:2]))])
    with pytest.raises(ConvertError, match="other keys"):
        pair(two, tmp_path)
