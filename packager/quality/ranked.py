"""Metrics of an order of rows: the area under the ROC curve, average precision, NDCG.

A few rows are resampled. Of many, each row's own influence on the metric gives the variance, in one sort.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from packager.quality.resample import RESAMPLES, resampled
from packager.quality.sample import Array, Doubles, Sample, Spread

# Scores that are resampled, which takes some 0.3 s; of more the influences tell the same within a few per cent.
_RESAMPLED_SCORES = 2_000
_BLOCK_ROWS = 1_000_000
# Fewer scores than this are sorted within a tenth of a second; the middle of so many sampled ones is near the true one.
_SORTED_AT_ONCE, _SAMPLED = 1_000_000, 1_000


@dataclass(frozen=True)
class Ranking:
    """Rows from the highest score down; rows of equal score are one group. `starts` is where groups begin."""

    order: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32]

    def sums(self, values: Array) -> Doubles:
        """Return the sums per group of `values` [..., rows], shape [..., groups]."""
        return np.add.reduceat(np.take(values, self.order, axis=-1), self.starts, axis=-1, dtype=np.float64)

    @property
    def ends(self) -> npt.NDArray[np.int32]:
        """Return how many rows score as high as each group, or higher."""
        return np.append(self.starts[1:], np.int32(len(self.order)))

    def is_of(self, score: Array) -> bool:
        """Tell whether other scores of the same rows order and group them alike."""
        ranked = score[self.order]
        begins = np.zeros(len(ranked), dtype=bool)
        begins[self.starts] = True
        return bool((ranked[1:] <= ranked[:-1]).all() and ((ranked[1:] != ranked[:-1]) == begins[1:]).all())


@dataclass(frozen=True)
class Influence:
    """How a value changes with the weight of a row: by `own` times the row's relevance, and by `shared`.

    Both are per group of rows with equal scores. `factor`: what this is multiplied with.
    """

    value: float
    ranking: Ranking
    own: Doubles
    shared: Doubles
    factor: float = 1.0

    def add_to(self, influence: Doubles, relevance: Array, *, factor: float = 1.0) -> None:
        """Add every row's influence to `influence` [rows], in blocks: the rows may be many."""
        ranking, factor = self.ranking, factor * self.factor
        group = np.zeros(len(ranking.order), dtype=np.int32)
        group[ranking.starts[1:]] = 1
        np.cumsum(group, out=group)
        for start in range(0, len(group), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            rows, groups = ranking.order[part], group[part]
            influence[rows] += factor * (relevance[rows] * self.own[groups] + self.shared[groups])


@dataclass(frozen=True)
class Column:
    """How relevant each row is, and the scores that both models give it."""

    relevance: Array
    scores: tuple[Array, Array]

    @cached_property
    def native(self) -> Ranking:
        return rank(self.scores[0])

    @cached_property
    def variant(self) -> Ranking:
        return rank(self.scores[1])


def rank(score: Array) -> Ranking:
    """Order rows by falling score."""
    order = _rising(score)[::-1]
    ranked = score[order]
    changes = np.flatnonzero(ranked[1:] != ranked[:-1]).astype(np.int32)
    return Ranking(order, np.append(np.int32(0), changes + np.int32(1)))


def _rising(score: Array) -> npt.NDArray[np.int32]:
    """Return the rows from the lowest score up; of many, those on either side of a middle one in a thread each."""
    if len(score) < _SORTED_AT_ONCE:
        return np.argsort(score).astype(np.int32)  # half the memory, for up to two thousand million rows
    is_low = score < np.median(score[:: len(score) // _SAMPLED])
    sides = [np.flatnonzero(side).astype(np.int32) for side in (is_low, ~is_low)]
    with ThreadPoolExecutor(max_workers=len(sides)) as threads:  # numpy sorts without the interpreter's lock
        return np.concatenate(list(threads.map(lambda rows: rows[np.argsort(score[rows])], sides)))


def both(name: str, sample: Sample) -> tuple[float, float]:
    """Return the metric `name`, a key of VALUES, of both models: of several classes the mean, each against the rest."""
    columns, ones = list(_columns(sample)), np.ones((1, len(sample)))
    native = float(_value(name, columns, ones, side=0)[0])
    same = sample.variant is sample.native  # sorting many rows takes a while
    return native, native if same else float(_value(name, columns, ones, side=1)[0])


def estimate(name: str, sample: Sample) -> Spread:
    """Return the metric of both, and its difference in every resample, or the standard error of that."""
    columns = list(_columns(sample))
    # Copies of a row share its places in an order, so that resamples have another NDCG than rows that all differ.
    if len(sample) * len(columns) > _RESAMPLED_SCORES or name == "ndcg":
        return _by_influence(name, columns)
    return _by_resampling(name, columns)


def _columns(sample: Sample) -> Iterator[Column]:
    """Yield the columns of scores: one, or one per class if there are several."""
    if sample.native.ndim == 1:
        relevance = (sample.truth == 1) if sample.classes else sample.truth
        yield Column(relevance, (sample.native, sample.variant))
        return
    for index in range(sample.native.shape[1]):
        yield Column(sample.truth == index, (sample.native[:, index], sample.variant[:, index]))


def _by_resampling(name: str, columns: Sequence[Column]) -> Spread:
    rows = len(columns[0].relevance)
    draws = resampled(rows, lambda weights: np.subtract(*_values(name, columns, weights)))
    native, variant = _values(name, columns, np.ones((1, rows)))
    return Spread(float(native[0]), float(variant[0]), f"bootstrap, {RESAMPLES:,} resamples", draws=draws)


def _values(name: str, columns: Sequence[Column], weights: Doubles) -> tuple[Doubles, Doubles]:
    return _value(name, columns, weights, side=0), _value(name, columns, weights, side=1)


def _value(name: str, columns: Sequence[Column], weights: Doubles, *, side: int) -> Doubles:
    """Return the metric of the native model, or of the variant, for weights of shape [some, rows], shape [some]."""
    values = [VALUES[name](column.variant if side else column.native, column.relevance, weights) for column in columns]
    return np.asarray(np.mean(values, axis=0))


def _by_influence(name: str, columns: Sequence[Column]) -> Spread:
    """Return the difference with the standard error that the rows' influences give.

    For roc_auc this is DeLong's variance of two correlated areas (DeLong, DeLong and Clarke-Pearson 1988, Biometrics
    44, 837), from the ranks as Sun and Xu compute it (2014, IEEE Signal Process. Lett. 21, 1389). For the others it
    is the infinitesimal jackknife: the sum of the squared derivatives of the metric by the rows' weights (Efron and
    Tibshirani 1993, chapter 21). Influences of the classes on their mean are added before they are squared.
    """
    influence = np.zeros(len(columns[0].relevance))
    own = [0.0, 0.0]
    share = 1.0 / len(columns)
    for column in columns:
        ranking = rank(column.scores[0])
        if ranking.is_of(column.scores[1]):  # no row weighs on the difference: two sorts' time saved
            value, _ = influences(name, ranking, column.relevance)
            own = [so_far + value * share for so_far in own]
            continue
        own[0] += share * _add_influences(influence, name, ranking, column.relevance, factor=share)
        ranking = rank(column.scores[1])
        own[1] += share * _add_influences(influence, name, ranking, column.relevance, factor=-share)
    method = "DeLong's variance" if name == "roc_auc" else "infinitesimal jackknife"
    return Spread(own[0], own[1], method, error=float(np.sqrt(influence @ influence)))


def _add_influences(influence: Doubles, name: str, ranking: Ranking, relevance: Array, *, factor: float) -> float:
    """Add the rows' influences on one model's metric, and return the metric; nothing else of it stays in memory."""
    value, parts = influences(name, ranking, relevance)
    for part in parts:
        part.add_to(influence, relevance, factor=factor)
    return value


def _roc_auc(ranking: Ranking, relevance: Doubles, weights: Doubles) -> Doubles:
    """The share of pairs of a positive and a negative row in which the positive is higher; ties count half."""
    positives = ranking.sums(weights * relevance)
    negatives = ranking.sums(weights) - positives
    above = np.cumsum(positives, axis=-1) - positives / 2
    return _share((negatives * above).sum(axis=-1), positives.sum(axis=-1) * negatives.sum(axis=-1))


def _average_precision(ranking: Ranking, relevance: Doubles, weights: Doubles) -> Doubles:
    """The mean over positive rows of the precision among all rows that score as high or higher."""
    positives = ranking.sums(weights * relevance)
    above, rows = np.cumsum(positives, axis=-1), np.cumsum(ranking.sums(weights), axis=-1)
    precision = np.divide(above, rows, out=np.zeros_like(above), where=rows > 0)
    return _share((positives * precision).sum(axis=-1), positives.sum(axis=-1))


def _ndcg(ranking: Ranking, relevance: Doubles, weights: Doubles) -> Doubles:
    """The gain of the whole file as one list, against that of the best order; equal scores share their places."""
    ideal = rank(relevance)
    return _share(_gain(ranking, relevance, weights), _gain(ideal, relevance, weights))


def _gain(ranking: Ranking, relevance: Doubles, weights: Doubles) -> Doubles:
    rows, gains = ranking.sums(weights), ranking.sums(weights * relevance)
    ends = np.cumsum(rows, axis=-1).astype(np.intp)
    discounts = _discounts(int(ends[..., -1].max(initial=0)))
    together = discounts[ends] - discounts[ends - rows.astype(np.intp)]
    return np.asarray((_ratio(gains, rows) * together).sum(axis=-1))


def _discounts(rows: int) -> Doubles:
    """Return the sums of 1 / log2(place + 1) over the first 0, 1, 2, … places."""
    return np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, rows + 2)))])


