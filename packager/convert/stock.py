"""The door to skl2onnx: a step that has no emitter of ours is converted alone and put into our graph.

Whole models go through it as they are only for `convert.engine: stock`, where its converters are judged.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.artifact import Signature
from packager.convert.bodies import rename_reads
from packager.convert.builder import Builder
from packager.convert.faults import NO_CONVERTER, brief, where
from packager.convert.graph import ML_DOMAIN, Answer, Method, Part, Rows, Table, UnsupportedModel, cast, numbers
from packager.training.estimators import nested_estimators

if TYPE_CHECKING:
    from onnx import ModelProto

# skl2onnx 1.20 knows ai.onnx.ml up to 3; `finish` raises the import to 5 where our trees need it.
_ML_OPSET = 3
_STRING = 8  # onnx.TensorProto.STRING
# The newest opset that skl2onnx 1.20 is tested with.
OPSET = 21
# These compute in float32 whatever goes in, and no reduced precision can touch them: ask for plain arithmetic.
_FLOAT32_ONLY = {"LinearClassifier", "LinearRegressor", "Scaler", "Normalizer"}
# ONNX Runtime's StringNormalizer wants en_US.UTF-8 unless told otherwise; slim images have only this one.
_LOCALE = "C.UTF-8"
# ONNX Runtime's own operators, a tokenizer among them, are in every build of it.
_RUNTIME_DOMAINS = ("", ML_DOMAIN, "com.microsoft")
# Which of a converted estimator's outputs answers a method.
_OUTPUT: dict[Method, int] = {"predict": 0, "transform": 0, "predict_proba": 1, "decision_function": 1}


def graft(builder: Builder, model: Any, method: Method, rows: Rows) -> Answer:
    """Add one estimator as skl2onnx writes it; UnsupportedModel with its own reason where it cannot."""
    return insert_step(builder, convert_step(builder.dtype, model, method, rows), model, method, rows)


def convert_step(dtype: np.dtype[np.floating], model: Any, method: Method, rows: Rows) -> ModelProto:
    """Convert one estimator alone for rows of these kinds; UnsupportedModel where no converter does it."""
    if method not in _OUTPUT:
        raise UnsupportedModel(f"{method} has no exact form yet")
    if method == "predict_proba" and not hasattr(model, "predict_proba"):
        raise UnsupportedModel("it has no predict_proba")
    inputs = [(f"input_{index}", _type(dtype, part)) for index, part in enumerate(_parts(model, rows))]
    try:
        return _convert(model, inputs, _options(model, raw_scores=method == "decision_function"), plain=True)
    except UnsupportedModel:
        raise
    except Exception as error:
        raise UnsupportedModel(_reason(error)) from error


def insert_step(builder: Builder, converted: ModelProto, model: Any, method: Method, rows: Rows) -> Answer:
    """Add a step that was converted alone; return its answer to `method`."""
    has_text = isinstance(rows, Table) and rows.has_text
    tensors = [part.tensor for part in _parts(model, rows)] if has_text else [numbers(builder, rows)]
    outputs = _insert(builder, converted, tensors)
    index = min(_OUTPUT[method], len(outputs) - 1)
    kind = converted.graph.output[index].type.tensor_type.elem_type
    is_label = method == "predict" and hasattr(model, "classes_")
    return outputs[index] if is_label or kind == _STRING else cast(builder, outputs[index], builder.dtype)


def convert_whole(model: Any, signature: Signature, dtype: np.dtype[np.floating], *, opset: int | None) -> ModelProto:
    """Convert a model with the stock converters as they come."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    number = DoubleTensorType if dtype == np.float64 else FloatTensorType
    if not reads_by_name(model) and signature.layout == "tensor":
        inputs = [("features", number([None, len(signature.columns)]))]
    else:
        inputs = [
            (column.name, (StringTensorType if column.dtype == "string" else number)([None, 1]))
            for column in signature.columns
        ]
    with _stock_lightgbm():
        return _convert(model, inputs, _options(model), plain=False, opset=opset)


def reads_by_name(model: Any) -> bool:
    """Tell whether some step picks its columns by name, so that the graph must offer them by name."""
    from sklearn.compose import ColumnTransformer

    return any(
        isinstance(step, ColumnTransformer) and hasattr(step, "feature_names_in_") for step in nested_estimators(model)
    )


