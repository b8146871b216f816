"""Encoders of categories, text or numbers: one look-up of each cell in the categories that were fitted.

A missing cell is the category NaN or None where there is one, else a value like any other that was never seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from packager.artifact import MISSING_TEXT
from packager.convert.emitter import Emitter
from packager.convert.graph import (
    ML_DOMAIN,
    Graph,
    Part,
    Rows,
    UnsupportedModel,
    beside,
    cast,
    scalar,
    take,
    vector,
)

Array = npt.NDArray[Any]


def look_up(graph: Graph, column: Part, categories: Array, values: npt.ArrayLike, default: float) -> str:
    """Return the value of the category that a cell is, `default` where it is none; shape [rows, 1]."""
    from onnx.numpy_helper import from_array

    from packager.convert.builder import tensor

    keys, kept = _keys(column, np.asarray(categories))
    if not len(keys):
        keys, found = _keys_of_none(column), np.array([default])
    else:
        found = np.asarray(values, dtype=np.float64)[kept]
    return graph.node(
        "LabelEncoder",
        column.tensor,
        domain=ML_DOMAIN,
        keys_tensor=tensor(keys if column.kind == "text" else keys.astype(np.float64).astype(graph.dtype)),
        values_tensor=from_array(found.astype(graph.dtype)),
        default_tensor=from_array(np.array([default], dtype=graph.dtype)),
    )


def columns_of(graph: Graph, rows: Rows, count: int) -> list[Part]:
    """Return the rows' columns one by one, each of shape [rows, 1]."""
    found = []
    for index in range(count):
        column = take(graph, rows, [index])
        found.append(Part(column, "number", 1) if isinstance(column, str) else column.parts[0])
    return found


def emit_one_hot(graph: Graph, rows: Rows, model: Any) -> str:
    """Return a column for each category that is not dropped, 1 where the cell is it; shape [rows, categories]."""
    made = []
    for index, column in enumerate(columns_of(graph, rows, len(model.categories_))):
        places, unknown, width = _one_hot_places(model, index)
        if width:
            place = look_up(graph, column, model.categories_[index], places, unknown)
            made.append(cast(graph, graph.node("Equal", place, vector(graph, np.arange(width)[None, :])), graph.dtype))
    if not made:
        raise UnsupportedModel("it leaves no column")
    return beside(graph, made)


def emit_ordinal(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the code of each cell; shape [rows, columns]."""
    unknown = model.unknown_value if model.handle_unknown == "use_encoded_value" else -1
    made = [
        look_up(graph, column, categories, codes, unknown)
        for column, categories, codes in zip(
            columns_of(graph, rows, len(model.categories_)), model.categories_, _ordinal_codes(model), strict=True
        )
    ]
    return beside(graph, made)


def emit_target(graph: Graph, rows: Rows, model: Any) -> str:
    """Return what the target is on average where a cell is the category; shape [rows, columns * classes]."""
    columns = columns_of(graph, rows, len(model.categories_))
    means = np.atleast_1d(model.target_mean_)  # of several classes one each, of a number or two classes one alone
    made = []
    for index, encoding in enumerate(model.encodings_):
        place, of_class = divmod(index, len(means))
        made.append(look_up(graph, columns[place], model.categories_[place], encoding, float(means[of_class])))
    return beside(graph, made)


def emit_label(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the position of a label among the classes; shape [rows, 1]."""
    (column,) = columns_of(graph, rows, 1)
    return look_up(graph, column, model.classes_, np.arange(len(model.classes_)), -1)


def emit_label_binarizer(graph: Graph, rows: Rows, model: Any) -> str:
    """Return the positive label in the column of a cell's class; of two classes the second's column alone."""
    if model.y_type_.startswith("multilabel"):
        raise UnsupportedModel("rows of several labels each have no exact form yet")
    (column,) = columns_of(graph, rows, 1)
    place = look_up(graph, column, model.classes_, np.arange(len(model.classes_)), -1)
    is_binary = model.y_type_ == "binary" and len(model.classes_) == 2
    wanted = [1] if is_binary else np.arange(len(model.classes_))
    if len(model.classes_) == 1:
        wanted = [-2]  # it never answers with the positive label
    there = graph.node("Equal", place, vector(graph, np.asarray(wanted)[None, :]))
    return graph.node("Where", there, scalar(graph, model.pos_label), scalar(graph, model.neg_label))


def _keys(column: Part, categories: Array) -> tuple[Array, list[int]]:
    """Return categories as a column's cells have them, and which of them there are: no cell can be the others."""
    keys: list[Any] = []
    kept = []
    for index, value in enumerate(categories.tolist()):
        if value is None or value != value:
            if (value is None) != column.holds_none:
                continue
            keys.append(MISSING_TEXT if column.kind == "text" else np.nan)
        elif isinstance(value, str) == (column.kind == "text"):
            keys.append(value)
        else:
            continue  # a number among texts is never met, nor is text among numbers
        kept.append(index)
    return np.array([*keys, None], dtype=object)[:-1], kept


def _keys_of_none(column: Part) -> Array:
    """Return a key that changes nothing: the operator needs one."""
    return np.array([""], dtype=object) if column.kind == "text" else np.zeros(1)


def _one_hot_places(model: Any, index: int) -> tuple[Array, float, int]:
    """Return the output column of each category, that of an unknown value, and their count; -1 is none of them.

    Infrequent categories share a column, then one is dropped and those behind it move up.
    """
    codes, infrequent = _grouped(model, index, len(model.categories_[index]))
    unknown = -1.0
    if infrequent is not None and model.handle_unknown in ("infrequent_if_exist", "warn"):
        unknown = float(codes[infrequent])
    dropped = getattr(model, "_drop_idx_after_grouping", None)
    width = int(codes.max(initial=-1)) + 1
    if dropped is None or dropped[index] is None:
        return codes, unknown, width
    places = np.append(codes, unknown)
    places = np.where(places == dropped[index], -1, places - (places > dropped[index]))
    return places[:-1], float(places[-1]), width - 1


def _ordinal_codes(model: Any) -> Iterator[Array]:
    """Yield per column the code of each category, as the encoder's own dtype holds it."""
    for index, categories in enumerate(model.categories_):
        missing = getattr(model, "_missing_indices", {}).get(index)
        count = len(categories) - (missing is not None)
        codes = _grouped(model, index, count)[0].astype(np.float64)
        if missing is not None:
            codes = np.insert(codes, missing, model.encoded_missing_value)
        yield codes.astype(model.dtype)


def _grouped(model: Any, index: int, count: int) -> tuple[Array, int | None]:
    """Return the codes of `count` categories with infrequent ones grouped, and the first infrequent one."""
    groups: Sequence[Any] = getattr(model, "_default_to_infrequent_mappings", ())
    if not getattr(model, "_infrequent_enabled", False) or groups[index] is None:
        return np.arange(count), None
    return np.asarray(groups[index]), int(model._infrequent_indices[index][0])


EMITTERS = {
    "sklearn.preprocessing.OneHotEncoder": Emitter(transform=emit_one_hot, reads="table"),
    "sklearn.preprocessing.OrdinalEncoder": Emitter(transform=emit_ordinal, reads="table"),
    "sklearn.preprocessing.TargetEncoder": Emitter(transform=emit_target, reads="table"),
    "sklearn.preprocessing.LabelEncoder": Emitter(transform=emit_label, reads="table"),
    "sklearn.preprocessing.LabelBinarizer": Emitter(transform=emit_label_binarizer, reads="table"),
}
