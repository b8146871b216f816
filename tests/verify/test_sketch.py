"""Quantiles from counts lie at most a bin above the exact ones, and never below."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.verify.sketch import ERROR_EDGES, QuantileSketch, decades

INF = float("inf")
# An upper edge lies this far above a value of its bin, at most.
BIN = 1 + 1 / 32


def sketch(errors: list[float], parts: int = 1) -> QuantileSketch:
    found = QuantileSketch()
    for part in np.array_split(np.array(errors, dtype=np.float64), parts):
        found.add(int((part == 0).sum()), part[part > 0])
    return found


@settings(deadline=None)
@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-300, 1e300)), min_size=1, max_size=200), st.integers(1, 5))
def test_quantiles_are_those_of_all_values(errors: list[float], parts: int) -> None:
    ordered = np.sort(errors)
    told = dict(sketch(errors, parts).quantiles())
    for share, error in told.items():
        exact = ordered[int(np.ceil(share * len(ordered))) - 1]
        assert exact <= error <= exact * BIN
    assert told[1.0] == ordered[-1]


def test_one_large_error_among_many_is_seen_only_where_it_is() -> None:
    told = dict(sketch([1e-16] * 9_999 + [0.5]).quantiles())
    assert told[0.9999] == pytest.approx(1e-16, rel=1 / 32)
    assert told[1.0] == 0.5


def test_exact_values_count() -> None:
    told = dict(sketch([0.0] * 95 + [1e-3] * 5).quantiles())
    assert (told[0.5], told[0.9]) == (0.0, 0.0)
    assert told[0.99] == pytest.approx(1e-3, rel=1 / 32)


def test_an_infinite_error_is_told_as_infinite() -> None:
    told = dict(sketch([1.0, INF]).quantiles())
    assert told[0.5] == pytest.approx(1.0, rel=1 / 32)
    assert told[0.9] == told[1.0] == INF


def test_nothing_gives_no_quantiles() -> None:
    assert QuantileSketch().quantiles() == ()


@settings(deadline=None)
@given(st.lists(st.floats(0, allow_nan=False, exclude_min=True), min_size=1))
def test_decades_are_those_of_a_search(errors: list[float]) -> None:
    found = np.array(errors)
    assert decades(found).tolist() == np.searchsorted(ERROR_EDGES, found, side="right").tolist()


def test_an_edge_and_its_neighbours_are_told_apart() -> None:
    edges = np.array(ERROR_EDGES)
    index = np.arange(len(edges))
    assert decades(edges).tolist() == (index + 1).tolist()
    assert decades(np.nextafter(edges, 0)).tolist() == index.tolist()
