"""Metrics by our names have scikit-learn's values, on all rows and in resamples; intervals cover the truth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as theirs

from packager.quality import counted, losses, ranked, resample
from packager.quality.compare import FAMILIES, IDENTICAL, compare, undefined
from packager.quality.sample import Sample
from packager.recipe.metrics import METRICS

OF_LABELS = [name for name, metric in METRICS.items() if metric.needs == "label"]
OF_SCORES = [name for name, metric in METRICS.items() if metric.needs == "score"]
OF_VALUES = [name for name, metric in METRICS.items() if metric.needs == "value"]


def classes(count: int, rows: int = 300, *, seed: int = 3, noise: float = 0.3) -> Sample:
    """Return scores of a model and of a noisy copy; rounded, so that some are tied."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, count, rows).astype(np.int32)
    raw = random.normal(size=(rows, count)) + np.eye(count)[truth]
    scores = [np.exp(found) for found in (raw, raw + noise * random.normal(size=raw.shape))]
    native, variant = (_shares(_shares(found).round(2)) for found in scores)
    return Sample(truth, native, variant, count)


def _shares(found: np.ndarray) -> np.ndarray:
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def scores(count: int, rows: int = 300, **how: Any) -> Sample:
    found = classes(count, rows, **how)
    return found if count > 2 else Sample(found.truth, found.native[:, 1], found.variant[:, 1], 2)


def labels(count: int, rows: int = 300, **how: Any) -> Sample:
    found = classes(count, rows, **how)
    return Sample(found.truth, found.native.argmax(axis=1), found.variant.argmax(axis=1), count)


def values(rows: int = 300, *, seed: int = 3, noise: float = 0.3) -> Sample:
    random = np.random.default_rng(seed)
    truth = random.gamma(2.0, size=rows).round(1) + 0.1
    native = (truth + random.normal(size=rows)).round(1)
    return Sample(truth, native, (native + noise * random.normal(size=rows)).round(1), 0)


def sample(name: str, count: int = 2, rows: int = 300, **how: Any) -> Sample:
    if METRICS[name].needs == "value":
        return values(rows, **how)
    return (labels if METRICS[name].needs == "label" else scores)(count, rows, **how)


def original(name: str, truth: Any, found: Any, count: int) -> float:
    """Return scikit-learn's value, by the function that the table of metrics names."""
    function = getattr(theirs, METRICS[name].definition)
    if name == "ndcg":
        return float(function(truth[None, :], found[None, :]))
    if name in ("precision", "recall", "f1"):
        return float(function(truth, found, zero_division=0, **({"average": "macro"} if count > 2 else {})))
    if name == "log_loss":
        return float(function(truth, found, labels=list(range(count))))
    if count > 2 and name == "roc_auc":
        return float(function(truth, found, multi_class="ovr", labels=list(range(count))))
    if count > 2 and name == "average_precision":
        return float(function(np.eye(count)[truth], found))
    if count > 2 and name == "brier":
        return float(((found - np.eye(count)[truth]) ** 2).sum(axis=1).mean())
    return float(function(truth, found))


def test_every_metric_of_a_recipe_has_a_function_here_and_in_scikit_learn() -> None:
    assert FAMILIES.keys() == METRICS.keys()
    assert all(callable(getattr(theirs, metric.definition)) for metric in METRICS.values())


@pytest.mark.filterwarnings("ignore:The y_prob values do not sum to one")
@pytest.mark.parametrize("rows", [300, 9_000])
@pytest.mark.parametrize(
    ("name", "count"),
    [(name, count) for name in (*OF_LABELS, *OF_SCORES) for count in (2, 4)] + [(name, 0) for name in OF_VALUES],
)
def test_both_models_score_as_scikit_learn_scores_them(name: str, count: int, rows: int) -> None:
    given = sample(name, count, rows)
    found = compare(name, given)
    native, variant = (original(name, given.truth, answers, count) for answers in (given.native, given.variant))
    assert found.native == pytest.approx(native, rel=1e-12)
    assert found.variant == pytest.approx(variant, rel=1e-12)
    assert found.drop == pytest.approx(METRICS[name].drop(native, variant), abs=1e-12)
    assert found.interval is not None
    assert found.interval[0] <= found.drop <= found.interval[1]
    alone = FAMILIES[name].both(name, given)
    assert alone == pytest.approx((native, variant), rel=1e-12)


@pytest.mark.parametrize("name", [name for name in METRICS if name not in OF_LABELS and name != "ndcg"])
def test_resamples_are_those_that_scikit_learn_scores_on_the_drawn_rows(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resample, "RESAMPLES", 40)
    resample._counts.cache_clear()
    given = sample(name, 2, 60)
    draws = FAMILIES[name].estimate(name, given).draws
    counts = resample._counts(60)
    resample._counts.cache_clear()
    assert draws is not None
    for times, found in zip(counts, draws, strict=True):
        rows = np.repeat(np.arange(60), times)
        sides = [original(name, given.truth[rows], side[rows], 2) for side in (given.native, given.variant)]
        assert found == pytest.approx(sides[0] - sides[1], abs=1e-12)


