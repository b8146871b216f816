"""What `package inspect` says of columns and lineage: what a request may hold, and no Python's braces."""

from __future__ import annotations

import pytest

from packager.artifact import Column
from packager.commands.inspect import _leaves, _told


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (Column("a", "float64", False, 1e9), "a: float64"),
        (Column("a", "float64", True, 1e9, minimum=0.0), "a: float64, at least 0, takes missing cells"),
        (Column("a", "string", True, 0.0, ("x", "y")), "a: string, one of 2 known values, takes missing cells"),
        (Column("a", "any", True, 1e9), "a: anything, no step reads it"),
    ],
)
def test_a_column_says_what_it_may_hold(column: Column, told: str) -> None:
    assert _told(column) == told


def test_a_document_within_a_document_is_told_by_its_keys() -> None:
    document = {"source": {"uri": "a.joblib", "versions": {"numpy": "2"}}, "gate": "passed"}
    assert list(_leaves(document)) == ["source.uri: a.joblib", "source.versions.numpy: 2", "gate: passed"]
