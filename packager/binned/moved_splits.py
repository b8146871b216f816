"""Splits behind a pipeline's first steps as splits on the columns that come in, deciding alike on every cell.

In: trees, and the tensor that they read. Out: trees over a graph input. Where what comes of a cell rises with it,
`x <= t'` holds exactly where the steps make a number `<= t` of x. Where an encoder knows some numbers, they are asked
one by one: a split becomes the set of those that go another way than all others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from packager.binned.graph_view import GraphView
from packager.binned.routes import Route, find_routes
from packager.binned.tree_arrays import Nodes
from packager.bisection import last_that_stays
from packager.structure import Doubles, Flags, Ints, SetMembers

# Each set that a threshold becomes is a column more, which costs more than the encoder where there are many.
_MOST_SETS = 64
# Splits times numbers that an encoder knows: all of them are asked at once, some hundred bytes each.
_MOST_ASKED = 1 << 21


@dataclass(frozen=True)
class Moved:
    """The trees over the columns of an input of the graph."""

    nodes: Nodes
    tensor: str
    columns: Ints  # of the input, by the feature that the trees name


def move_splits(view: GraphView, tensor: str, nodes: Nodes) -> Moved | None:
    """Return the trees over the input that all their columns come from; None where a step stands in the way."""
    width, read = view.width(tensor) or 0, np.unique(nodes.feature)
    routes = find_routes(view, Route(tensor, read, read))
    if not routes or len({route.tensor for route in routes}) != 1:
        return None
    columns = np.zeros(width, dtype=np.int64)
    moved = nodes
    for route in routes:
        columns[route.features] = route.columns
        on_it = np.flatnonzero(np.isin(nodes.feature, route.features))
        place = np.searchsorted(route.features, nodes.feature[on_it])
        found = _by_sets(moved, route, on_it, place) if not route.rises else _by_thresholds(moved, route, on_it, place)
        if found is None:
            return None
        moved = found
    added = len({members.tobytes() for members in moved.categories[len(nodes.categories) :]})
    kept = len({members.tobytes() for members in nodes.categories})
    return None if added > kept + _MOST_SETS else Moved(moved, routes[0].tensor, columns)


def _by_thresholds(nodes: Nodes, route: Route, on_it: Ints, place: Ints) -> Nodes | None:
    """Return the trees with the thresholds of a route moved; None where not even the least cell goes left of one."""
    if (nodes.category_set[on_it] >= 0).any():
        return None
    limit = nodes.threshold[on_it]
    order = np.lexsort((limit, place))
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(place[order]) != 0) | (limit[order][1:] != limit[order][:-1])
    places, limits = place[order][is_new], limit[order][is_new]
    low, high = np.full(len(limits), -np.inf), np.full(len(limits), np.inf)

    def stays(cells: Doubles) -> Flags:
        return route.of(cells, places) <= limits

    if not stays(low).all():
        return None
    found = np.where(stays(high), np.inf, last_that_stays(stays, low, high))
    threshold, missing_left = nodes.threshold.copy(), nodes.missing_left.copy()
    threshold[on_it[order]] = found[np.cumsum(is_new) - 1]
    missing_left[on_it] = _goes_left(nodes, on_it, route.of(np.full(len(on_it), np.nan), place))
    return replace(nodes, threshold=threshold, missing_left=missing_left)


def _by_sets(nodes: Nodes, route: Route, on_it: Ints, place: Ints) -> Nodes | None:
    """Return the trees with the splits of a route as sets of what its encoder knows.

    Members go left: where all other numbers do, the sides are exchanged.
    """
    lookup = route.lookup
    if lookup is None or not route.is_known_by_keys or len(on_it) * len(lookup.keys) > _MOST_ASKED:
        return None
    other = np.nextafter(lookup.keys[-1], np.inf)
    if not np.isfinite(other):
        return None
    every = len(lookup.keys)
    splits, places = np.repeat(on_it, every), np.repeat(place, every)
    known = _goes_left(nodes, splits, route.of(np.tile(lookup.keys, len(on_it)), places)).reshape(-1, every)
    others = _goes_left(nodes, on_it, route.of(np.full(len(on_it), other), place))
    missing = _goes_left(nodes, on_it, route.of(np.full(len(on_it), np.nan), place))
    distinct, number = np.unique(known ^ others[:, None], axis=0, return_inverse=True)
    category_set, missing_left = nodes.category_set.copy(), nodes.missing_left.copy()
    category_set[on_it] = len(nodes.categories) + number.reshape(-1)
    missing_left[on_it] = missing ^ others
    left, right = nodes.left.copy(), nodes.right.copy()
    exchanged = on_it[others]
    left[exchanged], right[exchanged] = nodes.right[exchanged], nodes.left[exchanged]
    return replace(
        nodes,
        left=left,
        right=right,
        missing_left=missing_left,
        category_set=category_set,
        categories=(*nodes.categories, *(lookup.keys[row] + 0.0 for row in distinct)),  # -0.0 is 0.0
    )


def _goes_left(nodes: Nodes, splits: Ints, cells: Doubles) -> Flags:
    """Return whether each cell, as the trees read it, goes left at its split."""
    left = np.where(np.isnan(cells), nodes.missing_left[splits], cells <= nodes.threshold[splits])
    by_set = (nodes.category_set[splits] >= 0) & ~np.isnan(cells)
    if by_set.any():
        holds = SetMembers.of_sets(nodes.categories).holds(nodes.category_set[splits[by_set]], cells[by_set])
        left[by_set] = holds
    return left
