"""Linear regressors answer as they are fitted: several outputs, no intercept, a link, another estimator within."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import linear_model as linear
from sklearn.svm import LinearSVR

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ABOVE_ZERO, ASKED, NUMBERS, SIGNAL, TWO_OUTPUTS

pytestmark = pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
SEED: dict[str, Any] = {"random_state": 0}


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (linear.LinearRegression(), SIGNAL),
        (linear.LinearRegression(fit_intercept=False), TWO_OUTPUTS),
        (linear.Ridge(), SIGNAL[:, None]),
        (linear.Lasso(0.1), TWO_OUTPUTS),
        (linear.MultiTaskElasticNet(0.1, fit_intercept=False), TWO_OUTPUTS),
        (linear.LassoLarsIC(), SIGNAL),
        (linear.Lars(), TWO_OUTPUTS),
        (linear.HuberRegressor(fit_intercept=False), SIGNAL),
        (linear.TheilSenRegressor(max_subpopulation=50, **SEED), SIGNAL),
        (linear.QuantileRegressor(alpha=0.01), SIGNAL),
        (linear.ARDRegression(), SIGNAL),
        (linear.OrthogonalMatchingPursuit(), TWO_OUTPUTS),
        (linear.SGDRegressor(average=True, **SEED), SIGNAL),
        (LinearSVR(**SEED), SIGNAL),
        (linear.RANSACRegressor(linear.Ridge(), min_samples=20, **SEED), TWO_OUTPUTS),
        (linear.PoissonRegressor(fit_intercept=False), ABOVE_ZERO),
        (linear.GammaRegressor(), ABOVE_ZERO),
        (linear.TweedieRegressor(power=0, link="log"), ABOVE_ZERO),
        (linear.TweedieRegressor(power=0), ABOVE_ZERO),
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else str(value),
)
def test_a_linear_regressor_is_itself(model: Any, target: Any) -> None:
    assert unlike(model.fit(NUMBERS, target), ASKED) == []


def test_a_link_without_a_form_is_refused() -> None:
    model = linear.PoissonRegressor().fit(NUMBERS, ABOVE_ZERO)
    model._base_loss = type("Loss", (), {"link": type("LogitLink", (), {})()})
    with pytest.raises(UnsupportedModel, match=r"PoissonRegressor: its link \(LogitLink\) has no exact form"):
        asked(model, 4)
