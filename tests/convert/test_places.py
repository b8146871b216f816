"""Made rows lie where the fitted rows lay, as far as a model without trees still knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from packager.convert.places import range_of
from tests.convert.pairs import pair

RANDOM = np.random.default_rng(0)
SHIFT = np.array([1e4, -2e4, 3e4])
ROWS = RANDOM.normal(size=(120, 3)) + SHIFT
TARGET = (ROWS - SHIFT) @ np.array([1.0, -2.0, 0.5])
LABELS = TARGET > 0


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier().fit(ROWS, LABELS),
        SVC(kernel="linear", max_iter=1000).fit(ROWS, LABELS),
        GaussianProcessRegressor().fit(ROWS, TARGET),
        KMeans(3, n_init=1, random_state=0).fit(ROWS),
        GaussianNB().fit(ROWS, LABELS),
    ],
    ids=lambda model: type(model).__name__,
)
def test_kept_rows_and_centers_tell(model: Any) -> None:
    found = range_of(model, 3)
    assert found is not None
    low, high = found
    assert (np.abs(low - SHIFT) < 20).all()
    assert (np.abs(high - SHIFT) < 20).all()
    assert (low < high).all()


def test_a_start_value_that_the_columns_cannot_make_up_for_tells_that_they_lie_far_off() -> None:
    far = RANDOM.normal(size=(120, 3)) + 1e7
    found = range_of(LinearRegression().fit(far, far.sum(axis=1) - 3e7), 3)
    assert found is not None
    assert (np.abs(found[0] / 1e7 - 1) < 0.5).all()


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression().fit(ROWS - SHIFT, TARGET + 1000),
        LogisticRegression().fit(ROWS - SHIFT, LABELS),
        LinearRegression().fit(ROWS, np.full(len(ROWS), 5.0)),
    ],
    ids=["a large mean", "logistic", "constant"],
)
def test_an_ordinary_start_value_tells_nothing(model: Any) -> None:
    assert range_of(model, 3) is None


def test_a_float_form_that_drowns_in_far_columns_is_found_without_data(tmp_path: Path) -> None:
    model = KMeans(4, n_init=2, random_state=0).fit(RANDOM.normal(size=(200, 3)) + 1e4)
    stock = pair(model, tmp_path, dtype=np.float32, engine="stock")
    made = stock.probes()
    assert stock.differences(made.rows.take(made.of(("ordinary",))), 1e-5) != []
    assert pair(model, tmp_path).differences(made.rows.take(made.of(("ordinary",))), 1e-9) == []


def test_counts_begin_at_zero_and_rows_may_be_ten_times_as_long() -> None:
    counts = RANDOM.poisson([0.01, 2.0, 30.0], size=(200, 3))
    model = MultinomialNB().fit(counts, LABELS.repeat(2)[:200])
    low, high = range_of(model, 3) or ((), ())
    assert list(low) == [0.0, 0.0, 0.0]
    assert list(high) == [max(3.0, value) for value in np.ceil(10 * counts_per_class(model).max(axis=0))]
    assert range_of(BernoulliNB(binarize=0.5).fit(counts, LABELS.repeat(2)[:200]), 3) is None


def counts_per_class(model: Any) -> Any:
    return model.feature_count_ / model.class_count_[:, None]
