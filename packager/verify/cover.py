"""Rows that each lie on the thresholds of as many splits as fit, until every split has some.

A threshold that moves by a single step shows on no other rows than those that reach its split and lie right on it. A
row that is led to one split meets a path of others in every tree; where one of their thresholds fits between all that
the row must keep to, the row's cell moves onto it. A deep forest then needs fewer rows than it has splits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from packager.structure import Doubles, Flags, Ints
from packager.verify.paths import Atlas, Paths

# Trees that a row is walked down, in search of further splits that it can lie on.
_WALKS = 20
# Rows are made in parts, each for a share of the splits that still wait: the others are often met on the way.
_SHARE, _LEAST = 8, 256
# Rows that are led to a split for each time that it is to be shown: it may have no unlike leaves.
_TRIES = 3


@dataclass(frozen=True)
class Base:
    """Rows before their cells go to one side or another: `is_on` marks the cells that lie on a threshold.

    `cells` are of shape [rows, columns], with codes in place of text.
    """

    cells: Doubles
    is_on: Flags


@dataclass(frozen=True)
class Cover:
    """`fill(paths)` gives one row of cells for each path; `random` is the one source of chance.

    Each split is shown `times`, in other company, by rows that end in unlike leaves on its two sides; `shown` counts.
    """

    atlas: Atlas
    fill: Callable[[Paths], Doubles]
    random: np.random.Generator
    times: int = 2

    def bases(self, nodes: Ints, *, room: int, chunk: int) -> Iterator[Base]:
        """Yield rows in parts of up to `chunk`, at most `room` in all, until each of `nodes` was shown often enough."""
        shown, wanted = self.shown, np.zeros(len(self.shown), dtype=bool)
        wanted[nodes] = True
        tries = np.zeros(len(shown), dtype=np.int64)
        for times in range(1, self.times + 1):
            waiting = self.random.permutation(nodes)
            while room > 0 and len(waiting := waiting[(shown[waiting] < times) & (tries[waiting] < _TRIES * times)]):
                led = waiting[: min(chunk, room, max(_LEAST, len(waiting) // _SHARE))]
                waiting = np.concatenate([waiting[len(led) :], led])
                tries[led] += 1
                room -= len(led)
                yield self._base(led, wanted & (shown < times))

    @cached_property
    def shown(self) -> Ints:
        return np.zeros(len(self.atlas.trees.feature), dtype=np.int64)

    def _base(self, led: Ints, wanted: Flags) -> Base:
        """Return one row for each node of `led`, that lies on other wanted thresholds as well; count those shown."""
        paths = self.atlas.paths_to(led)
        cells = self.fill(paths)
        is_on = np.zeros(cells.shape, dtype=bool)
        lying = [(np.arange(len(led)), led)]
        self._move(*lying[0], cells, is_on)
        for _ in range(_WALKS):
            rows, node = self._fitting(paths, cells, is_on, wanted)
            further = self.atlas.paths_to(node)
            beside = np.nextafter(cells[rows], np.inf)
            keeps = (~is_on[rows] | (beside <= further.high)).all(axis=1)
            rows, node = rows[keeps], node[keeps]
            paths.narrow(rows, further.take(np.flatnonzero(keeps)))
            self._move(rows, node, cells, is_on)
            wanted[node] = False
            lying.append((rows, node))
        self._count(Base(cells, is_on), *(np.concatenate(parts) for parts in zip(*lying, strict=True)))
        return Base(cells, is_on)

    def _count(self, base: Base, rows: Ints, nodes: Ints) -> None:
        """Count the splits that rows show, now that no cell moves any more: both rows end in unlike leaves."""
        trees = self.atlas.trees
        tells = np.ones(len(rows), dtype=bool)
        for cells in (base.cells, np.where(base.is_on, np.nextafter(base.cells, np.inf), base.cells)):
            left, right = (self.atlas.kinds(cells[rows], children[nodes]) for children in (trees.left, trees.right))
            tells &= left != right
        np.add.at(self.shown, nodes[tells], 1)

    def _fitting(self, paths: Paths, cells: Doubles, is_on: Flags, wanted: Flags) -> tuple[Ints, Ints]:
        """Walk every row down some tree; return which can lie on a threshold there, and the deepest such split."""
        trees = self.atlas.trees
        met = self.atlas.walk(cells, self.random.choice(trees.roots, len(cells)))
        rows, depth = np.nonzero(met >= 0)
        node = met[rows, depth]
        column, threshold = trees.feature[node], trees.threshold[node]
        fits = wanted[node] & ~is_on[rows, column] & ~np.isnan(cells[rows, column])
        fits &= (threshold > paths.low[rows, column]) & (np.nextafter(threshold, np.inf) <= paths.high[rows, column])
        rows, node = rows[fits][::-1], node[fits][::-1]
        rows, last = np.unique(rows, return_index=True)
        return rows, node[last]

    def _move(self, rows: Ints, nodes: Ints, cells: Doubles, is_on: Flags) -> None:
        trees = self.atlas.trees
        cells[rows, trees.feature[nodes]] = trees.threshold[nodes]
        is_on[rows, trees.feature[nodes]] = True
