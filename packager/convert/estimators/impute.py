"""SimpleImputer and MissingIndicator over numbers and text. ONNX Runtime's own Imputer has no double kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import MISSING_TEXT
from packager.convert.emitter import Emitter
from packager.convert.graph import (
    Graph,
    Part,
    Rows,
    Table,
    UnsupportedModel,
    beside,
    cast,
    integers,
    numbers,
    scalar,
    take,
    vector,
)

Array = npt.NDArray[Any]


def emit_simple_imputer(graph: Graph, rows: Rows, model: Any) -> Rows:
    """Return the columns with missing cells replaced by the fitted statistics, and flags behind them if wanted.

    Columns without any value in training are left out, unless they are kept.
    """
    statistics = np.asarray(model.statistics_)
    keeps = np.ones(len(statistics), dtype=bool)
    if not getattr(model, "keep_empty_features", False):
        keeps = np.asarray(statistics == statistics, dtype=bool)  # NaN is unlike itself
    masks: list[str] = []
    parts: list[Part] = []
    for part, first in _parts(rows, len(statistics)):
        if _fitted_dtype(model).kind != "O":
            part = replace(part, holds_none=False)  # None became NaN on its way into an array of numbers
        masks.append(missing_cells(graph, part, model.missing_values))
        here = slice(first, first + part.width)
        kept = np.flatnonzero(keeps[here])
        if len(kept):
            fills = _fills(graph, part, statistics[here], model)
            filled = replace(part, tensor=graph.node("Where", masks[-1], fills, part.tensor))
            parts += take(graph, Table((filled,)), kept.tolist()).parts
    parts += flags(graph, model, beside(graph, masks))
    if not parts:
        raise UnsupportedModel("it leaves no column")
    table = Table(tuple(parts))
    return numbers(graph, table) if table.is_plain else table


def emit_indicator(graph: Graph, rows: Rows, model: Any) -> Table:
    """Return 1 where a cell is missing, for the columns that the indicator tells of."""
    masks = [missing_cells(graph, part, model.missing_values) for part, _ in _parts(rows, model.n_features_in_)]
    return Table((Part(_picked(graph, beside(graph, masks), model.features_), "number", len(model.features_)),))


def missing_cells(graph: Graph, part: Part, marker: Any) -> str:
    """Return where cells are what a step takes for missing; booleans of the part's shape."""
    is_nan = isinstance(marker, float) and np.isnan(marker)
    is_any = type(marker).__name__ == "NAType"  # pandas.NA means NaN and None alike
    if part.kind == "text":
        if is_any or (marker is None and part.holds_none) or (is_nan and not part.holds_none):
            return _equal_text(graph, part, MISSING_TEXT)
        return _equal_text(graph, part, marker) if isinstance(marker, str) else _nowhere(graph, part)
    if is_any or (marker is None and part.holds_none) or (is_nan and not part.holds_none):
        return graph.node("IsNaN", part.tensor)
    is_number = isinstance(marker, int | float | np.number) and not is_nan
    return graph.node("Equal", part.tensor, scalar(graph, marker)) if is_number else _nowhere(graph, part)


def flags(graph: Graph, model: Any, missing: str) -> list[Part]:
    """Return what `add_indicator` puts behind an imputer's columns; nothing where no cell was missing in training."""
    indicator = model.indicator_
    if indicator is None or not len(indicator.features_):
        return []
    return [Part(_picked(graph, missing, indicator.features_), "number", len(indicator.features_))]


def _picked(graph: Graph, missing: str, columns: Array) -> str:
    return cast(graph, graph.node("Gather", missing, integers(graph, columns), axis=1), graph.dtype)


def _parts(rows: Rows, count: int) -> Iterator[tuple[Part, int]]:
    """Yield neighbouring columns of one kind, and the position of their first."""
    first = 0
    for part in (Part(rows, "number", count),) if isinstance(rows, str) else rows.parts:
        yield part, first
        first += part.width


def _fills(graph: Graph, part: Part, statistics: Array, model: Any) -> str:
    """Return what missing cells of a part become, of shape [1, width]; columns that are left out get anything."""
    missing = np.nan if part.kind == "number" else MISSING_TEXT
    values = [missing if value is None or value != value else value for value in statistics.tolist()]
    if None in statistics.tolist() and not part.holds_none:
        raise UnsupportedModel("it fills a column with None, which leaves it missing")
    if part.kind == "number":
        if any(isinstance(value, str) for value in values):
            raise UnsupportedModel("it fills a column of numbers with text")
        held = np.array(values)
        kind = _fitted_dtype(model)
        return vector(graph, held.astype(kind if kind.kind == "f" else held.dtype)[None, :])
    if not all(isinstance(value, str) for value in values):
        raise UnsupportedModel("it fills a text column with numbers")
    texts = np.empty((1, len(values)), dtype=object)
    texts[0] = values
    return graph.constant(texts)


def _fitted_dtype(model: Any) -> np.dtype[Any]:
    return np.dtype(getattr(model, "_fill_dtype", getattr(model, "_fit_dtype", np.float64)))


def _equal_text(graph: Graph, part: Part, text: str) -> str:
    return graph.node("Equal", part.tensor, graph.constant(np.array(text, dtype=object)))


def _nowhere(graph: Graph, part: Part) -> str:
    """Return False in the part's shape: its cells are never what the step looks for."""
    same = graph.node("Equal", part.tensor, part.tensor)
    return graph.node("And", same, graph.node("Not", same))


EMITTERS = {
    "sklearn.impute.SimpleImputer": Emitter(transform=emit_simple_imputer, reads="table"),
    "sklearn.impute.MissingIndicator": Emitter(transform=emit_indicator, reads="table"),
}