def _share(part: Doubles, whole: Doubles) -> Doubles:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))


def _ratio(part: Doubles, whole: Doubles) -> Doubles:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def influences(name: str, ranking: Ranking, relevance: Array) -> tuple[float, list[Influence]]:
    """Return the metric `name`, a key of VALUES, and the influences that add up to every row's."""
    if name == "roc_auc":
        found = _roc_auc_influence(ranking, relevance)
        return found.value, [found]
    if name == "average_precision":
        found = _average_precision_influence(ranking, relevance)
        return found.value, [found]
    gain, best = _gain_influence(ranking, relevance), _gain_influence(rank(relevance), relevance)
    ndcg = gain.value / best.value
    return ndcg, [replace(gain, factor=1.0 / best.value), replace(best, factor=-ndcg / best.value)]


def _roc_auc_influence(ranking: Ranking, relevance: Array) -> Influence:
    """Return each row's placement among the rows of the other class, less the area."""
    positives = np.add.reduceat(relevance[ranking.order], ranking.starts, dtype=np.int32)
    negatives = ranking.ends - ranking.starts - positives
    total, others = float(positives.sum()), float(negatives.sum())
    # DeLong divides by one row less; of a single row there is no variance.
    roots = [math.sqrt(count * (count - 1)) or math.nan for count in (total, others)]
    shared = np.cumsum(positives, dtype=np.float64)  # of the negative rows: how many positives are above them
    shared -= positives / 2
    area = float(negatives @ shared) / (total * others)
    shared -= area * total
    shared /= total * roots[1]
    own = np.cumsum(negatives, dtype=np.float64)  # of the positive rows: how many negatives are below them
    own -= negatives / 2
    own -= (1.0 - area) * others
    own /= -others * roots[0]
    own -= shared
    return Influence(area, ranking, own, shared)