@pytest.mark.parametrize("name", OF_LABELS)
def test_drawing_cells_of_a_table_is_drawing_rows(name: str) -> None:
    given = labels(3, 200)
    draws = counted.estimate(name, given).draws
    random = np.random.default_rng(1)
    drawn = []
    for _ in range(400):
        rows = random.integers(0, 200, 200)
        part = Sample(given.truth[rows], given.native[rows], given.variant[rows], 3)
        drawn.append(np.subtract(*counted.both(name, part)))
    assert draws is not None
    assert np.mean(draws) == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / 20)
    assert np.std(draws) == pytest.approx(np.std(drawn), rel=0.15)


@pytest.mark.parametrize("name", list(losses.LOSSES))
def test_groups_of_rows_vary_as_rows_do_even_where_rows_are_sorted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = sample(name, 2, 4_000)
    order = np.argsort(given.truth, kind="stable")
    given = Sample(given.truth[order], given.native[order], given.variant[order], given.classes)
    by_rows = losses.estimate(name, given).draws
    monkeypatch.setattr(losses, "UNITS", 1_000)
    by_groups = losses.estimate(name, given).draws
    assert by_rows is not None
    assert by_groups is not None
    assert np.std(by_groups) == pytest.approx(np.std(by_rows), rel=0.12)


