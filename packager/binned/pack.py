"""The bytes of one ensemble, from its trees as arrays: every threshold becomes its rank among those of its feature.

In: an `Ensemble`, whose nodes lie in preorder, and the `Ending` behind its sums. Out: the sections that docs/binned.md
describes, which the extension reads. A row takes the branch that it took, and sums have the order that they had.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from packager.structure import Doubles, Flags, Ints

MAGIC = b"BINNED\x00\x01"
_HEADER = struct.Struct("<8s12I3d16x")
# Behind the counts and flags come link, rule, bits, divisor, scale and limit.
_BITS_FIELD = 12
_ALIGNMENT = 8
# What a split has room for: 14 bits of a column, 16 bits of a rank.
MAX_COLUMNS = 1 << 14
MAX_EDGES = (1 << 16) - 1
# The extension counts the edges of all columns in so many bytes, 255 edges in each.
MAX_BINS = 1 << 16
# Bins 0 to 255 are a byte.
_EDGES_OF_A_BYTE = (1 << 8) - 1
_COLUMN_SHIFT, _LEFT_IS_LEAF, _RIGHT_IS_LEAF = 16, 1 << 30, 1 << 31
_CELLS_ARE_FLOAT32 = 1
_ZERO_IS_MISSING, _TRUNCATED, _SHARES_EDGES = 1, 2, 4
_KIND_RANK, _KIND_SET = 0, 1

LINK_NONE, LINK_LOGISTIC, LINK_SOFTMAX, LINK_EXP = range(4)
RULE_NONE, RULE_LARGEST_VALUE, RULE_ABOVE, RULE_AT_LEAST, RULE_LARGEST_RAW = range(5)

_Columns = np.dtype(
    [
        ("feature", "<u4"),
        ("kind", "u1"),
        ("missing", "u1"),
        ("flags", "u1"),
        ("zero", "u1"),
        ("n_edges", "<u4"),
        ("zeros", "<u4"),
    ]
)


class NotApplicable(Exception):
    """The model has no such form; the message is the reason in words."""


@dataclass(frozen=True)
class Ensemble:
    """Trees whose splits, and whose leaves, lie tree after tree in preorder.

    `x <= threshold` goes left, or a member of `categories[k]` where `category_set[split] == k >= 0`; NaN goes left
    where `missing_left`. Tree t adds the numbers of its leaf to the sums from `targets[t]` on.
    """

    n_features: int
    feature: Ints  # [splits]
    threshold: Doubles  # [splits]
    missing_left: Flags  # [splits]
    category_set: Ints  # [splits], -1 where the split is numeric
    categories: tuple[Doubles, ...]  # members rising
    left_is_leaf: Flags  # [splits]
    right_is_leaf: Flags  # [splits]
    sizes: Ints  # [trees], in leaves
    values: Doubles  # [leaves, numbers that a leaf adds]
    targets: Ints  # [trees]
    n_targets: int
    # What cells go through before a split reads them.
    is_float32: bool = False
    zero_is_missing: Flags | None = None  # [features]
    truncated: Flags | None = None  # [features]


@dataclass(frozen=True)
class Ending:
    """What becomes of the sums: divided, then the link, then the rule that makes a label."""

    divisor: float = 1.0
    link: int = LINK_NONE
    scale: float = 1.0
    rule: int = RULE_NONE
    limit: float = 0.0


@dataclass(frozen=True)
class _Table:
    """The virtual columns, what they compare with, and of each split its column and rank."""

    columns: npt.NDArray[np.void]
    edges: Doubles
    column: Ints
    rank: Ints

    @property
    def bits(self) -> int:
        ranked = self.columns[self.columns["kind"] == _KIND_RANK]
        return 8 if int(ranked["n_edges"].max(initial=0)) <= _EDGES_OF_A_BYTE else 16


def pack(ensemble: Ensemble, ending: Ending = Ending()) -> bytes:
    """Return the ensemble's bytes; NotApplicable where it has more columns than the form holds."""
    ensemble, starts = _with_starts(ensemble)
    table = _table(ensemble)
    splits = table.rank | table.column << _COLUMN_SHIFT
    splits |= np.where(ensemble.left_is_leaf, _LEFT_IS_LEAF, 0) | np.where(ensemble.right_is_leaf, _RIGHT_IS_LEAF, 0)
    header = _HEADER.pack(
        MAGIC,
        ensemble.n_features,
        len(table.columns),
        len(ensemble.sizes),
        ensemble.n_targets,
        ensemble.values.shape[1],
        len(splits),
        len(ensemble.values),
        len(table.edges),
        _CELLS_ARE_FLOAT32 if ensemble.is_float32 else 0,
        ending.link,
        ending.rule,
        table.bits,
        ending.divisor,
        ending.scale,
        ending.limit,
    )
    sections = (
        table.columns,
        table.edges.astype("<f4" if ensemble.is_float32 else "<f8"),
        starts.astype("<f8"),
        ensemble.targets.astype("<u4"),
        ensemble.sizes.astype("<u4"),
        splits.astype("<u4"),
        ensemble.values.astype("<f8"),
    )
    return b"".join([header, *(_padded(section.tobytes()) for section in sections)])


