"""Elementwise functions near the last bit: small cells, huge ones, ends of domains, missing and infinite ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from packager.convert.estimators import functions
from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS

RANDOM = np.random.default_rng(4)
SIZES = np.concatenate([10.0 ** RANDOM.uniform(-300, 300, 200), 10.0 ** np.arange(-40, 40), 2.0 ** np.arange(-99, 99)])
SMALL = np.concatenate([RANDOM.uniform(-1, 1, 200), 1 + 10 ** RANDOM.uniform(-16, 0, 100), np.arange(-9, 9) / 2])
CELLS = np.concatenate([ASKED.ravel(), SIZES, -SIZES, SMALL, [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0]])[:, None]
# Their results pass through 0, where the runtime's own sine ends a few bits earlier.
WAVES = {"sin", "cos", "tan"}


def original(name: str) -> Any:
    return getattr(np, name, None) or getattr(scipy.special, name)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [*functions._PLAIN, "nan_to_num", "round", "around"])
def test_a_function_is_near_the_last_bit(name: str) -> None:
    function = original(name)
    found = asked(FunctionTransformer(function).fit(CELLS), 1)(CELLS)["transform"]
    np.testing.assert_allclose(found, function(CELLS).astype(float), rtol=1e-12 if name in WAVES else 2e-15, atol=0)


def test_logarithms_of_powers_are_whole() -> None:
    exponents = np.arange(-20.0, 23)[:, None]
    for function, base in ((np.log2, 2.0), (np.log10, 10.0)):
        found = asked(FunctionTransformer(function).fit(exponents), 1)(base**exponents)["transform"]
        assert np.array_equal(found[20:], exponents[20:])


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (np.clip, {"a_min": -1, "a_max": 2}),
        (np.clip, {"min": 0.5, "max": None}),
        (np.nan_to_num, {"nan": -1.0, "posinf": 9, "neginf": 2}),
        (np.nan_to_num, {"copy": True}),
        (np.round, {"decimals": 2}),
        (np.round, {"decimals": -1}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_arguments(function: Any, arguments: dict[str, Any]) -> None:
    assert unlike(FunctionTransformer(function, kw_args=arguments).fit(CELLS), CELLS, tolerance=0) == []


def test_no_function_changes_nothing() -> None:
    assert unlike(make_pipeline(FunctionTransformer(), StandardScaler()).fit(NUMBERS), ASKED, tolerance=0) == []


def logged(rows: Any) -> Any:
    return np.log(rows)


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        (lambda rows: rows, None, "a lambda has no exact form"),
        (logged, None, "the function logged has no exact form"),
        (np.sum, {"axis": 1, "keepdims": True}, "the function sum has no exact form"),
        (np.log, {"where": True}, "the function log with where"),
        (np.clip, {"a_min": np.zeros(4), "a_max": 1}, "the function clip with an array as a_min has no exact form$"),
        (np.frompyfunc(abs, 1, 1), None, "has no exact form"),
    ],
    ids=["lambda", "own", "sum", "where", "array", "python"],
)
def test_another_function_is_refused_by_name(function: Any, arguments: Any, reason: str) -> None:
    with pytest.raises(UnsupportedModel, match=reason):
        asked(FunctionTransformer(function, kw_args=arguments).fit(NUMBERS), 4)
