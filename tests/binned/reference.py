"""One ensemble's bytes read and scored in plain numpy, as docs/binned.md says, by nothing that packager packs with."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Column:
    """What bins one feature's cells, and sends a missing one to one side."""

    feature: int
    is_set: bool
    missing_right: bool
    zero_is_missing: bool
    truncated: bool
    edges: Doubles

    def bins(self, cells: Doubles) -> Array:
        missing = np.isnan(cells)
        if self.zero_is_missing:
            missing |= np.abs(cells) <= np.float64(np.float32(1e-35))
        read = np.trunc(cells) if self.truncated else cells
        if self.is_set:
            return np.where(missing, int(self.missing_right), 1 - np.isin(read, self.edges).astype(int))
        with np.errstate(invalid="ignore"):
            below = (self.edges[None, :] < read[:, None]).sum(axis=1)
        return np.where(missing, len(self.edges) if self.missing_right else 0, below)


class Reference:
    """An ensemble as its bytes tell it; AssertionError where they break a rule of the form."""

    def __init__(self, data: bytes) -> None:
        head = struct.unpack_from("<8s12I3d4I", data)
        magic, self.n_features, n_columns, self.n_trees, self.n_targets, self.width, n_splits = head[:7]
        n_leaves, n_edges, flags, self.link, self.rule, self.bits, self.divisor, self.scale, self.limit = head[7:16]
        assert magic == b"BINNED\0\1"
        assert head[16:] == (0, 0, 0, 0)
        assert n_leaves == n_splits + self.n_trees
        assert self.n_trees >= 1
        assert flags in (0, 1)
        self.is_float32 = bool(flags)
        self._at, self._data = 96, data
        records = self._take(n_columns, "<u4,u1,u1,u1,u1,<u4,<u4")
        edges = self._take(n_edges, "<f4" if flags else "<f8").astype(np.float64)
        self.starts = self._take(self.n_targets, "<f8")
        self.targets = self._take(self.n_trees, "<u4")
        self.sizes = self._take(self.n_trees, "<u4")
        self.splits = self._take(n_splits, "<u4").astype(np.int64)
        self.values = self._take(n_leaves * self.width, "<f8").reshape(n_leaves, self.width)
        assert self._at == len(data)
        assert self.sizes.sum() == n_leaves
        assert (self.targets + self.width <= self.n_targets).all()
        self.columns = self._columns(records, edges)

    def _take(self, count: int, dtype: str) -> Array:
        section = np.frombuffer(self._data, np.dtype(dtype), count, self._at)
        end = self._at + section.nbytes
        self._at = end + -end % 8
        assert not any(self._data[end : self._at])
        return section

    def _columns(self, records: Array, edges: Doubles) -> list[Column]:
        columns: list[Column] = []
        start, before = 0, None
        for record in records:
            feature, kind, missing, flags, zero, count, zeros = record.item()
            assert feature < self.n_features
            assert kind <= 1
            assert missing <= 1
            assert (zero, zeros) == (0, 0)
            if flags & 4:
                assert before == (feature, 0, flags & 3, count)
                own = columns[-1].edges
            else:
                own = edges[start : start + count]
                start += count
                assert (np.diff(own) > 0).all()
                assert kind == 0 or np.isfinite(own).all()
            assert kind == 1 or count <= {8: 255, 16: 65535}[self.bits]
            columns.append(Column(feature, kind == 1, missing == 1, bool(flags & 1), bool(flags & 2), own))
            before = (feature, kind, flags & 3, count)
        assert start == len(edges)
        return columns

    def raw(self, rows: Array) -> Doubles:
        """Return the sums, [rows, targets]."""
        assert rows.shape[1] == self.n_features
        with np.errstate(over="ignore"):
            cells = (rows.astype(np.float32) if self.is_float32 else rows).astype(np.float64)
        bins = [column.bins(cells[:, column.feature]) for column in self.columns]
        raw = np.repeat(self.starts[None, :], len(rows), axis=0)
        split = leaf = 0
        for target, size in zip(self.targets.tolist(), self.sizes.tolist(), strict=True):
            reached = self._reached(bins, len(rows), range(split, split + size - 1)) + leaf
            raw[:, target : target + self.width] += self.values[reached]
            split, leaf = split + size - 1, leaf + size
        assert split == len(self.splits)
        return raw

    def _reached(self, bins: list[Array], n_rows: int, splits: range) -> Array:
        """Return which leaf of a tree each row reaches: in preorder, what waits longest for its split comes last."""
        reached = np.full(n_rows, -1)
        waiting = [(np.arange(n_rows), len(splits) == 0)]
        following, leaf = iter(splits), 0
        while waiting:
            rows, is_leaf = waiting.pop()
            if is_leaf:
                reached[rows] = leaf
                leaf += 1
                continue
            word = int(self.splits[next(following)])
            rank, column = word & 0xFFFF, word >> 16 & 0x3FFF
            assert rank < (1 if self.columns[column].is_set else len(self.columns[column].edges))
            goes_right = bins[column][rows] > rank
            waiting.append((rows[goes_right], bool(word >> 31 & 1)))
            waiting.append((rows[~goes_right], bool(word >> 30 & 1)))
        assert leaf == len(splits) + 1
        return reached

    def score(self, rows: Array) -> tuple[Doubles, Array | None]:
        """Return values, [rows, values], and the index of the label, [rows], if there is one."""
        raw = self.raw(rows)
        values = divided = raw / self.divisor
        if self.link == 1:
            values = 1 / (1 + np.exp(-self.scale * divided))
            if self.n_targets == 1:
                values = np.concatenate([1 - values, values], axis=1)
        elif self.link == 2:
            powers = np.exp(divided - divided.max(axis=1, keepdims=True))
            values = powers / powers.sum(axis=1, keepdims=True)
        elif self.link == 3:
            values = np.exp(divided)
        indices: tuple[Array | None, ...] = (
            None,
            values.argmax(axis=1),
            (raw[:, 0] > self.limit).astype(int),
            (raw[:, 0] >= self.limit).astype(int),
            raw.argmax(axis=1),
        )
        return values, indices[self.rule]