def with_ending(packed: bytes, ending: Ending) -> bytes:
    """Return an ensemble's bytes with another ending."""
    fields = _HEADER.unpack_from(packed)
    told = (ending.link, ending.rule, fields[_BITS_FIELD], ending.divisor, ending.scale, ending.limit)
    header = _HEADER.pack(*fields[: _BITS_FIELD - 2], *told)
    return header + packed[len(header) :]


def _padded(section: bytes) -> bytes:
    return section + bytes(-len(section) % _ALIGNMENT)


def _with_starts(ensemble: Ensemble) -> tuple[Ensemble, Doubles]:
    """Return the ensemble without the constants that come before every tree of their sum, and what sums start from.

    The order of additions stays: 0 + constant + the first tree. One tree remains in any case.
    """
    width, n_trees = ensemble.values.shape[1], len(ensemble.sizes)
    is_bare = ensemble.sizes == 1
    first_grown = np.full(ensemble.n_targets, n_trees)
    np.minimum.at(first_grown, ensemble.targets[~is_bare], np.flatnonzero(~is_bare))
    is_start = is_bare & (np.arange(n_trees) < first_grown[ensemble.targets])
    if is_start.all():
        is_start[-1] = False
    starts = np.zeros(ensemble.n_targets)
    first_leaf = np.cumsum(ensemble.sizes) - ensemble.sizes
    places = ensemble.targets[is_start, None] + np.arange(width)
    np.add.at(starts, places, ensemble.values[first_leaf[is_start]])
    kept = Ensemble(
        **{
            **vars(ensemble),
            "sizes": ensemble.sizes[~is_start],
            "targets": ensemble.targets[~is_start],
            "values": ensemble.values[np.repeat(~is_start, ensemble.sizes)],
        }
    )
    return kept, starts


def _table(ensemble: Ensemble) -> _Table:
    by_rank, by_set = _rank_table(ensemble), _set_table(ensemble)
    is_set = ensemble.category_set >= 0
    column, rank = np.zeros(len(is_set), dtype=np.int64), np.zeros(len(is_set), dtype=np.int64)
    column[~is_set], rank[~is_set] = by_rank.column, by_rank.rank
    column[is_set] = by_set.column + len(by_rank.columns)
    columns = np.concatenate([by_rank.columns, by_set.columns])
    if len(columns) > MAX_COLUMNS:
        raise NotApplicable(f"its splits read {len(columns):,} columns and category sets, of which {MAX_COLUMNS:,} fit")
    if int(columns["n_edges"].max(initial=0)) > MAX_EDGES:
        raise NotApplicable(f"a category set has more than {MAX_EDGES:,} members")
    if int(np.ceil(by_rank.columns["n_edges"] / _EDGES_OF_A_BYTE).sum()) + len(by_set.columns) > MAX_BINS:
        raise NotApplicable(f"its splits have {len(by_rank.edges):,} distinct thresholds, more than the form holds")
    columns["flags"] |= _flags_of(ensemble)[columns["feature"]]
    return _Table(columns, np.concatenate([by_rank.edges, by_set.edges]), column, rank)


