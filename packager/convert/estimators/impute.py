"""SimpleImputer and MissingIndicator over numbers and text. ONNX Runtime's own Imputer has no double kernel."""

from __future__ import annotations

from collections.abc import Iterator
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
    masks, parts = [], []
    for part, first in _parts(rows, len(statistics)):
        masks.append(missing_cells(graph, part, model.missing_values))
        here = slice(first, first + part.width)
        kept = np.flatnonzero(keeps[here])
        if len(kept):
            fills = _fills(graph, part, statistics[here], model)
            filled = Table((Part(graph.node("Where", masks[-1], fills, part.tensor), part.kind, part.width),))
            (made,) = take(graph, filled, kept.tolist()).parts  # type: ignore[union-attr]
            parts.append(made if part.kind == "number" else Part(made.tensor, "text", len(kept), part.holds_none))
    parts += flags(graph, model, beside(graph, masks))
    if not parts:
        raise UnsupportedModel("it leaves no column")
    table = Table(tuple(parts))
    return table if table.has_text else numbers(graph, table)


def emit_indicator(graph: Graph, rows: Rows, model: Any) -> str:
    """Return 1 where a cell is missing, for the columns that the indicator tells of."""
    masks = [missing_cells(graph, part, model.missing_values) for part, _ in _parts(rows, model.n_features_in_)]
    return _picked(graph, beside(graph, masks), model.features_)


def missing_cells(graph: Graph, part: Part, marker: Any) -> str:
    """Return where cells are what a step takes for missing; booleans of the part's shape."""
    is_nan = isinstance(marker, float) and np.isnan(marker)
    is_any = type(marker).__name__ == "NAType"  # pandas.NA means NaN and None alike
    if part.kind == "text":
        if is_any or (marker is None and part.holds_none) or (is_nan and not part.holds_none):
            return _equal_text(graph, part, MISSING_TEXT)
        return _equal_text(graph, part, marker) if isinstance(marker, str) else _nowhere(graph, part)
    if is_any or is_nan or marker is None:
        return graph.node("IsNaN", part.tensor)
    return _nowhere(graph, part) if isinstance(marker, str) else graph.node("Equal", part.tensor, scalar(graph, marker))


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
    values = [None if value != value else value for value in statistics.tolist()]
    if part.kind == "number":
        if any(isinstance(value, str) for value in values):
            raise UnsupportedModel("it fills a column of numbers with text")
        held = np.array([0.0 if value is None else value for value in values])
        kind = getattr(model, "_fill_dtype", getattr(model, "_fit_dtype", held.dtype))
        return vector(graph, held.astype(kind if kind.kind == "f" else held.dtype)[None, :])
    if any(not isinstance(value, str) and value is not None for value in values):
        raise UnsupportedModel("it fills a text column with numbers")
    texts = np.empty((1, len(values)), dtype=object)
    texts[0] = ["" if value is None else value for value in values]
    return graph.constant(texts)


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
