"""Labels propagate and spread to new rows as scikit-learn's do; a row near nothing gets NaN and the first class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from packager.convert.graph import UnsupportedModel
from tests.convert.asked import asked, unlike

from .rows import NUMBERS, labels

TARGET = np.where(np.arange(120) % 2 == 0, -1, labels(2, 5, 9))
ROWS = np.concatenate([NUMBERS[::-1] * 1.2, np.round(NUMBERS), np.full((1, 4), 1e3)])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [LabelPropagation, LabelSpreading])
@pytest.mark.parametrize("given", [{"gamma": 0.5}, {}, {"kernel": "knn"}, {"kernel": "knn", "n_neighbors": 4}])
def test_labels(given: Any, kind: Any) -> None:
    assert unlike(kind(max_iter=100, **given).fit(NUMBERS, TARGET), ROWS, tolerance=1e-9) == []


def test_a_function_as_kernel_is_refused() -> None:
    model = LabelSpreading(kernel=lambda one, other: np.exp(-np.abs(one @ other.T))).fit(NUMBERS, TARGET)
    with pytest.raises(UnsupportedModel, match="kernel of its own"):
        asked(model, 4)
