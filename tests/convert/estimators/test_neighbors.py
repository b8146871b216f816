"""Neighbours vote, average and stand apart as scikit-learn's do, down to which of equally near rows it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)

from packager.convert.graph import UnsupportedModel
from packager.dataset.rows import Rows
from tests.convert.asked import asked, unlike
from tests.convert.pairs import pair

from .rows import ASKED, NUMBERS, SIGNAL, THREE_LABELS, TWO_OUTPUTS, labels

RANDOM = np.random.default_rng(3)
WHOLE = RANDOM.integers(0, 4, (200, 4)).astype(np.float64)
TENTHS = RANDOM.integers(0, 9, (200, 3)) / 10
QUERIES = np.concatenate([WHOLE[:40], RANDOM.integers(-1, 6, (60, 4)), RANDOM.integers(0, 4, (40, 4)) * 1.7])
OF_WHOLE = (WHOLE @ [1, 2, -1, 0.5]) * 1.0
NAMES = np.array(["no", "perhaps", "yes"])[np.argsort(np.argsort(OF_WHOLE)) % 3]
NEAR = ASKED[np.abs(ASKED).max(axis=1) < 1e5]
METRICS: list[dict[str, Any]] = [
    {"metric": "manhattan"},
    {"metric": "chebyshev"},
    {"p": 3},
    {"p": 1.5},
    {"metric": "canberra"},
    {"metric": "hamming", "algorithm": "ball_tree"},
    {"metric": "seuclidean", "metric_params": {"V": np.array([1.0, 2.0, 3.0, 4.0])}},
    {"metric": "minkowski", "metric_params": {"w": np.array([1.0, 2.0, 3.0, 4.0])}},
    {"metric": "mahalanobis", "metric_params": {"VI": np.eye(4) + 0.1}, "algorithm": "ball_tree"},
]


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
@pytest.mark.parametrize("k", [1, 4, 9])
def test_equally_near_rows(k: int, algorithm: Any, weights: Any) -> None:
    model = KNeighborsClassifier(k, algorithm=algorithm, weights=weights, leaf_size=9).fit(WHOLE, NAMES)
    assert unlike(model, QUERIES) == []


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
def test_nearly_equal_distances(algorithm: Any) -> None:
    model = KNeighborsClassifier(3, algorithm=algorithm, leaf_size=9).fit(TENTHS, NAMES)
    assert unlike(model, np.concatenate([TENTHS, RANDOM.integers(0, 9, (100, 3)) / 10])) == []


@pytest.mark.parametrize("given", METRICS, ids=lambda given: "-".join(map(str, given.values()))[:24])
def test_metrics(given: dict[str, Any]) -> None:
    assert unlike(KNeighborsClassifier(3, **given).fit(WHOLE, NAMES), QUERIES) == []
    assert unlike(KNeighborsRegressor(3, weights="distance", **given).fit(WHOLE, OF_WHOLE), QUERIES) == []


@pytest.mark.parametrize("given", [{"metric": "cosine"}, {"metric": "braycurtis", "algorithm": "brute"}])
def test_metrics_without_a_tree(given: Any) -> None:
    assert unlike(KNeighborsClassifier(5, **given).fit(NUMBERS, labels(1, 2, 3)), NEAR) == []


def test_far_from_zero_and_wide() -> None:
    rows = RANDOM.normal(size=(120, 20)) + 1e6
    for weights in ("uniform", "distance"):
        model = KNeighborsRegressor(4, weights=weights, algorithm="brute").fit(rows, SIGNAL)
        assert unlike(model, rows[:50] + RANDOM.normal(size=(50, 20)) * 0.3) == []


@pytest.mark.parametrize("names", [(1.0, 2.0, 4.0), (3, 2**33, 2**53 + 1), (False, True), ("a", "b")])
def test_labels(names: Any) -> None:
    assert unlike(KNeighborsClassifier().fit(NUMBERS, labels(*names)), NEAR) == []
    model = RadiusNeighborsClassifier(1.0, outlier_label="most_frequent").fit(NUMBERS, labels(*names))
    assert unlike(model, NEAR) == []


def test_several_outputs() -> None:
    assert unlike(KNeighborsClassifier(4, weights="distance").fit(NUMBERS, THREE_LABELS), NEAR) == []
    assert unlike(KNeighborsRegressor(4).fit(NUMBERS, TWO_OUTPUTS), NEAR) == []
    assert unlike(RadiusNeighborsRegressor(1.5, weights="distance").fit(NUMBERS, TWO_OUTPUTS), NEAR) == []
    model = RadiusNeighborsClassifier(1.0, outlier_label=[0, 1, 5]).fit(NUMBERS, THREE_LABELS)
    assert unlike(model, NEAR) == []


@pytest.mark.parametrize("algorithm", ["kd_tree", "brute"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize("outlier", [2, 9, "most_frequent"])
def test_no_neighbour_in_the_radius(outlier: Any, metric: Any, algorithm: Any) -> None:
    model = RadiusNeighborsClassifier(1.0, metric=metric, algorithm=algorithm, outlier_label=outlier)
    assert unlike(model.fit(WHOLE, np.array([1, 2, 3])[np.unique(NAMES, return_inverse=True)[1]]), QUERIES) == []


def test_without_an_outlier_label_it_fails_as_natively() -> None:
    model = RadiusNeighborsClassifier(1.0).fit(WHOLE, NAMES)
    ask = asked(model, 4, methods=["predict", "predict_proba"])
    assert (ask(WHOLE)["predict"] == model.predict(WHOLE)).all()
    with pytest.raises(InvalidArgument, match="out of"):
        ask(WHOLE + 100)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("target", [OF_WHOLE, np.arange(200)], ids=["float", "int"])
def test_mean_in_a_radius(target: Any, weights: Any) -> None:
    assert unlike(RadiusNeighborsRegressor(1.0, weights=weights).fit(WHOLE, target), QUERIES) == []


@pytest.mark.parametrize("mode", ["distance", "connectivity"])
@pytest.mark.parametrize("algorithm", ["kd_tree", "brute"])
def test_graphs(algorithm: Any, mode: Any) -> None:
    nearest = KNeighborsTransformer(n_neighbors=3, mode=mode, algorithm=algorithm, metric="manhattan").fit(WHOLE)
    assert unlike(nearest, QUERIES) == []
    inside = RadiusNeighborsTransformer(radius=2.0, mode=mode, algorithm=algorithm).fit(WHOLE)
    assert unlike(inside, QUERIES) == []


@pytest.mark.parametrize("rows", [NUMBERS, WHOLE], ids=["numbers", "whole"])
def test_local_outliers(rows: Any) -> None:
    assert unlike(LocalOutlierFactor(7, novelty=True).fit(rows), np.concatenate([NEAR, QUERIES])) == []


@pytest.mark.parametrize("priors", ["uniform", "empirical"])
@pytest.mark.parametrize("shrinks", [None, 0.3])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_centroids(metric: Any, shrinks: Any, priors: Any) -> None:
    for classes in (NAMES, NAMES == "no"):
        model = NearestCentroid(metric=metric, shrink_threshold=shrinks, priors=priors).fit(WHOLE, classes)
        assert unlike(model, QUERIES) == []


@pytest.mark.parametrize("columns", [2, 7, 33])
def test_centroids_stay_exact_up_to_the_largest_number_that_is_served(columns: int, tmp_path: Path) -> None:
    rows = RANDOM.normal(size=(160, columns)) + RANDOM.choice([0.0, 1e2, 1e3], columns)
    model = NearestCentroid(shrink_threshold=1.0).fit(rows, np.arange(160) % 3)
    both = pair(model, tmp_path)
    asked_for = RANDOM.normal(size=(203, columns)) + rows.mean(axis=0)
    limits = np.array([column.max_abs for column in both.signature.columns])
    one = np.arange(203), np.arange(203) % columns
    asked_for[one] = limits[one[1]]
    assert both.differences(Rows(asked_for), 1e-6) == []
    assert both.differences(Rows(asked_for[:1]), 1e-6) == []


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (KNeighborsClassifier(weights=lambda distance: 1 / distance), "weight function"),
        (KNeighborsClassifier(metric=lambda one, other: abs(one - other).sum()), "metric of its own"),
        (KNeighborsClassifier(metric="cosine"), "equally near"),
        (KNeighborsClassifier(metric="nan_euclidean"), "nan_euclidean"),
        (KNeighborsClassifier(metric="braycurtis", algorithm="ball_tree"), "braycurtis"),
    ],
)
def test_what_cannot_be_known_is_refused(model: Any, reason: str) -> None:
    with pytest.raises(UnsupportedModel, match=reason):
        asked(model.fit(WHOLE, NAMES), 4)


def test_threads_that_share_many_equal_rows_are_refused() -> None:
    rows = RANDOM.integers(0, 4, (300, 4)).astype(np.float64)
    with pytest.raises(UnsupportedModel, match="equally near"):
        asked(KNeighborsRegressor(algorithm="brute").fit(rows, rows[:, 0]), 4)
