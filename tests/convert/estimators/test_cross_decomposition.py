"""Partial least squares predicts and transforms as scikit-learn does, with one target and with several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression

from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS, SIGNAL, TWO_OUTPUTS

ROWS = ASKED[np.abs(ASKED).max(axis=1) < 1e5]


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("target", [SIGNAL, TWO_OUTPUTS], ids=["one", "two"])
@pytest.mark.parametrize("kind", [PLSRegression, PLSCanonical, CCA])
def test_scores_and_predictions(kind: Any, target: Any, scale: bool) -> None:
    assert unlike(kind(1, scale=scale).fit(NUMBERS * [1, 10, 100, 1] + 50, target), ROWS) == []


@pytest.mark.parametrize("scale", [True, False])
def test_scores_alone(scale: bool) -> None:
    assert unlike(PLSSVD(2, scale=scale).fit(NUMBERS, TWO_OUTPUTS), ROWS) == []
