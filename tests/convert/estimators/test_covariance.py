"""The elliptic envelope tells outliers as scikit-learn's."""

from __future__ import annotations

import pytest
from sklearn.covariance import EllipticEnvelope

from tests.convert.asked import unlike

from .rows import ASKED, NUMBERS


@pytest.mark.parametrize("offset", [0.0, 1e5])
@pytest.mark.parametrize("contamination", [0.1, 0.3])
def test_outliers(contamination: float, offset: float) -> None:
    model = EllipticEnvelope(contamination=contamination, random_state=0).fit(NUMBERS + offset)
    assert unlike(model, ASKED[:300] + offset) == []
