"""Choose the golden rows: few, and such that they reach as much of the model as so few rows can.

Each is one that any JSON client can send, and that the model answers with numbers that JSON carries.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import NO_TEXT, Precision, Signature
from packager.dataset.rows import Rows
from packager.errors import VerifyError
from packager.structure import Structure
from packager.verify.coverage import Group, groups
from packager.verify.probes import Probes, judged_kinds

Outputs = dict[str, npt.NDArray[Any]]

# Enough that every class and category of most models has its row; a replay of them takes a fraction of a second.
_GOLDEN_ROWS = 96
# Golden rows travel with every bundle: a wide model gets fewer, but this many at the least.
_GOLDEN_BYTES, _LEAST_ROWS = 256 * 1024, 8
# A double in JSON takes up to 24 characters and a comma; most take some 20.
_CELL_BYTES = 20
# Rows that are chosen among, bounded by how many paths through trees are walked: about a second in all.
_CANDIDATES, _PATHS = 2_000, 400_000
_FLOAT32_LIMIT = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Choice:
    """Positions of the golden rows, and per kind of thing how many they cover of how many there are."""

    rows: npt.NDArray[np.intp]
    coverage: dict[str, tuple[int, int]]


def choose_golden(
    probes: Probes,
    native: Outputs,
    *,
    structure: Structure,
    signature: Signature,
    fit: npt.NDArray[np.bool_],
) -> Choice:
    """Return the golden rows among the rows that are `fit`; VerifyError where none is."""
    walked = structure.trees.n_trees if structure.trees is not None else 1
    candidates = spread(probes.kinds, fit, min(_CANDIDATES, max(_PATHS // max(walked, 1), 2 * _GOLDEN_ROWS)))
    if not len(candidates):
        raise VerifyError("none of the rows that the model was judged on fits into a request: no golden rows")
    rows, answers = probes.rows.take(candidates), {name: values[candidates] for name, values in native.items()}
    kinds = np.unique(probes.kinds[candidates], return_inverse=True)
    found = [
        Group("kinds of rows", len(kinds[0]), np.arange(len(candidates)), kinds[1]),
        *groups(rows, answers, structure, signature),
    ]
    chosen = _greedy(found, len(candidates), _room(signature))
    coverage = {group.name: (group.covered(chosen), group.count) for group in found}
    return Choice(candidates[chosen], coverage)


def _room(signature: Signature) -> int:
    values = sum(max(output.width, 1) for output in signature.outputs) + len(signature.columns)
    return max(_LEAST_ROWS, min(_GOLDEN_ROWS, _GOLDEN_BYTES // (_CELL_BYTES * values)))


def _greedy(found: Sequence[Group], rows: int, wanted: int) -> npt.NDArray[np.intp]:
    """Return the positions of `wanted` rows, each of which adds most to those before it.

    Every group counts alike, however many things are in it. When nothing new is left, all is covered once more.
    """
    row, member, worth = _joined(found)
    order = np.argsort(row, kind="stable")
    member, starts = member[order], np.searchsorted(row[order], np.arange(rows + 1))
    covers = [member[start:end] for start, end in pairwise(starts)]
    left = worth.copy()
    chosen: list[int] = []
    heap = [(-np.inf, index) for index in range(rows)]
    while heap and len(chosen) < wanted:
        _, index = heapq.heappop(heap)
        gain = left[covers[index]].sum()
        if heap and gain < -heap[0][0]:  # it gained more before others were chosen: it waits for its turn
            heapq.heappush(heap, (-gain, index))
        elif gain == 0 and (left != worth).any():
            left = worth.copy()
            heap = [(-np.inf, index) for index in sorted({index, *(other for _, other in heap)})]
        else:
            chosen.append(index)
            left[covers[index]] = 0
    return np.sort(np.array(chosen, dtype=np.intp))


def _joined(found: Sequence[Group]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the pairs of row and member of all groups, members numbered through, and what each member is worth."""
    none = np.zeros(0, dtype=np.int64)
    rows, members, worth, count = [none], [none], [np.zeros(0)], 0
    for group in found:
        distinct, index = np.unique(group.members, return_inverse=True)
        rows.append(group.rows)
        members.append(index + count)
        worth.append(np.full(len(distinct), 1 / len(distinct)))
        count += len(distinct)
    return np.concatenate(rows), np.concatenate(members), np.concatenate(worth)


def fit_rows(
    probes: Probes, native: Outputs, *, signature: Signature, precision: Precision, is_baseline: bool
) -> npt.NDArray[np.bool_]:
    """Return which made rows a request can carry, of the kinds that the variant was judged on; shape [rows]."""
    fit = servable(probes.rows, native, signature=signature, precision=precision)
    return fit & probes.of(judged_kinds(precision, is_baseline=is_baseline))


def spread(kinds: npt.NDArray[np.generic], fit: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.intp]:
    """Return the sorted positions of at most `count` fit rows, from every kind in turn, each by fixed chance."""
    shuffled = np.random.default_rng(0).permutation(np.flatnonzero(fit))
    turn = np.zeros(len(shuffled), dtype=np.int64)
    for kind in np.unique(kinds[shuffled]):
        own = kinds[shuffled] == kind
        turn[own] = np.arange(np.count_nonzero(own))
    return np.sort(shuffled[np.argsort(turn, kind="stable")[:count]])


def servable(rows: Rows, native: Outputs, *, signature: Signature, precision: Precision) -> npt.NDArray[np.bool_]:
    """Return which rows fit into a request and have an answer that JSON can carry; shape [rows]."""
    numeric = [index for index, column in enumerate(signature.columns) if column.dtype != "string"]
    limits = np.array([signature.columns[index].max_abs for index in numeric])
    if precision not in ("fp64", "binned"):
        limits = np.minimum(limits, _FLOAT32_LIMIT)
    accepting = np.array([signature.columns[index].accepts_missing for index in numeric], dtype=bool)
    cells = rows.numbers[:, numeric]
    missing = np.isnan(cells)
    least = np.array([signature.columns[index].least for index in numeric])
    within = (np.abs(np.where(missing, 0, cells)) <= limits) & (cells >= least)
    fit = np.where(missing, accepting, within).all(axis=1)
    for index, texts in rows.strings.items():
        takes_none = signature.columns[index].accepts_missing
        fit &= np.array([takes_none if text is None else not re.search(NO_TEXT, text) for text in texts], dtype=bool)
    for index, column in enumerate(signature.columns):
        if column.known is not None:
            values = rows.strings.get(index, rows.numbers[:, index]).tolist()
            known = {*column.known, None}  # what is missing was judged above; NaN is unlike itself
            fit &= np.array([value in known or value != value for value in values], dtype=bool)
    for output in signature.outputs:
        values = native[output.name]
        if values.dtype.kind == "f":
            fit &= np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return np.asarray(fit)
