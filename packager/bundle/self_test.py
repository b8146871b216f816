"""The self-test of the fast path: rows at every kind of edge, and their raw scores, reckoned without the library.

The bytes of one ensemble go in, as `packager/binned` lays them out; rows and scores come out, the same for the same
bytes on every machine: they are numpy's, so that no library is held against itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.errors import BundleError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_HEADER = struct.Struct("<8s9I")
_HEADER_BYTES = 96
_COLUMN = np.dtype(
    [("feature", "<u4"), ("kind", "u1"), ("missing", "u1"), ("flags", "u1"), ("", "u1"), ("edges", "<u4"), ("", "<u4")]
)
_RANK, _MISSING_RIGHT, _TINY_IS_MISSING, _TRUNCATES, _SHARES, _ROUNDS = 0, 1, 1, 2, 4, 1
# What LightGBM reads as zero, and a step beyond it.
_TINY = float(np.float32(1e-35))
# A batch of several blocks of rows; of very wide models fewer, so that a bundle does not grow by them.
_ROWS, _CELLS, _FEWEST = 256, 1 << 16, 8
# Trees of which all rows are led at once: some megabytes.
_TREES_AT_ONCE = 64
# Of what a cell is made: edges and their neighbours above all, then what is no ordinary number.
_EDGE, _ABOVE, _BELOW, _BETWEEN, _ODD = range(5)
_SHARES_OF_KINDS = (0.3, 0.2, 0.2, 0.2, 0.1)
_ODD_CELLS = np.array([np.nan, np.nan, np.nan, 0.0, -0.0, _TINY, np.nextafter(_TINY, 1), -_TINY, 1e300, -1e300, 0.5])


@dataclass(frozen=True)
class SelfTest:
    """Rows of an ensemble's own input [rows, features], and its raw scores [rows, targets] to the bit."""

    rows: Floats
    scores: Floats

    def tobytes(self) -> bytes:
        """Return each row with its scores behind it, as little-endian doubles."""
        return np.concatenate([self.rows, self.scores], axis=1).astype("<f8").tobytes()