def _average_precision_influence(ranking: Ranking, relevance: Array) -> Influence:
    positives = ranking.sums(relevance)
    total = float(positives.sum())
    precision = np.cumsum(positives)
    precision /= ranking.ends
    value = float(positives @ precision) / total
    # A row counts in the precision of every group at or below its own.
    positives /= ranking.ends
    shared = _from_end(positives * precision)
    shared /= -total
    own = _from_end(positives)
    own += precision
    own -= value
    own /= total
    return Influence(value, ranking, own, shared)


def _gain_influence(ranking: Ranking, relevance: Array) -> Influence:
    """Return the discounted gain, and its derivative by each row's weight: its own gain, and the places it takes."""
    rows, mean = (ranking.ends - ranking.starts).astype(np.float64), ranking.sums(relevance)
    mean /= rows
    discounts = _discounts(len(ranking.order))
    together = discounts[ranking.ends] - discounts[ranking.starts]
    last = 1.0 / np.log2(ranking.ends + 1.0)  # the discount of the last place of each group
    pushed = np.append(_from_end(mean[1:] * (last[1:] - last[:-1])), 0.0)
    own = together / rows
    return Influence(float(mean @ together), ranking, own, mean * (last - own) + pushed)


def _from_end(values: Doubles) -> Doubles:
    """Return the sum of each value and all after it."""
    return np.asarray(np.cumsum(values[::-1])[::-1])


VALUES: dict[str, Callable[[Ranking, Doubles, Doubles], Doubles]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "ndcg": _ndcg,
}