def _rank_table(ensemble: Ensemble) -> _Table:
    """Return a column for each feature and side that its missing cells go to; the second side shares the first's edges.

    A feature with more edges than a rank can tell apart has several, each with the next edges of it.
    """
    numeric = ensemble.category_set < 0
    feature, threshold = ensemble.feature[numeric], ensemble.threshold[numeric] + 0.0  # -0.0 is 0.0
    if ensemble.is_float32:
        threshold = _rounded_down(threshold)
    if np.isnan(threshold).any():
        raise NotApplicable("a threshold is no number")
    order = np.lexsort((threshold, feature))
    is_new = _changes(feature[order]) | _changes(threshold[order])
    edge = np.empty(len(order), dtype=np.int64)
    edge[order] = np.cumsum(is_new) - 1
    edge_feature, edges = feature[order][is_new], threshold[order][is_new]
    place = np.arange(len(edges)) - np.searchsorted(edge_feature, edge_feature)
    group_of_edge = np.cumsum(_changes(edge_feature) | (place % MAX_EDGES == 0)) - 1
    first_edge = np.flatnonzero(_changes(group_of_edge))
    keys, column = np.unique(
        group_of_edge[edge] * 2 + ~ensemble.missing_left[numeric], return_inverse=True
    )  # the sides of one group are neighbours
    group = keys >> 1
    columns = np.zeros(len(keys), dtype=_Columns)
    columns["kind"], columns["missing"] = _KIND_RANK, keys & 1
    columns["feature"] = edge_feature[first_edge[group]]
    columns["n_edges"] = np.diff(first_edge, append=len(edges))[group]
    columns["flags"] = np.where(_changes(group), 0, _SHARES_EDGES)
    return _Table(columns, edges, column, edge - first_edge[group[column]])


def _rounded_down(threshold: Doubles) -> Doubles:
    """Return the largest float32 that is no more than each threshold: a cell of float32 is below both, or neither."""
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near > threshold, below, near).astype(np.float64)


def _set_table(ensemble: Ensemble) -> _Table:
    """Return a column for each feature, distinct set and side that its missing cells go to."""
    is_set = ensemble.category_set >= 0
    distinct: dict[bytes, int] = {}
    number = np.array([distinct.setdefault(members.tobytes(), len(distinct)) for members in ensemble.categories], int)
    members = [np.frombuffer(content) for content in distinct]
    if ensemble.is_float32:  # no cell is a number that float32 does not hold
        members = [values[values.astype(np.float32) == values] for values in members]
    keys = np.stack(
        [ensemble.feature[is_set], number[ensemble.category_set[is_set]], ~ensemble.missing_left[is_set]], axis=1
    ).astype(np.int64)
    keys, column = np.unique(keys, axis=0, return_inverse=True)
    columns = np.zeros(len(keys), dtype=_Columns)
    columns["kind"], columns["feature"], columns["missing"] = _KIND_SET, keys[:, 0], keys[:, 2]
    columns["n_edges"] = [len(members[index]) for index in keys[:, 1]]
    edges = np.concatenate([np.zeros(0), *(members[index] for index in keys[:, 1])])
    return _Table(columns, edges, column.reshape(-1), np.zeros(len(column), dtype=np.int64))


def _flags_of(ensemble: Ensemble) -> npt.NDArray[np.uint8]:
    flags = np.zeros(ensemble.n_features, dtype=np.uint8)
    for bit, features in ((_ZERO_IS_MISSING, ensemble.zero_is_missing), (_TRUNCATED, ensemble.truncated)):
        if features is not None:
            flags |= np.where(features, bit, 0).astype(np.uint8)
    return flags


def _changes(values: npt.NDArray[np.generic]) -> Flags:
    """Return where a value is unlike the one before; the first is."""
    changes = np.ones(len(values), dtype=bool)
    changes[1:] = values[1:] != values[:-1]
    return changes
