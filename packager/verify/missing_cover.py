"""Rows that each come to as many splits as fit without a value there, until every split has such a row.

Which side a missing cell goes to shows on no other rows. A row that is led to one split meets splits in every other
tree; where all splits that it has to reach let a column be missing, its cell is emptied, and it shows one more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from packager.structure import Doubles, Flags, Ints
from packager.verify.paths import Atlas, Paths

# Trees that a row is walked down, in search of further splits.
_WALKS = 20
# Rows are made in parts, each for a share of the splits that still wait: the others are often met on the way.
_SHARE, _LEAST = 8, 256
# Rows that are led to a split at most: it may have no unlike leaves that a row without a value comes to.
_TRIES = 2


@dataclass(frozen=True)
class MissingCover:
    """`fill(paths)` gives one row of cells for each path, `accepts` says which columns may be missing at all."""

    atlas: Atlas
    fill: Callable[[Paths], Doubles]
    random: np.random.Generator
    accepts: Flags

    def rows(self, *, room: int, chunk: int) -> Iterator[Doubles]:
        """Yield cells in parts of up to `chunk` rows, NaN where missing, at most `room` rows in all."""
        trees = self.atlas.trees
        wanted = self.accepts[trees.feature]
        tries = np.zeros(len(wanted), dtype=np.int64)
        waiting = self.random.permutation(np.flatnonzero(wanted))
        while room > 0 and len(waiting := waiting[wanted[waiting] & (tries[waiting] < _TRIES)]):
            led = waiting[: min(chunk, room, max(_LEAST, len(waiting) // _SHARE))]
            waiting = np.concatenate([waiting[len(led) :], led])
            tries[led] += 1
            paths = self.atlas.paths_to(led)
            reached = paths.missing[np.arange(len(led)), trees.feature[led]]
            wanted[led[~reached]] = False  # a missing cell went another way further up
            led, paths = led[reached], paths.take(np.flatnonzero(reached))
            room -= len(led)
            yield self._cells(led, paths, wanted)

    def _cells(self, led: Ints, paths: Paths, wanted: Flags) -> Doubles:
        """Return a row for each node of `led` that shows others as well; those shown are wanted no more."""
        trees, cells = self.atlas.trees, self.fill(paths)
        cells[np.arange(len(led)), trees.feature[led]] = np.nan
        rows, nodes = [np.arange(len(led))], [led]
        for _ in range(_WALKS):
            row, node = self._fitting(paths, cells, wanted)
            further = self.atlas.paths_to(node)
            keeps = (~np.isnan(cells[row]) | further.missing).all(axis=1)
            keeps &= further.missing[np.arange(len(node)), trees.feature[node]]
            row, node = row[keeps], node[keeps]
            paths.narrow(row, further.take(np.flatnonzero(keeps)))
            cells[row, trees.feature[node]] = np.nan
            rows.append(row)
            nodes.append(node)
        row, node = np.concatenate(rows), np.concatenate(nodes)
        left, right = (self.atlas.kinds(cells[row], children[node]) for children in (trees.left, trees.right))
        wanted[node[left != right]] = False
        return cells

    def _fitting(self, paths: Paths, cells: Doubles, wanted: Flags) -> tuple[Ints, Ints]:
        """Walk every row down some tree; return which could be missing at a wanted split, and the deepest of these."""
        trees = self.atlas.trees
        met = self.atlas.walk(cells, self.random.choice(trees.roots, len(cells)))
        rows, depth = np.nonzero(met >= 0)
        node = met[rows, depth]
        fits = wanted[node] & paths.missing[rows, trees.feature[node]]
        rows, node = rows[fits][::-1], node[fits][::-1]
        rows, last = np.unique(rows, return_index=True)
        return rows, node[last]