def self_test(ensemble: bytes, *, one_of: int = 1) -> SelfTest:
    """Return rows and scores for one ensemble of a model that has `one_of`; BundleError where its bytes are none."""
    try:
        trees = _Trees.read(ensemble)
    except (ValueError, IndexError, struct.error) as error:
        raise BundleError(f"The binned model holds no ensemble ({type(error).__name__})") from None
    rows = _made_rows(trees, max(_FEWEST, min(_ROWS, _CELLS // max(1, trees.features)) // one_of))
    return SelfTest(rows, _scores(trees, rows))


@dataclass(frozen=True)
class _Column:
    feature: int
    is_rank: bool
    missing_right: bool
    tiny_is_missing: bool
    truncates: bool
    edges: Floats

    def bins(self, cells: Floats) -> Ints:
        """Return the bin of each cell: how many edges lie below it, or whether it is none of the members."""
        if self.truncates:
            cells = np.trunc(cells)
        missing = np.isnan(cells) | (self.tiny_is_missing & (np.abs(cells) <= _TINY))
        if self.is_rank:
            return np.where(
                missing, len(self.edges) if self.missing_right else 0, np.searchsorted(self.edges, cells, "left")
            )
        return np.where(missing, self.missing_right, ~np.isin(cells, self.edges)).astype(np.int64)


@dataclass(frozen=True)
class _Trees:
    """One ensemble as arrays, in the order of its bytes."""

    features: int
    rounds: bool
    columns: list[_Column]
    starts: Floats
    targets: Ints
    sizes: Ints
    splits: npt.NDArray[np.uint32]
    values: Floats

    @classmethod
    def read(cls, data: bytes) -> _Trees:
        magic, features, n_columns, n_trees, n_targets, width, n_splits, n_leaves, _, flags = _HEADER.unpack_from(data)
        if magic != b"BINNED\0\1":
            raise ValueError("magic")
        place = _HEADER_BYTES

        def section(dtype: npt.DTypeLike, count: int) -> npt.NDArray[Any]:
            nonlocal place
            found = np.frombuffer(data, dtype, count, place)
            place += -(-found.nbytes // 8) * 8
            return found

        told = section(_COLUMN, n_columns)
        shares = (told["flags"] & _SHARES) != 0
        edges = section("<f4" if flags & _ROUNDS else "<f8", int(told["edges"][~shares].sum()))
        columns = _columns(told, edges.astype(np.float64))
        starts, targets, sizes = section("<f8", n_targets), section("<u4", n_trees), section("<u4", n_trees)
        splits, values = section("<u4", n_splits), section("<f8", n_leaves * width)
        return cls(
            features,
            bool(flags & _ROUNDS),
            columns,
            starts.astype(np.float64),
            targets.astype(np.int64),
            sizes.astype(np.int64),
            splits.astype(np.uint32),
            values.astype(np.float64).reshape(n_leaves, width),
        )


def _columns(told: npt.NDArray[Any], edges: Floats) -> list[_Column]:
    columns: list[_Column] = []
    place = 0
    for feature, kind, missing, flags, _, count, _ in told.tolist():
        if flags & _SHARES:
            own = columns[-1].edges
        else:
            own, place = edges[place : place + count], place + count
        is_rank, right = kind == _RANK, missing == _MISSING_RIGHT
        columns.append(_Column(feature, is_rank, right, bool(flags & _TINY_IS_MISSING), bool(flags & _TRUNCATES), own))
    return columns


def _made_rows(trees: _Trees, count: int) -> Floats:
    """Return rows by fixed chance whose cells lie on edges, a step beside them, between them, or are odd."""
    chance = np.random.default_rng(7)
    rows = chance.choice(_ODD_CELLS, size=(count, trees.features))
    by_feature: dict[int, list[Floats]] = {}
    for column in trees.columns:
        by_feature.setdefault(column.feature, []).append(column.edges)
    for feature, found in by_feature.items():
        edges = np.unique(np.concatenate(found))
        if not len(edges):
            continue
        picked, other = chance.choice(edges, size=(2, count))
        steps = [picked, _stepped(picked, np.inf, trees), _stepped(picked, -np.inf, trees), _middle(picked, other)]
        kinds = chance.choice(len(_SHARES_OF_KINDS), size=count, p=_SHARES_OF_KINDS)
        for kind, cells in zip((_EDGE, _ABOVE, _BELOW, _BETWEEN), steps, strict=True):
            rows[kinds == kind, feature] = cells[kinds == kind]
    return rows


def _stepped(cells: Floats, toward: float, trees: _Trees) -> Floats:
    """Return the next number in the width that the trees read."""
    with np.errstate(all="ignore"):
        if not trees.rounds:
            return np.nextafter(cells, toward)
        return np.nextafter(cells.astype(np.float32), np.float32(toward)).astype(np.float64)


def _middle(one: Floats, other: Floats) -> Floats:
    with np.errstate(invalid="ignore"):  # between the infinities lies NaN
        return one / 2 + other / 2


def _scores(trees: _Trees, rows: Floats) -> Floats:
    """Return the raw scores: each tree's leaf added in its turn, in double."""
    with np.errstate(all="ignore"):
        cells = rows.astype(np.float32).astype(np.float64) if trees.rounds else rows
    bins = np.stack(
        [column.bins(cells[:, column.feature]) for column in trees.columns] or [np.zeros(len(rows), dtype=np.int64)]
    )
    scores = np.tile(trees.starts, (len(rows), 1))
    width, left = trees.values.shape[1], _left_sizes(trees.splits)
    firsts = np.cumsum(trees.sizes) - trees.sizes
    for start in range(0, len(trees.sizes), _TREES_AT_ONCE):
        part = slice(start, start + _TREES_AT_ONCE)
        # A tree of n leaves has n - 1 splits.
        first_splits = firsts[part] - np.arange(len(firsts))[part]
        leaves = _leaves(trees.splits, left, bins, first_splits, trees.sizes[part]) + firsts[part, None]
        for target, found in zip(trees.targets[part].tolist(), leaves, strict=True):
            scores[:, target : target + width] += trees.values[found]
    return scores


def _left_sizes(splits: npt.NDArray[np.uint32]) -> Ints:
    """Return how many splits each split has on its left: they come next, and its right child behind them."""
    left_is_leaf, right_is_leaf = (splits >> 30 & 1).tolist(), (splits >> 31).tolist()
    sizes, left = [0] * (len(splits) + 1), [0] * len(splits)
    for split in reversed(range(len(splits))):
        left[split] = 0 if left_is_leaf[split] else sizes[split + 1]
        sizes[split] = 1 + left[split] + (0 if right_is_leaf[split] else sizes[split + 1 + left[split]])
    return np.array(left, dtype=np.int64)


def _leaves(splits: npt.NDArray[np.uint32], left: Ints, bins: Ints, firsts: Ints, sizes: Ints) -> Ints:
    """Return the leaf of each row in each of some trees, counted within the tree; shape [trees, rows]."""
    leaf = np.zeros((len(firsts), bins.shape[1]), dtype=np.int64)
    tree, row = np.nonzero(np.broadcast_to(sizes[:, None] > 1, leaf.shape))
    split = firsts[tree]
    while len(split):
        told = splits[split].astype(np.int64)
        right = bins[told >> 16 & 0x3FFF, row] > (told & 0xFFFF)
        leaf[tree, row] += np.where(right, left[split] + 1, 0)
        goes_on = np.where(right, told >> 31, told >> 30 & 1) == 0
        split = (split + 1 + np.where(right, left[split], 0))[goes_on]
        tree, row = tree[goes_on], row[goes_on]
    return leaf
