"""Powers near the last bit, on both sides of 0, where they are 0 or 2, and in columns with missing cells."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import PowerTransformer

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS

POSITIVE = np.exp(NUMBERS)
HOLES = np.where(np.random.default_rng(1).random(ASKED.shape) < 0.1, np.nan, ASKED)
TINY = np.array([[0.0, -0.0, 1e-300, -1e-300], [1e-12, -1e-12, 1e-35, -1e-35], [5e-324, 1e-17, -1e-17, 1e-8]])
# The powers 0 and 2 are logarithms; huge cells overflow in the original as well.
POWERS = [[0.0, 2.0, 1.0, 0.5], [1e-17, 2 + 1e-17, -1.5, 5.0], [2e-16, 2 + 5e-16, 1e-20, -9.0]]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("powers", POWERS, ids=str)
@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_a_power_is_itself(method: str, powers: list[float]) -> None:
    model = PowerTransformer(method, standardize=False).fit(POSITIVE)
    model.lambdas_ = np.array(powers)
    rows = np.concatenate([HOLES, TINY, ASKED[-3:]])
    assert unlike(model, np.where(rows <= 0, 0.1, rows) if method == "box-cox" else rows, tolerance=2e-14) == []


def test_a_small_power_loses_no_digits() -> None:
    model = PowerTransformer(standardize=False).fit(NUMBERS)
    found = asked(model, 4)(TINY)["transform"]
    np.testing.assert_allclose(found, model.transform(TINY), rtol=1e-15, atol=0)


@pytest.mark.parametrize("model", [PowerTransformer(), PowerTransformer("box-cox")], ids=str)
def test_what_was_learned_is_standardized(model: PowerTransformer) -> None:
    assert unlike(model.fit(POSITIVE), POSITIVE * 1.3, tolerance=1e-12) == []


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_column_without_values_is_refused() -> None:
    model = PowerTransformer().fit(NUMBERS)
    model.lambdas_[1] = np.nan
    with pytest.raises(UnsupportedModel, match="a column without values has no power"):
        asked(model, 4)
