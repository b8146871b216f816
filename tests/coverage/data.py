"""Rows to fit on and rows held out: drawn from one distribution, by seed. Targets depend on every column."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .case import Fitted

Sample = Callable[[int], Any]
Target = Callable[[Any], Any]
Doubles = npt.NDArray[np.float64]

ROWS = 160
# Another number draws other rows everywhere: models and rows that no one has tuned anything to.
DRAW = "COVERAGE_DRAW"
_CITIES = ("Bern", "Zürich", "東京", "New York")
_KINDS = ("a", "b", "c d", "rare")
# fmt: off
_WORDS = [
    "the", "cat", "sat", "on", "a", "mat", "while", "dogs", "bark", "at", "night", "I", "saw", "red", "cars", "go",
    "by", "x-ray", "café", "Straße", "42", "it's", "well_known",
]
# fmt: on


def _random(seed: int) -> np.random.Generator:
    draw = int(os.environ.get(DRAW, "0"))
    return np.random.default_rng([draw, seed] if draw else seed)


def plain(columns: int = 4, *, rows: int = ROWS) -> Sample:
    """Return normal numbers."""
    return lambda seed: _random(seed).normal(size=(rows, columns))


def unlike(*, missing: float = 0.0, rows: int = ROWS) -> Sample:
    """Return five columns of unlike size: shares, counts, sparse large amounts, tiny numbers, whole ones."""

    def draw(seed: int) -> Doubles:
        random = _random(seed)
        table = random.normal(size=(rows, 5))
        table[:, 1] = random.integers(0, 7, rows)
        table[:, 2] = np.where(random.random(rows) < 0.35, 0.0, table[:, 2] * 3e4)
        table[:, 3] *= 1e-3
        table[:, 4] = np.round(table[:, 4] * 20)
        if missing:
            table[random.random(table.shape) < missing] = np.nan
        return table

    return draw


def with_missing(columns: int = 4, share: float = 0.15) -> Sample:
    """Return normal numbers with missing cells."""

    def draw(seed: int) -> Doubles:
        random = _random(seed)
        table = random.normal(size=(ROWS, columns))
        table[random.random(table.shape) < share] = np.nan
        return table

    return draw


def positive(columns: int = 4) -> Sample:
    """Return numbers above 0."""
    return lambda seed: _random(seed).gamma(2.0, 1.0, (ROWS, columns))


def far(offset: float) -> Sample:
    """Return numbers whose spread is small beside their size."""
    return lambda seed: _random(seed).normal(size=(ROWS, 4)) + offset


def counts(columns: int = 5, most: int = 5) -> Sample:
    """Return whole numbers from 0: counts, or codes of categories."""
    return lambda seed: _random(seed).integers(0, most, (ROWS, columns)) * 1.0


def with_codes(*, missing: float = 0.0, values: int = 12, rows: int = ROWS) -> Sample:
    """Return `unlike` rows whose columns 1 and 4 are codes of categories."""

    def draw(seed: int) -> Doubles:
        table = unlike(missing=missing, rows=rows)(seed)
        random = _random(seed + 1000)
        for column, most in ((1, values), (4, 3)):
            codes = random.integers(0, most, rows).astype(np.float64)
            table[:, column] = np.where(np.isnan(table[:, column]), np.nan, codes)
        return np.asarray(table)

    return draw


def curve(seed: int) -> Any:
    """Return one column of numbers."""
    return _random(seed).normal(size=(ROWS, 1))


def frame(*, missing: bool = False, text: bool = True, categories: bool = False) -> Sample:
    """Return a pandas table: numbers, whole numbers, booleans, and two columns of text (or pandas categories)."""

    def draw(seed: int) -> Any:
        import pandas

        random = _random(seed)
        table = pandas.DataFrame(unlike()(seed)[:, :3], columns=["share", "count", "amount"])
        table["age"] = random.integers(18, 90, ROWS)
        table["member"] = random.random(ROWS) < 0.4
        if text:
            table["city"] = np.array(_CITIES, dtype=object)[random.integers(0, 4, ROWS)]
            table["kind"] = np.array(_KINDS, dtype=object)[np.minimum(random.geometric(0.5, ROWS) - 1, 3)]
        if missing:
            holes = random.random((ROWS, 2)) < 0.15
            table.loc[holes[:, 0], "share"] = np.nan
            if text:
                table["city"] = table["city"].where(~holes[:, 1], None)
        if categories:
            for column, known in (("city", _CITIES), ("kind", _KINDS)):
                table[column] = pandas.Categorical(table[column], categories=list(known))
        return table

    return draw


def text_cells(*, missing: bool = False) -> Sample:
    """Return an array of text cells, two columns; a missing one is None."""

    def draw(seed: int) -> Any:
        cells = frame(missing=missing)(seed)[["city", "kind"]].to_numpy(dtype=object)
        return np.where(cells != cells, None, cells)  # NaN is unlike itself

    return draw


def documents(seed: int) -> Any:
    """Return short texts, an array of objects."""
    random = _random(seed)
    texts = [" ".join(random.choice(_WORDS, random.integers(1, 12))).capitalize() for _ in range(ROWS)]
    return np.array(texts, dtype=object)


def records(seed: int) -> list[dict[str, Any]]:
    """Return rows as dictionaries, numbers and text mixed."""
    table = frame()(seed)
    return [
        {"share": float(share), "count": float(count), "city": str(city)}
        for share, count, city in zip(table["share"], table["count"], table["city"], strict=True)
    ]


def as_sparse(sample: Sample) -> Sample:
    """Return the rows as a sparse matrix."""

    def draw(seed: int) -> Any:
        from scipy.sparse import csr_matrix

        return csr_matrix(sample(seed))

    return draw


def classes(count: int = 2, names: Sequence[object] | npt.NDArray[Any] | None = None, share: float = 0.0) -> Target:
    """Return labels by the size of the signal: equally many of each, or a `share` of the last of two."""
    known = np.arange(count) if names is None else np.array(names)

    def label(rows: Any) -> Any:
        order = np.argsort(np.argsort(signal(rows))) / len(signal(rows))
        if share:
            return known[(order >= 1 - share).astype(np.int64)]
        return known[np.floor(order * len(known)).astype(np.int64)]

    return label


def value(*, outputs: int = 0, above_zero: bool = False) -> Target:
    """Return numbers, of shape [rows] or [rows, outputs]."""

    def number(rows: Any) -> Doubles:
        one = np.exp(signal(rows) / 3) if above_zero else signal(rows)
        return (
            one if not outputs else np.stack([one * (at + 1) + np.roll(one, at) * at for at in range(outputs)], axis=1)
        )

    return number


def many_labels(outputs: int, count: int = 2) -> Target:
    """Return several labels a row, [rows, outputs]."""

    def label(rows: Any) -> Any:
        one = signal(rows)
        ranks = [np.argsort(np.argsort(one * np.cos(at) + np.roll(one, at) * at / 2)) for at in range(outputs)]
        return np.stack(ranks, axis=1) * count // len(one)

    return label


def signal(rows: Any) -> Doubles:
    """Return one number a row: every column moves it, and some noise."""
    columns = _numeric_columns(rows)
    total = np.zeros(columns.shape[0])
    for index, column in enumerate(columns.T):
        spread = float(np.nanstd(column)) or 1.0
        standard = np.nan_to_num((column - np.nanmean(column)) / spread)
        total += standard if index % 2 == 0 else np.sin(2 * standard) + 0.3 * standard
    return total + _random(7).normal(scale=0.4, size=len(total))


def _numeric_columns(rows: Any) -> Doubles:
    if hasattr(rows, "toarray"):
        return np.asarray(rows.toarray(), dtype=np.float64)
    if hasattr(rows, "columns"):
        return np.stack([_as_numbers(rows[name].to_numpy(dtype=object)) for name in rows.columns], axis=1)
    if isinstance(rows, list):
        return np.stack([_as_numbers(np.array([row[key] for row in rows], dtype=object)) for key in rows[0]], axis=1)
    cells = np.asarray(rows)
    if cells.dtype != object:
        return cells.reshape(len(cells), -1).astype(np.float64)
    return np.stack([_as_numbers(column) for column in cells.reshape(len(cells), -1).T], axis=1)


def _as_numbers(cells: npt.NDArray[Any]) -> Doubles:
    return np.array([_as_number(cell) for cell in cells], dtype=np.float64)


def _as_number(cell: Any) -> float:
    if isinstance(cell, str):
        return float(sum(cell.encode()) % 17) + len(cell) / 50
    return float("nan") if cell is None else float(cell)


def fit(model: Any, sample: Sample, target: Target | None = None, **arguments: Any) -> Callable[[], Fitted]:
    """Return a function that fits the model; `arguments` go to its `fit`, functions of the rows."""

    def make() -> Fitted:
        rows = sample(0)
        given = {name: found(rows) if callable(found) else found for name, found in arguments.items()}
        fitted = model.fit(rows, target(rows), **given) if target is not None else model.fit(rows, **given)
        return Fitted(model if fitted is None else fitted, sample(1))

    return make
