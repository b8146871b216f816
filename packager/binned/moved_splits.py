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

# Each set that a threshold becomes is a column, which costs more than the encoder where there are many: so many more
# than there were columns behind it.
_MOST_SETS = 64
# Unlike splits times numbers that an encoder knows: all of them are asked at once, some hundred bytes each.
_MOST_ASKED = 1 << 21


@dataclass(frozen=True)
class Moved:
    """The trees over the columns of a tensor further up."""

    nodes: Nodes
    tensor: str
    columns: Ints  # of the tensor, by the feature that the trees name


def move_splits(view: GraphView, tensor: str, nodes: Nodes) -> Moved | None:
    """Return the trees over columns as near to the inputs as steps are known; None where that makes no shorter way."""
    read = np.unique(nodes.feature)
    routes = find_routes(view, Route(tensor, read, read))
    tops = list(dict.fromkeys(route.tensor for route in routes))
    is_shorter = len(view.above(tops)) + (len(tops) > 1) < len(view.above([tensor]))
    moved = _moved(nodes, routes) if is_shorter else None
    firsts = _first_columns(view, tops)
    if moved is None or firsts is None:
        return None
    columns = np.zeros(int(read.max()) + 1, dtype=np.int64)
    for route in routes:
        columns[route.features] = firsts[route.tensor] + route.columns
    return Moved(moved, tops[0] if len(tops) == 1 else view.side_by_side(tops), columns)


def _first_columns(view: GraphView, tensors: list[str]) -> dict[str, int] | None:
    """Return where each tensor begins where they lie side by side; None where they are not of doubles alone."""
    from onnx import TensorProto

    firsts, first = {}, 0
    for tensor in tensors:
        width = view.width(tensor)
        if width is None or (len(tensors) > 1 and view.element_type(tensor) != TensorProto.DOUBLE):
            return None
        firsts[tensor] = first
        first += width
    return firsts


def _moved(nodes: Nodes, routes: list[Route]) -> Nodes | None:
    """Return the trees over what the routes begin with; None where a split cannot be told there."""
    moved, n_encoded = nodes, 0
    for route in routes:
        on_it = np.flatnonzero(np.isin(nodes.feature, route.features))
        place = np.searchsorted(route.features, nodes.feature[on_it])
        if route.steps and route.rises:
            found = _by_thresholds(moved, route, on_it, place)
        else:
            found = _by_sets(moved, route, on_it, place) if route.steps else moved
            n_encoded += len(route.features)
        if found is None:
            return None
        moved = found
    added = len({members.tobytes() for members in moved.categories[len(nodes.categories) :]})
    kept = len({members.tobytes() for members in nodes.categories})
    return None if added > kept + n_encoded + _MOST_SETS else moved


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
    """Return the trees with the splits of a route as sets of what an encoder on it knows.

    Members go left: where all other numbers do, the sides are exchanged.
    """
    keys = route.keys
    first, like = _distinct_splits(nodes, on_it, place)
    if keys is None or len(first) * len(keys) > _MOST_ASKED or not np.isfinite(np.nextafter(keys[-1], np.inf)):
        return None
    asked = np.append(keys, np.nextafter(keys[-1], np.inf))  # the last stands for all others
    cells = route.of(np.tile(asked, len(first)), np.repeat(place[first], len(asked)))
    goes_left = _goes_left(nodes, np.repeat(on_it[first], len(asked)), cells).reshape(-1, len(asked))
    distinct, number = np.unique(goes_left[:, :-1] ^ goes_left[:, -1:], axis=0, return_inverse=True)
    others = goes_left[like, -1]
    missing = _goes_left(nodes, on_it, route.of(np.full(len(on_it), np.nan), place))
    category_set, missing_left = nodes.category_set.copy(), nodes.missing_left.copy()
    category_set[on_it] = len(nodes.categories) + number.reshape(-1)[like]
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
        categories=(*nodes.categories, *(keys[row] + 0.0 for row in distinct)),  # -0.0 is 0.0
    )


def _distinct_splits(nodes: Nodes, on_it: Ints, place: Ints) -> tuple[Ints, Ints]:
    """Return the first of all splits that send every cell alike, and of each split which one that is."""
    contents: dict[bytes, int] = {}
    numbers = [contents.setdefault(members.tobytes(), len(contents)) for members in nodes.categories]
    sets = np.array([*numbers, -1])[nodes.category_set[on_it]]  # the last where there is none
    told = np.stack([place, sets, np.where(sets >= 0, 0, nodes.threshold[on_it]), nodes.missing_left[on_it]])
    _, first, like = np.unique(told, axis=1, return_index=True, return_inverse=True)
    return first, like.reshape(-1)


def _goes_left(nodes: Nodes, splits: Ints, cells: Doubles) -> Flags:
    """Return whether each cell, as the trees read it, goes left at its split."""
    left = np.where(np.isnan(cells), nodes.missing_left[splits], cells <= nodes.threshold[splits])
    by_set = (nodes.category_set[splits] >= 0) & ~np.isnan(cells)
    if by_set.any():
        holds = SetMembers.of_sets(nodes.categories).holds(nodes.category_set[splits[by_set]], cells[by_set])
        left[by_set] = holds
    return left
