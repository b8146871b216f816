"""Made rows: where conversions go wrong, found in the model's own structure, with no data needed.

Deterministic: the same structure gives the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from packager.artifact import Precision, Signature
from packager.dataset.rows import Rows, concatenate
from packager.structure import Doubles, Structure, split_members
from packager.verify.odd_texts import odd_texts
from packager.verify.splits import SplitRows

Array = npt.NDArray[np.generic]

# Rows of these kinds lie within the columns' ordinary range.
ORDINARY_KINDS = ("ordinary", "zero", "missing", "category")
# What float32 does not carry: numbers that it rounds to zero, or whose squares it does; and huge ones.
BEYOND_FLOAT32 = ("tiny", "extreme")
KINDS = (*ORDINARY_KINDS, "threshold", *BEYOND_FLOAT32)

_SEED = 20_240_601
_ORDINARY_ROWS = 512
# Rows of whole numbers alone: equal distances, even votes, sums that are exact in any precision.
_WHOLE_ROWS = 64
# How often each split is shown: a label alone changes in few of the rows in which a score would.
_TIMES, _TIMES_BY_LABEL = 2, 20
_CATEGORY_ROWS = 1_000
_MISSING_ROWS = 256
_ZEROS = (0.0, -0.0)
# LightGBM takes numbers up to 1e-35 for zero.
_TINY = (1e-35, -1e-35, 1.0000000180025095e-35, 2e-35, -2e-35)
_SUBNORMAL = (5e-324, -5e-324, 1e-38)
# Beyond a million times its range a column drowns all others: what is left of a distance there is rounding alone,
# in the native model as well.
_FAR_FACTORS = (1.0, 10.0, 1e3, 1e6)
_FAR_ROWS = 512
# Whole numbers are exact up to 2^24 in float32 and up to 2^53 in double.
_LARGE = (16777215.0, 16777216.0, 16777217.0, 9007199254740991.0, 9007199254740992.0, 9007199254740994.0)
_HUGE = (*_LARGE, 1e6, 1e15, 1e30, 3.4028234663852886e38)
# A model that takes every finite number may take these too. One that refuses them says so row by row.
_INFINITE = (float("inf"), float("-inf"))
_WIDEST = float(np.finfo(np.float64).max)
_INFINITE_COLUMNS = 8


def judged_kinds(precision: Precision, *, is_baseline: bool) -> tuple[str, ...]:
    """Return the kinds of rows that a variant is judged on: a baseline in double on all, and its trees binned too.

    A form in float32, be it the baseline, does without numbers that float32 does not carry: there every such form is
    wrong, however faithful. Rows beside thresholds are judged: to float32 some lie on the other side, and such rows
    do come. fp16 and int8 do without these too: half of a float32 overflows at 65,504, and one huge row takes the
    int8 scale of its batch.
    """
    if precision == "binned" or (precision == "fp64" and is_baseline):
        return KINDS
    return kinds_without_huge(precision)


def kinds_without_huge(precision: Precision) -> tuple[str, ...]:
    """Return the kinds whose answers are more than rounding: sums of huge numbers are another one in every order."""
    return ORDINARY_KINDS if precision in ("fp16", "int8") else (*ORDINARY_KINDS, "threshold")


@dataclass(frozen=True)
class Probes:
    """Made rows and the kind of each, an index into KINDS, of shape [rows].

    `splits`: how many of the trees' thresholds have rows on both of their sides, of how many; None without trees.
    """

    rows: Rows
    kinds: npt.NDArray[np.int8]
    splits: tuple[int, int] | None = None

    def of(self, kinds: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        """Return which rows are of one of `kinds`."""
        return np.isin(self.kinds, [KINDS.index(kind) for kind in kinds])

    def plus(self, kind: str, rows: Rows) -> Probes:
        """Return these rows and more of one kind."""
        kinds = np.full(len(rows), KINDS.index(kind), dtype=np.int8)
        return Probes(concatenate([self.rows, rows]), np.concatenate([self.kinds, kinds]), self.splits)


def make_probes(structure: Structure, signature: Signature) -> Probes:
    """Make rows of every kind that the model's structure and signature give rise to."""
    maker = _Maker(structure, signature, np.random.default_rng(_SEED))
    parts = [(kind, rows) for kind, rows in maker.parts() if len(rows)]
    kinds = np.concatenate([np.full(len(rows), KINDS.index(kind), dtype=np.int8) for kind, rows in parts])
    return Probes(concatenate([rows for _, rows in parts]), kinds, maker.splits)


def taken_ranges(structure: Structure, signature: Signature) -> Structure:
    """Return the structure with the ranges cut to what the model takes: of some columns no number below zero."""
    most = np.array([column.max_abs for column in signature.columns])
    least = np.array([max(column.least, -column.max_abs) for column in signature.columns])
    low = np.clip(structure.low, least, most)
    return replace(structure, low=low, high=np.clip(structure.high, low, most))


def ordinary_rows(structure: Structure, signature: Signature, count: int) -> Rows:
    """Return `count` rows within the columns' ordinary ranges."""
    return ordinary_source(structure, signature, np.random.default_rng(_SEED))(count)


def ordinary_source(structure: Structure, signature: Signature, random: np.random.Generator) -> Callable[[int], Rows]:
    """Return what gives as many rows within the columns' ordinary ranges as it is asked for, others every time."""
    return _Maker(structure, signature, random).ordinary


