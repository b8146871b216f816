"""Embeddings of new rows, by way of the nearest known ones, as scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import Isomap, LocallyLinearEmbedding

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import ASKED, NUMBERS

NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e3]


@pytest.mark.parametrize("metric", ["minkowski", "manhattan"])
def test_isomap(metric: str) -> None:
    assert unlike(Isomap(n_neighbors=8, n_components=3, metric=metric).fit(NUMBERS), NEAR) == []


@pytest.mark.parametrize("neighbours", [3, 8])
def test_locally_linear(neighbours: int) -> None:
    model = LocallyLinearEmbedding(n_neighbors=neighbours, random_state=0, reg=1e-2).fit(NUMBERS)
    assert unlike(model, NEAR, tolerance=1e-9) == []


def test_neighbours_in_a_radius_are_refused() -> None:
    with pytest.raises(UnsupportedModel, match="radius"):
        asked(Isomap(n_neighbors=None, radius=3.0).fit(NUMBERS), 4)
