"""DictVectorizer: a column per key of a number, and one per text of a key."""

from __future__ import annotations

from typing import Any

import numpy as np

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
    take,
    through,
)
from packager.convert.text import strings
from packager.training.inputs import record_columns


def transform(graph: Graph, rows: Rows, model: Any) -> str:
    """Return numbers as they are, 1 for the text that a row holds, and 0 for every other; [rows, features]."""
    if np.dtype(model.dtype) not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise UnsupportedModel(f"dtype={np.dtype(model.dtype).name} has no exact form yet; use float64")
    columns = record_columns(model)
    if not isinstance(rows, Table) or rows.width != len(columns):
        raise UnsupportedModel("it reads other keys than those that come in; use one DictVectorizer for all of them")
    blocks, names = [], []
    for at, (key, texts) in enumerate(columns.items()):
        column = take(graph, rows, [at])
        if texts:
            blocks.append(_one_of(graph, column, texts))
            names += [f"{key}{model.separator}{text}" for text in texts]
        else:
            blocks.append(through(graph, numbers(graph, column), model.dtype))
            names.append(key)
    place = {name: at for at, name in enumerate(names)}
    order = [place[name] for name in sorted(model.vocabulary_, key=model.vocabulary_.__getitem__)]
    return graph.node("Gather", beside(graph, blocks), integers(graph, order), axis=1)


def _one_of(graph: Graph, column: Rows, texts: tuple[str, ...]) -> str:
    """Return which of the texts each cell is, [rows, texts]."""
    part: Part | None = column.parts[0] if isinstance(column, Table) else None
    if part is None or part.kind != "text":
        raise UnsupportedModel("it reads numbers as text")
    index = strings.look_up(graph, part.tensor, {text: at for at, text in enumerate(texts)})
    return cast(graph, graph.node("Equal", index, integers(graph, np.arange(len(texts)))), graph.dtype)


EMITTERS = {"sklearn.feature_extraction.DictVectorizer": Emitter(transform=transform, reads="table")}
