"""Targets are transformed back, by every step that has an inverse here, and by numpy's functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ABOVE_ZERO, ASKED, NUMBERS, SIGNAL, TWO_OUTPUTS

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e3]
SEED: dict[str, Any] = {"random_state": 0}
STEPS = [
    FunctionTransformer(np.sinh, np.arcsinh),
    FunctionTransformer(),
    MaxAbsScaler(),
    MinMaxScaler((-2, 5)),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    QuantileTransformer(n_quantiles=40, **SEED),
    QuantileTransformer(n_quantiles=40, output_distribution="normal", **SEED),
    RobustScaler(),
    RobustScaler(with_centering=False),
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    make_pipeline(StandardScaler(), "passthrough", MinMaxScaler()),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("y", [SIGNAL, SIGNAL[:, None], TWO_OUTPUTS], ids=["one", "a column", "two"])
@pytest.mark.parametrize("step", STEPS, ids=str)
def test_steps(step: Any, y: Any) -> None:
    assert unlike(TransformedTargetRegressor(Ridge(), transformer=step).fit(NUMBERS, y), NEAR) == []


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0, -0.5, 2.5])
@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_powers(method: str, power: float) -> None:
    model = TransformedTargetRegressor(DecisionTreeRegressor(max_depth=5), transformer=PowerTransformer(method))
    model.fit(NUMBERS, ABOVE_ZERO)
    model.transformer_.lambdas_ = np.array([power])
    assert unlike(model, NEAR) == []


@pytest.mark.parametrize(("function", "back"), [(np.log, np.exp), (np.log1p, np.expm1), (np.sqrt, np.square)])
def test_functions(function: Any, back: Any) -> None:
    model = TransformedTargetRegressor(Ridge(), func=function, inverse_func=back, check_inverse=False)
    assert unlike(model.fit(NUMBERS, ABOVE_ZERO), NEAR) == []
    assert unlike(model.fit(NUMBERS, np.exp(TWO_OUTPUTS)), NEAR) == []


def test_without_a_transformation() -> None:
    assert unlike(TransformedTargetRegressor(DecisionTreeRegressor(max_depth=3)).fit(NUMBERS, SIGNAL), NEAR) == []


def test_what_has_no_inverse_is_refused_by_name() -> None:
    own = TransformedTargetRegressor(Ridge(), func=lambda y: y, inverse_func=lambda y: y).fit(NUMBERS, SIGNAL)
    with pytest.raises(UnsupportedModel, match="a lambda has no exact form"):
        asked(own, 4)
    other = TransformedTargetRegressor(Ridge()).fit(NUMBERS, SIGNAL)
    other.transformer_ = SplineTransformer().fit(SIGNAL[:, None])
    with pytest.raises(UnsupportedModel, match="the inverse of SplineTransformer has no exact form"):
        asked(other, 4)