def _convert(
    model: Any, inputs: list[tuple[str, Any]], options: dict[Any, Any], *, plain: bool, opset: int | None = None
) -> ModelProto:
    """Call skl2onnx; `plain` asks for arithmetic in place of operators that exist in float32 only."""
    from skl2onnx import convert_sklearn

    arguments = {
        "name": "model",
        "initial_types": inputs,
        "options": options,
        "target_opset": {"": opset or OPSET, ML_DOMAIN: _ML_OPSET},
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if plain:
            try:
                return _as_model(convert_sklearn(model, black_op=_FLOAT32_ONLY, **arguments))
            except (NotImplementedError, RuntimeError):  # no plain form of some step: its own operator then
                pass
        return _as_model(convert_sklearn(model, **arguments))


def _as_model(converted: Any) -> ModelProto:
    model: ModelProto = converted
    return model


def _insert(builder: Builder, converted: ModelProto, inputs: list[str]) -> list[str]:
    """Add a converted model's nodes under names of ours; return its outputs."""
    import onnx

    if any(entry.domain not in _RUNTIME_DOMAINS for entry in converted.opset_import):
        domains = ", ".join(entry.domain for entry in converted.opset_import if entry.domain not in _RUNTIME_DOMAINS)
        raise UnsupportedModel(f"its stock form needs operators that no standard runtime has ({domains})")
    if converted.functions:
        raise UnsupportedModel("its converter writes local functions; write their nodes into the graph itself")
    names = dict(zip((value.name for value in converted.graph.input), inputs, strict=True))
    for item in converted.graph.initializer:
        renamed = onnx.TensorProto()
        renamed.CopyFrom(item)
        renamed.name = names[item.name] = builder.next_constant()
        builder.initializers.append(renamed)
    for original in converted.graph.node:
        node = onnx.NodeProto()
        node.CopyFrom(original)
        rename_reads(node, names)
        made = builder.add(node.op_type, tuple(node.input), len(node.output), node.domain, list(node.attribute))
        # An output that is left out has no name, and so has an input: one is not the other.
        names.update((theirs, ours) for theirs, ours in zip(node.output, made, strict=True) if theirs)
    return [names[value.name] for value in converted.graph.output]


def _parts(model: Any, rows: Rows) -> tuple[Part, ...]:
    """Return the inputs that a converter gets: one tensor of numbers, or a table's parts where some are text."""
    if isinstance(rows, Table):
        return rows.parts if rows.has_text else (Part("", "number", rows.width),)
    return (Part(rows, "number", _width(model)),)


def _type(dtype: np.dtype[np.floating], part: Part) -> Any:
    from skl2onnx.common import data_types

    numeric = "DoubleTensorType" if dtype == np.float64 else "FloatTensorType"
    kind = getattr(data_types, "StringTensorType" if part.kind == "text" else numeric)
    return kind([None, part.width or None])


def _width(model: Any) -> int:
    return int(getattr(model, "n_features_in_", 0))


def _options(model: Any, *, raw_scores: bool = False) -> dict[Any, dict[str, object]]:
    """Ask for arrays, not maps, of the final step, and for a locale that every image has."""
    from sklearn.base import is_classifier
    from sklearn.feature_extraction.text import CountVectorizer

    steps = nested_estimators(model)
    options: dict[Any, dict[str, object]] = {
        id(step): {"locale": _LOCALE} for step in steps if isinstance(step, CountVectorizer)
    }
    final = model
    while hasattr(final, "steps"):
        final = final.steps[-1][1]
    if hasattr(final, "get_params") and is_classifier(final):  # a raw Booster is neither
        wanted: dict[str, object] = {"zipmap": False, **({"raw_scores": True} if raw_scores else {})}
        known = _known_options(final)
        if raw_scores and "raw_scores" not in known:
            raise UnsupportedModel("its decision function has no exact form yet")
        if taken := {key: value for key, value in wanted.items() if key in known}:
            options[id(final)] = taken
    return options


def _known_options(classifier: Any) -> set[str]:
    """Return the options that the converter of `classifier` says it takes."""
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import _converter_pool

    converter = _converter_pool.get(sklearn_operator_name_map.get(type(classifier)))
    allowed = None if converter is None else converter.get_allowed_options()
    return set(allowed) if isinstance(allowed, dict) else set()


def _reason(error: Exception) -> str:
    told = brief(error)
    return told if told.startswith(NO_CONVERTER) else f"its converter fails: {told} ({where(error)})"


@contextmanager
def _stock_lightgbm() -> Iterator[None]:
    """Register onnxmltools' LightGBM converter, as its documentation says; skl2onnx keeps it per process."""
    import sys

    if "lightgbm" not in sys.modules:
        yield
        return
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx import _parse, _supported_operators, update_registered_converter
    from skl2onnx.common import shape_calculator

    tables = (_supported_operators.sklearn_operator_name_map, _parse.sklearn_parsers_map)
    before = [dict(table) for table in tables]
    try:
        options = {"zipmap": [True, False], "nocl": [True, False], "raw_scores": [True, False]}
        classifier_shapes = shape_calculator.calculate_linear_classifier_output_shapes
        update_registered_converter(LGBMClassifier, "LightGbm", classifier_shapes, convert_lightgbm, options=options)
        regressor_shapes = shape_calculator.calculate_linear_regressor_output_shapes
        update_registered_converter(LGBMRegressor, "LgbmRegressor", regressor_shapes, convert_lightgbm)
        yield
    finally:
        for table, entries in zip(tables, before, strict=True):
            table.clear()
            table.update(entries)