@pytest.mark.parametrize(("name", "count"), [("roc_auc", 2), ("roc_auc", 3), ("average_precision", 2)])
def test_influences_vary_as_resamples_do(name: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given = scores(count, 600)
    by_influence = ranked._by_influence(name, list(ranked._columns(given)))
    by_resampling = ranked._by_resampling(name, list(ranked._columns(given)))
    assert by_influence.draws is None
    assert by_resampling.draws is not None
    assert by_influence.error == pytest.approx(np.std(by_resampling.draws), rel=0.1)


@pytest.mark.parametrize("name", list(ranked.VALUES))
def test_scores_of_the_same_order_differ_by_nothing_and_a_broken_tie_is_another_order(name: str) -> None:
    random = np.random.default_rng(3)
    native = np.round(random.random(3_000), 3)  # with ties
    truth = (native + random.normal(size=3_000) > 0.5).astype(np.int32)
    alike = Sample(truth, native, np.exp(native), 2)
    spread = ranked.estimate(name, alike)
    assert spread.variant == spread.native
    assert spread.draws is None
    assert spread.error == 0.0
    one_by_one = ranked._by_influence(name, list(ranked._columns(Sample(truth, native, native.copy(), 2))))
    assert spread.native == pytest.approx(one_by_one.native)
    broken = native.copy()
    tied = np.flatnonzero(native == native[0])
    broken[tied[0]] = np.nextafter(broken[tied[0]], 1)
    assert ranked.rank(native).is_of(np.exp(native))
    assert not ranked.rank(native).is_of(broken)
    assert not ranked.rank(broken).is_of(native)
    assert not ranked.rank(native).is_of(-native)
    assert not ranked.rank(native).is_of(np.full(3_000, np.nan))


@pytest.mark.parametrize("kind", ["apart", "tied", "all alike"])
def test_many_scores_are_ranked_as_few_are(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    score = {"apart": random.normal(size=5_000), "tied": np.round(random.random(5_000), 2), "all alike": np.ones(5_000)}
    at_once = ranked.rank(score[kind])
    monkeypatch.setattr(ranked, "_SORTED_AT_ONCE", 1_000)
    in_parts = ranked.rank(score[kind])
    assert np.array_equal(score[kind][at_once.order], score[kind][in_parts.order])
    assert np.array_equal(at_once.starts, in_parts.starts)
    assert np.array_equal(np.sort(in_parts.order), np.arange(5_000))
    assert in_parts.order.dtype == np.int32


@pytest.mark.parametrize("name", list(ranked.VALUES))
def test_an_influence_is_the_derivative_by_a_rows_weight(name: str) -> None:
    """By finite differences of the metric of weighted rows; the discounts of NDCG between places are their mean."""
    given = values(60) if name == "ndcg" else scores(2, 60)
    column = next(iter(ranked._columns(given)))
    ranking, relevance = ranked.rank(column.scores[0]), column.relevance.astype(float)
    value, parts = ranked.influences(name, ranked.rank(column.scores[0]), column.relevance)
    influence = np.zeros(60)
    for part in parts:
        part.add_to(influence, column.relevance)
    step = 1e-6 if name != "ndcg" else 1.0
    weights = np.ones((2, 60))
    found = []
    for row in range(60):
        weights[:, row] = 1 + step, 1 - step if name != "ndcg" else 1
        up, down = ranked.VALUES[name](ranking, relevance, weights)
        found.append((up - down) / (2 * step if name != "ndcg" else step))
        weights[:, row] = 1
    assert value == pytest.approx(ranked.VALUES[name](ranking, relevance, np.ones((1, 60)))[0])
    if name == "roc_auc":  # DeLong divides by one row less
        total = relevance.sum()
        scale = np.where(relevance == 1, total / np.sqrt(total * (total - 1)), 1.0)
        others = 60 - total
        influence = influence / np.where(relevance == 1, scale, others / np.sqrt(others * (others - 1)))
    tolerance = {"rel": 1e-5, "abs": 1e-8} if name != "ndcg" else {"abs": 3e-3}
    assert influence == pytest.approx(np.array(found), **tolerance)


def delong(truth: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Return the variance of the difference of two areas by DeLong's formula as written, over all pairs of rows."""
    placements = []
    for score in (first, second):
        wins = np.sign(score[truth == 1][:, None] - score[truth == 0][None, :]) / 2 + 0.5
        placements.append((wins.mean(axis=1), wins.mean(axis=0)))
    total = 0.0
    for side in (0, 1):
        covariance = np.cov(np.stack([placements[0][side], placements[1][side]]))
        total += (covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]) / len(placements[0][side])
    return total


def test_the_variance_of_two_areas_is_delongs() -> None:
    given = scores(2, 400)
    found = ranked._by_influence("roc_auc", list(ranked._columns(given)))
    assert found.error == pytest.approx(math.sqrt(delong(given.truth, given.native, given.variant)), rel=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_identical_answers_have_a_drop_of_zero_without_resampling(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "_counts", None)
    given = sample(name)
    found = compare(name, Sample(given.truth, given.native, given.native.copy(), given.classes))
    assert (found.drop, found.interval, found.method) == (0.0, (0.0, 0.0), IDENTICAL)


@pytest.mark.parametrize("name", METRICS)
def test_a_worse_model_drops_and_a_better_one_gains(name: str) -> None:
    given = sample(name, noise=3.0)
    worse = compare(name, given)
    better = compare(name, Sample(given.truth, given.variant, given.native, given.classes))
    assert worse.drop > 0.005
    assert better.drop == pytest.approx(-worse.drop)


@pytest.mark.parametrize("name", [*OF_SCORES, *OF_VALUES])
@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_answers_that_are_no_numbers_have_no_metric(name: str, broken: float) -> None:
    given = sample(name)
    given.variant[3] = broken
    found = compare(name, given)
    assert math.isnan(found.drop)
    assert found.interval is None
    assert undefined(name, given.truth, given.variant, given.classes)
    assert undefined(name, given.truth, given.native, given.classes) is None


@pytest.mark.parametrize("name", OF_LABELS)
def test_a_label_that_is_no_class_has_no_metric(name: str) -> None:
    given = sample(name)
    given.variant[5] = -1
    assert math.isnan(compare(name, given).drop)


def test_one_row_of_a_class_has_no_interval() -> None:
    truth = np.zeros(3_000, dtype=np.int32)
    truth[7] = 1
    random = np.random.default_rng(0)
    found = compare("roc_auc", Sample(truth, random.random(3_000), random.random(3_000), 2))
    assert found.interval is None
    few = compare("roc_auc", Sample(truth[:40], random.random(40), random.random(40), 2))
    assert few.interval is None


Draw = Callable[[np.random.Generator, int], Sample]


def drawn_scores(random: np.random.Generator, rows: int) -> Sample:
    truth = (random.random(rows) < 0.3).astype(np.int32)
    raw = random.normal(size=rows) + 1.2 * truth
    return Sample(truth, *(1 / (1 + np.exp(-found)) for found in (raw, raw + 0.3 * random.normal(size=rows))), 2)


def drawn_labels(random: np.random.Generator, rows: int) -> Sample:
    found = drawn_scores(random, rows)
    return Sample(found.truth, (found.native > 0.6).astype(int), (found.variant > 0.6).astype(int), 2)


def drawn_values(random: np.random.Generator, rows: int) -> Sample:
    truth = random.normal(size=rows)
    native = truth + 0.5 * random.normal(size=rows)
    return Sample(truth, native, native + 0.2 * random.normal(size=rows), 0)


@pytest.mark.parametrize(
    ("name", "draw", "influence"),
    [
        ("roc_auc", drawn_scores, False),
        ("roc_auc", drawn_scores, True),
        ("average_precision", drawn_scores, False),
        ("average_precision", drawn_scores, True),
        ("log_loss", drawn_scores, False),
        ("accuracy", drawn_labels, False),
        ("f1", drawn_labels, False),
        ("rmse", drawn_values, False),
        ("r2", drawn_values, False),
    ],
)
def test_the_interval_covers_the_true_difference(
    name: str, draw: Draw, influence: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over 200 data sets of 300 rows the 95% interval holds the difference on 400,000 rows 90 to 99% of the time."""
    monkeypatch.setattr(ranked, "_RESAMPLED_SCORES", 0 if influence else 400)
    monkeypatch.setattr(resample, "RESAMPLES", 200)
    monkeypatch.setattr(losses, "UNITS", 100)
    resample._counts.cache_clear()
    random = np.random.default_rng(11)
    difference = METRICS[name].drop(*FAMILIES[name].both(name, draw(random, 400_000)))
    held = 0
    for _ in range(200):
        interval = compare(name, draw(random, 300)).interval
        held += interval is not None and interval[0] <= difference <= interval[1]
    resample._counts.cache_clear()
    assert 0.90 <= held / 200 <= 0.99
