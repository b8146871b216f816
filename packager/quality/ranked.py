"""Metrics of an order of rows: the area under the ROC curve, average precision, NDCG.

A few rows are resampled. Of many, each row's own influence on the metric gives the variance, in one sort.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from packager.quality.resample import RESAMPLES, resampled
from packager.quality.sample import Array, Doubles, Sample, Spread

# Scores that are resampled, which takes some 0.3 s; of more the influences tell the same within a few per cent.
_RESAMPLED_SCORES = 2_000


@dataclass(frozen=True)
class Ranking:
    """Rows from the highest score down; rows of equal score are one group. `starts` is where groups begin."""

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]

    def sums(self, values: Array) -> Doubles:
        """Return the sums per group of `values` [..., rows], shape [..., groups]."""
        return np.add.reduceat(np.take(values, self.order, axis=-1), self.starts, axis=-1, dtype=np.float64)

    def to_rows(self, values: Doubles) -> Doubles:
        """Return each row's value of its group; shape [rows]."""
        lengths = np.diff(self.starts, append=len(self.order))
        found = np.empty(len(self.order))
        found[self.order] = np.repeat(values, lengths)
        return found


@dataclass(frozen=True)
class Column:
    """How relevant each row is, and the scores that both models give it."""

    relevance: Array
    scores: tuple[Array, Array]

    @cached_property
    def rankings(self) -> tuple[Ranking, Ranking]:
        native, variant = map(rank, self.scores)
        return native, variant


def rank(score: Array) -> Ranking:
    """Order rows by falling score."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    changes = np.flatnonzero(ranked[1:] != ranked[:-1]) + 1
    return Ranking(order, np.concatenate([[0], changes]))


def both(name: str, sample: Sample) -> tuple[float, float]:
    """Return the metric `name`, a key of VALUES, of both models: of several classes the mean, each against the rest."""
    native, variant = _values(name, list(_columns(sample)), np.ones((1, len(sample))))
    return float(native[0]), float(variant[0])


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
    """Return the metric of both for weights of shape [some, rows], shape [some]."""
    native, variant = (
        np.mean([VALUES[name](column.rankings[side], column.relevance, weights) for column in columns], axis=0)
        for side in (0, 1)
    )
    return native, variant


def _by_influence(name: str, columns: Sequence[Column]) -> Spread:
    """Return the difference with the standard error that the rows' influences give.

    For roc_auc this is DeLong's variance of two correlated areas (DeLong, DeLong and Clarke-Pearson 1988, Biometrics
    44, 837), from the ranks as Sun and Xu compute it (2014, IEEE Signal Process. Lett. 21, 1389). For the others it
    is the infinitesimal jackknife: the sum of the squared derivatives of the metric by the rows' weights (Efron and
    Tibshirani 1993, chapter 21). Influences of the classes on their mean are added before they are squared.
    """
    influence = np.zeros(len(columns[0].relevance))
    own = [0.0, 0.0]
    for column in columns:
        for side, score in enumerate(column.scores):
            value, derivative = INFLUENCES[name](rank(score), column.relevance)
            own[side] += value / len(columns)
            influence += derivative if side == 0 else -derivative
    influence /= len(columns)
    method = "DeLong's variance" if name == "roc_auc" else "infinitesimal jackknife"
    return Spread(own[0], own[1], method, error=float(np.sqrt(np.sum(np.square(influence, out=influence)))))


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


def _roc_auc_influence(ranking: Ranking, relevance: Array) -> tuple[float, Doubles]:
    """Return the area, and each row's placement among the rows of the other class, less the area, to be squared."""
    positives = ranking.sums(relevance)
    negatives = np.diff(ranking.starts, append=len(relevance)) - positives
    total, others = float(positives.sum()), float(negatives.sum())
    above = ranking.to_rows((np.cumsum(positives) - positives / 2) / total)  # for negative rows
    below = ranking.to_rows(1.0 - (np.cumsum(negatives) - negatives / 2) / others)  # for positive rows
    area = float(np.mean(below, where=relevance.astype(bool)))
    scales = [np.sqrt(count * (count - 1)) if count > 1 else 0.0 for count in (total, others)]
    with np.errstate(divide="ignore", invalid="ignore"):  # of a single row there is no variance: infinite
        below = np.where(relevance, (below - area) / scales[0], (above - area) / scales[1])
    return area, below


def _average_precision_influence(ranking: Ranking, relevance: Array) -> tuple[float, Doubles]:
    positives = ranking.sums(relevance)
    total = float(positives.sum())
    above, rows = np.cumsum(positives), np.append(ranking.starts[1:], len(relevance)).astype(np.float64)
    precision = above / rows
    value = float((positives * precision).sum() / total)
    # A row counts in the precision of every group at or below its own.
    counted = _from_end(positives / rows)
    diluted = _from_end(positives * precision / rows)
    own = ranking.to_rows(precision - value + counted)
    return value, (np.where(relevance, own, 0.0) - ranking.to_rows(diluted)) / total


def _ndcg_influence(ranking: Ranking, relevance: Array) -> tuple[float, Doubles]:
    relevance = relevance.astype(np.float64)
    gain, by_gain = _gain_influence(ranking, relevance)
    best, by_best = _gain_influence(rank(relevance), relevance)
    return gain / best, (by_gain - gain / best * by_best) / best


def _gain_influence(ranking: Ranking, relevance: Doubles) -> tuple[float, Doubles]:
    """Return the discounted gain, and its derivative by each row's weight: its own gain, and the places it takes."""
    ends = np.append(ranking.starts[1:], len(relevance))
    rows, gains = ends - ranking.starts, ranking.sums(relevance)
    discounts = _discounts(len(relevance))
    together, mean = discounts[ends] - discounts[ranking.starts], gains / rows
    last = 1.0 / np.log2(ends + 1.0)  # the discount of the last place of each group
    pushed = np.append(_from_end(mean[1:] * (last[1:] - last[:-1])), 0.0)
    own = ranking.to_rows(together / rows)
    shared = ranking.to_rows(mean * (last - together / rows) + pushed)
    return float((mean * together).sum()), own * relevance + shared


def _from_end(values: Doubles) -> Doubles:
    """Return the sum of each value and all after it."""
    return np.asarray(np.cumsum(values[::-1])[::-1])


VALUES: dict[str, Callable[[Ranking, Doubles, Doubles], Doubles]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "ndcg": _ndcg,
}
INFLUENCES: dict[str, Callable[[Ranking, Array], tuple[float, Doubles]]] = {
    "roc_auc": _roc_auc_influence,
    "average_precision": _average_precision_influence,
    "ndcg": _ndcg_influence,
}
