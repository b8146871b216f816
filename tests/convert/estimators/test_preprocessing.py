"""Steps that decide or multiply are equal to the bit, on their edges and one float beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import Binarizer, KBinsDiscretizer, PolynomialFeatures

from packager.convert.graph import UnsupportedModel
from packager.verify.splits import boundary_steps
from tests.convert.asked import asked, unlike

from .rows import ASKED

RANDOM = np.random.default_rng(0)
TRAINING = RANDOM.normal(size=(300, 4)) * (1, 10, 1e-3, 1)
TRAINING[:, 3] = RANDOM.integers(0, 3, 300)


def rows_at(edges: Any) -> Any:
    """Return rows whose cells lie on the edges and beside them, in float64 and float32 steps."""
    steps = boundary_steps(np.unique(edges)).ravel()
    return np.concatenate([TRAINING, RANDOM.choice(steps, (2000, 4)), ASKED[np.abs(ASKED).max(axis=1) < 1e38]])


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "model",
    [
        Binarizer(threshold=0.1),
        Binarizer(),
        KBinsDiscretizer(5, encode="ordinal", quantile_method="averaged_inverted_cdf"),
        KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"),
        KBinsDiscretizer(6, encode="onehot", strategy="kmeans", random_state=0),
        KBinsDiscretizer(2, encode="ordinal", strategy="uniform"),
        KBinsDiscretizer([2, 3, 40, 100], strategy="uniform"),
        KBinsDiscretizer(7, encode="ordinal", strategy="uniform", dtype=np.float32),
        PolynomialFeatures(),
        PolynomialFeatures(4, interaction_only=True),
        PolynomialFeatures((2, 3), include_bias=False),
        PolynomialFeatures((0, 1)),
        PolynomialFeatures(0),
        PolynomialFeatures(5),
    ],
    ids=str,
)
def test_a_step_is_equal_to_the_bit(model: Any) -> None:
    model.fit(TRAINING)
    edges = np.concatenate(getattr(model, "bin_edges_", [np.array([0.1, 0.0, 1.0])]))
    with np.errstate(over="ignore", invalid="ignore"):
        assert unlike(model, rows_at(edges), tolerance=0) == []


def test_products_of_too_few_columns_are_refused() -> None:
    model = PolynomialFeatures((3, 4), interaction_only=True, include_bias=False).fit(TRAINING[:, :2])
    with pytest.raises(UnsupportedModel, match="makes no column"):
        asked(model, 2)