class _Maker:
    """Holds what every kind of row starts from: random rows within the ordinary range."""

    def __init__(self, structure: Structure, signature: Signature, random: np.random.Generator) -> None:
        self._structure = taken_ranges(structure, signature)
        self._columns = signature.columns
        self.splits: tuple[int, int] | None = None
        self._labels_only = all(output.role == "label" for output in signature.outputs)
        self._random = random
        self._numeric = [i for i, column in enumerate(signature.columns) if column.dtype != "string"]
        self._members = _known_categories(structure, signature)
        self._texts = {index: signature.columns[index].known or known for index, known in structure.texts.items()}

    def parts(self) -> Iterator[tuple[str, Rows]]:
        yield "ordinary", self.ordinary(_ORDINARY_ROWS)
        yield "ordinary", self.ordinary(_WHOLE_ROWS, whole=1.0)
        yield "zero", self._with_cells(_ZEROS)
        # A tree compares as well in float32; squares and products of such numbers are zero there.
        yield ("tiny" if self._structure.trees is None else "zero"), self._with_cells(_TINY)
        yield "tiny", self._with_cells(_SUBNORMAL)
        yield "missing", self._missing()
        yield "category", self._categories()
        if self._structure.trees is not None and len(self._structure.trees.feature):
            times = _TIMES_BY_LABEL if self._labels_only else _TIMES
            at = SplitRows(self._structure, self._structure.trees, self._columns, self.ordinary, self._random, times)
            yield "threshold", at.thresholds()
            self.splits = at.shown()
            yield "category", at.set_members()
            yield "missing", at.missing()
        yield "extreme", self._extremes()
        yield "extreme", self._infinite()

    def ordinary(self, count: int, *, whole: float = 0.25) -> Rows:
        """Return random rows within the ordinary range of every column; a share of the numbers are whole ones."""
        low, high = self._structure.low, self._structure.high
        numbers = self._random.uniform(low, high, (count, len(low)))
        # Counts, flags and codes are whole.
        numbers = np.where(self._random.random(numbers.shape) < whole, np.round(numbers), numbers)
        for column, members in self._members.items():
            numbers[:, column] = self._random.choice(members, count)
        strings = {}
        for column, texts in self._texts.items():
            known = texts or ("",)
            strings[column] = np.array([known[i] for i in self._random.integers(len(known), size=count)], dtype=object)
            numbers[:, column] = np.nan
        return Rows(numbers, strings)

    def _with_cells(self, values: tuple[float, ...]) -> Rows:
        """Return ordinary rows with each value once in every column, and once in each single column."""
        columns = self._numeric[:64]
        rows = self.ordinary(len(values) * (len(columns) + 1))
        for index, value in enumerate(values):
            start = index * (len(columns) + 1)
            rows.numbers[start, self._numeric] = value
            rows.numbers[start + 1 + np.arange(len(columns)), columns] = value
        return rows

    def _infinite(self) -> Rows:
        """Return rows with one infinite cell, in columns that take every finite number."""
        taking = [index for index in self._numeric if self._columns[index].max_abs == _WIDEST][:_INFINITE_COLUMNS]
        rows = self.ordinary(len(taking) * len(_INFINITE))
        for at, index in enumerate(taking):
            rows.numbers[at * len(_INFINITE) : (at + 1) * len(_INFINITE), index] = _INFINITE
        return rows

    def _extremes(self) -> Rows:
        """Return huge numbers for trees; for sums and distances numbers as far out as doubles can still tell apart."""
        limits = {column.max_abs for column in self._columns}
        limit = min(limits) if limits else 0.0
        if self._structure.trees is None and self._structure.gap is None:
            return self._far_out(limit)
        values = [sign * value for value in (*_HUGE, min(limit, 1e300)) for sign in (1, -1) if value <= limit]
        return self._with_cells(tuple(values))

    def _far_out(self, limit: float) -> Rows:
        rows = self.ordinary(_FAR_ROWS)
        factors = self._random.choice(_FAR_FACTORS, rows.numbers.shape)
        rows.numbers[:] = np.clip(rows.numbers * factors, -limit, limit)
        return rows

    def _missing(self) -> Rows:
        accepting = [index for index, column in enumerate(self._columns) if column.accepts_missing]
        if not accepting:
            return self.ordinary(0)
        rows = self.ordinary(_MISSING_ROWS)
        holes = self._random.random((len(rows), len(accepting))) < 0.3
        singles = np.arange(min(len(accepting), len(rows) - 1))
        holes[: len(singles)] = np.eye(len(accepting), dtype=bool)[singles]
        holes[-1] = True
        for index, missing in zip(accepting, holes.T, strict=True):
            if index in rows.strings:
                rows.strings[index][missing] = None
            else:
                rows.numbers[missing, index] = np.nan
        return rows

    def _categories(self) -> Rows:
        parts = []
        for column, members in self._members.items():
            top = members.max()
            odd = [top + 1, top + 1000, -1.0, -0.5, -0.25, 0.5, 0.999, top + 0.5, 2.0**31, 1e9]
            unseen = odd if self._columns[column].known is None else []
            values = np.concatenate([members[:_CATEGORY_ROWS], unseen])
            rows = self.ordinary(len(values))
            rows.numbers[:, column] = values
            parts.append(rows)
        for column, known in self._texts.items():
            texts = [*known[:_CATEGORY_ROWS], *(odd_texts(known) if self._columns[column].known is None else ())]
            rows = self.ordinary(len(texts))
            rows.strings[column][:] = texts
            parts.append(rows)
        return concatenate(parts) if parts else self.ordinary(0)


def _known_categories(structure: Structure, signature: Signature) -> dict[int, Doubles]:
    """Return per column of codes every value that some split or encoder names, and that the model takes."""
    named = {**structure.codes, **({} if structure.trees is None else split_members(structure.trees))}
    strict = {
        index: np.array(column.known, dtype=np.float64)
        for index, column in enumerate(signature.columns)
        if column.known and column.dtype == "float64"
    }
    return {**named, **strict}
