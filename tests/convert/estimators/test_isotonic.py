"""One column of numbers is enough of a signature for an isotonic regression."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from packager.dataset.rows import Rows

from ..pairs import pair

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=80)
Y = X + RANDOM.normal(size=80)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("settings", [{"out_of_bounds": "clip"}, {"increasing": False, "out_of_bounds": "clip"}, {}])
def test_numbers_of_one_column_are_answered(settings: dict[str, Any], dtype: type, tmp_path: Path) -> None:
    made = pair(IsotonicRegression(**settings).fit(X.astype(dtype), Y), tmp_path)
    assert [column.name for column in made.signature.columns] == ["feature_0"]
    near = np.concatenate([X, np.nextafter(X, 9), np.nextafter(X, -9), RANDOM.uniform(-6, 6, 200)])
    assert not made.differences(Rows(near[:, None]), 1e-14)
