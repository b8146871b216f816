"""Rows on the thresholds of trees, where the label turns: for models of trees that answer with nothing but labels.

One split moves a score a little; a label tells of it only where the score lies at its boundary. Between two rows that
reach a split and differ in their label, halving finds such a place: all rows between them reach the split as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import Signature
from packager.dataset.rows import Rows, concatenate
from packager.structure import Doubles, Flags, Ints, Structure, Trees
from packager.verify.asking import Ask, side_by_side
from packager.verify.paths import Paths
from packager.verify.probes import ordinary_source
from packager.verify.splits import SplitRows, is_numeric

_SEED = 20_240_603
# Rows that reach a split, in search of two labels; half of them lie in corners, where outliers are.
_TRIES = 6
# How far from the middle rows still lie among most fitted ones, as a share of the range.
_DENSE = 0.05
# After so many halvings few splits lie between the two rows: what turns the label is seldom more than one of them.
_HALVINGS = 10
# Further rows near each such place, which cost little; how far away, as a share of the range.
_NEAR, _ASIDE = 6, 0.003
# A split is tried as often, each time from other rows, until the label turns on it so many times.
_ROUNDS, _TIMES = 6, 2
_ASKED_A_SPLIT = _TRIES + _HALVINGS + 2 * (2 + _NEAR)
# Rows that the model is asked about in all; a split takes some 24 in a round. It is a few seconds of a forest's time.
_ASKED_ROWS = 800_000


def label_rows(structure: Structure, signature: Signature, ask: Ask) -> Rows:
    """Return pairs of rows, on a threshold and just above, whose labels differ; none for other models."""
    random = np.random.default_rng(_SEED)
    ordinary = ordinary_source(structure, signature, random)
    labels_only = all(output.role == "label" for output in signature.outputs)
    if structure.trees is None or structure.gap is not None or not labels_only:
        return ordinary(0)
    at = SplitRows(structure, structure.trees, signature.columns, ordinary, random)
    return _Turning(at, [output.name for output in signature.outputs], ask).rows()


@dataclass(frozen=True)
class _Turning:
    """`names` are the labels' outputs."""

    at: SplitRows
    names: list[str]
    ask: Ask

    def rows(self) -> Rows:
        trees, random = self.at.trees, self.at.random
        nodes = random.permutation(np.flatnonzero(is_numeric(trees) & ~_ends_alike(trees)))
        nodes = nodes[: _ASKED_ROWS // _ASKED_A_SPLIT]
        turned, parts, asked = np.zeros(len(trees.feature), dtype=np.int64), [self.at.ordinary(0)], 0
        for _ in range(_ROUNDS):
            waiting = nodes[turned[nodes] < _TIMES]
            for start in range(0, len(waiting), self.at.chunk):
                chunk = waiting[start : start + self.at.chunk]
                if asked > _ASKED_ROWS:
                    return concatenate(parts)
                asked += len(chunk) * _ASKED_A_SPLIT
                found, cells = self._turning(chunk)
                np.add.at(turned, found, 1)
                parts.append(self.at.as_rows(cells))
        return concatenate(parts)

    def _turning(self, nodes: Ints) -> tuple[Ints, Doubles]:
        """Return the nodes at which a row's label turns, and the two rows' cells, first all those on a threshold."""
        paths = self.at.atlas.paths_to(nodes)
        one, other, kept = self._unlike(nodes, paths)
        nodes, paths = nodes[kept], paths.take(kept)
        label = self._labels(one)
        for _ in range(_HALVINGS):
            middle = one / 2 + other / 2
            same = (self._labels(middle) == label).all(axis=1)[:, None]
            one, other = np.where(same, middle, one), np.where(same, other, middle)
        found, rows = [], []
        for on in (one, other, *(self._near(one, nodes, paths) for _ in range(_NEAR))):
            above = on.copy()
            column = self._columns_of(nodes)
            above[column] = np.nextafter(above[column], np.inf)
            turns = (self._labels(on) != self._labels(above)).any(axis=1)
            found.append(nodes[turns])
            rows.append((on[turns], above[turns]))
        return np.concatenate(found), np.concatenate([cells for side in zip(*rows, strict=True) for cells in side])

    def _near(self, cells: Doubles, nodes: Ints, paths: Paths) -> Doubles:
        """Return rows that lie a little aside, on the same thresholds and as near to where labels change."""
        width = self.at.structure.high - self.at.structure.low
        moved = cells + width * self.at.random.normal(0, _ASIDE, cells.shape)
        moves = (moved > paths.low) & (moved <= paths.high) & self._halved
        moves[self._columns_of(nodes)] = False
        return np.where(moves, moved, cells)

    def _unlike(self, nodes: Ints, paths: Paths) -> tuple[Doubles, Doubles, Ints]:
        """Return two rows of cells on each node's threshold that differ in their label, and which nodes have any."""
        places = self._places(len(nodes))
        tries = [self._on_threshold(nodes, self._reaching(paths, toward)) for toward in places]
        labels = np.stack([self._labels(cells) for cells in tries])
        differs = (labels != labels[0]).any(axis=2)
        kept = np.flatnonzero(differs.any(axis=0))
        one, other = tries[0][kept], np.stack(tries)[differs.argmax(axis=0)[kept], kept]
        return one, np.where(self._halved, other, one), kept

    def _reaching(self, paths: Paths, toward: Doubles | None) -> Doubles:
        """Return cells that lead along each path; numbers lie as near to those of `toward` as that allows."""
        cells = self.at.along(paths)
        if toward is None:
            return cells
        moves = (toward > paths.low) & (toward <= paths.high) & ~np.isnan(cells) & self._halved
        return np.where(moves, toward, cells)

    def _places(self, count: int) -> list[Doubles | None]:
        """Return where to look for a label and another: anywhere, where the fitted rows lay densest, far outside."""
        low, high = self.at.structure.low, self.at.structure.high
        shape, random = (count, len(low)), self.at.random
        corners = np.where(random.random(shape) < 0.5, low, high)
        return [None, self._middle + (high - low) * random.normal(0, _DENSE, shape), corners] * (_TRIES // 3)

    @cached_property
    def _middle(self) -> Doubles:
        """Return the median of each column's thresholds; trees split most where most rows lay."""
        middle = (self.at.structure.low + self.at.structure.high) / 2
        for column, thresholds in self.at.thresholds_by_column.items():
            middle[column] = np.median(thresholds)
        return middle

    def _on_threshold(self, nodes: Ints, cells: Doubles) -> Doubles:
        cells[self._columns_of(nodes)] = self.at.trees.threshold[nodes]
        return cells

    def _columns_of(self, nodes: Ints) -> tuple[Ints, Ints]:
        return np.arange(len(nodes)), self.at.trees.feature[nodes]

    def _labels(self, cells: Doubles) -> npt.NDArray[Any]:
        """Return the labels side by side, [rows, labels]; None where the model refuses a row."""
        return side_by_side(self.ask, self.at.as_rows(cells), self.names, refused=None)

    @cached_property
    def _halved(self) -> Flags:
        """Return which columns hold numbers, so that there is something between two of them."""
        return np.array([column not in self.at.universe for column in range(self.at.trees.n_features)])


def _ends_alike(trees: Trees) -> Flags:
    """Return which splits have two leaves below them that add the same: nothing tells their sides apart."""
    kinds = trees.kinds_of_leaves
    ends = (trees.left < 0) & (trees.right < 0)
    same: Flags = ends & (kinds[np.where(ends, ~trees.left, 0)] == kinds[np.where(ends, ~trees.right, 0)])
    return same
