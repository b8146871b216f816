"""Clusters take new rows as scikit-learn's do, the first of equally near centers and offsets far from 0 among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import (
    AffinityPropagation,
    Birch,
    BisectingKMeans,
    FeatureAgglomeration,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
)

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e10]
SEED: dict[str, Any] = {"random_state": 0}
MODELS = [
    KMeans(5, n_init=2, **SEED),
    MiniBatchKMeans(5, n_init=2, **SEED),
    BisectingKMeans(6, **SEED),
    Birch(threshold=0.8),
    Birch(threshold=0.8, n_clusters=None),
    MeanShift(bandwidth=1.5, bin_seeding=True),
    AffinityPropagation(**SEED),
    AffinityPropagation(max_iter=1, **SEED),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_nearest_centers(model: Any, offset: float) -> None:
    assert unlike(model.fit(NUMBERS + offset), NEAR + offset) == []


def test_one_cluster() -> None:
    assert unlike(BisectingKMeans(1, **SEED).fit(NUMBERS), NEAR, tolerance=1e-9) == []


def test_equally_near_centers() -> None:
    rows = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    queries = np.array([[1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [1.0, 2.0]])
    assert unlike(KMeans(4, n_init=1, **SEED).fit(rows), queries) == []
    assert unlike(MeanShift(bandwidth=0.5).fit(rows), queries) == []


@pytest.mark.parametrize("pool", [np.mean, np.max, np.min, np.sum, np.median], ids=lambda pool: pool.__name__)
def test_pooled_columns(pool: Any) -> None:
    assert unlike(FeatureAgglomeration(2, pooling_func=pool).fit(NUMBERS), NEAR) == []


def test_another_pooling_function_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match="std"):
        asked(FeatureAgglomeration(2, pooling_func=np.std).fit(NUMBERS), 4)
