"""The door to skl2onnx: it walks pipelines and calls a converter per step, ours where the table has one."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from packager.artifact import Signature
from packager.convert.categories import encode_categories
from packager.convert.direct import build_directly
from packager.convert.emitters import EMITTERS, Emitter
from packager.convert.graph import ML_DOMAIN, Array, cast
from packager.training.categories import pandas_categories
from packager.training.estimators import nested_estimators

if TYPE_CHECKING:
    from onnx import ModelProto

# skl2onnx 1.20 knows ai.onnx.ml up to 3; `finish` raises the import to 5 where our trees need it.
_ML_OPSET_OF_SKL2ONNX = 3
# The newest opset that skl2onnx 1.20 is tested with.
_OPSET_AUTO = 21
# These compute in float32 whatever goes in, and no reduced precision can touch them: ask for plain arithmetic.
_FLOAT32_ONLY = {"LinearClassifier", "LinearRegressor", "Scaler", "Normalizer"}
# ONNX Runtime's StringNormalizer wants en_US.UTF-8 unless told otherwise; slim images have only this one.
_LOCALE = "C.UTF-8"


@dataclass(frozen=True)
class Choices:
    """What the recipe's convert section decides: the main opset, None for ours, and whose converters run."""

    opset: int | None = None
    engine: Literal["own", "stock"] = "own"


def assemble(model: Any, signature: Signature, dtype: np.dtype[np.floating], *, choices: Choices) -> ModelProto:
    """Convert a fitted estimator or pipeline; numbers are computed in `dtype`.

    Inputs carry the columns' own names; `finish` gives the graph its final form. Raises whatever skl2onnx or an
    emitter raises: the caller names the step.
    """
    emitter = EMITTERS.get(full_name(type(model))) if choices.engine == "own" else None
    if emitter is not None:
        return build_directly(model, emitter, signature, dtype, opset=choices.opset)
    from skl2onnx import convert_sklearn

    arguments = {
        "name": "model",
        "initial_types": _initial_types(model, signature, dtype),
        "options": _options(model),
        "target_opset": {"": choices.opset or _OPSET_AUTO, ML_DOMAIN: _ML_OPSET_OF_SKL2ONNX},
    }
    with warnings.catch_warnings(), _registered(choices.engine):
        warnings.simplefilter("ignore")
        if choices.engine == "stock":
            converted: ModelProto = convert_sklearn(model, **arguments)
            return converted
        try:
            converted = convert_sklearn(model, black_op=_FLOAT32_ONLY, **arguments)
        except (NotImplementedError, RuntimeError):  # no plain form of some step: its own operator then
            converted = convert_sklearn(model, **arguments)
    for entry in converted.opset_import:
        if entry.domain == "":  # skl2onnx states the oldest set that would do
            entry.version = choices.opset or _OPSET_AUTO
    return converted


class _ContainerGraph:
    """Our Graph over skl2onnx's scope and container."""

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        from onnx import TensorProto
        from skl2onnx.common.data_types import guess_proto_type

        self._scope, self._operator, self._container = scope, operator, container
        protos = {guess_proto_type(variable.type) for variable in operator.inputs}
        self.dtype: np.dtype[np.floating] = np.dtype(np.float64 if TensorProto.DOUBLE in protos else np.float32)

    def features(self) -> str:
        """Return the operator's input as one tensor of the graph's dtype, pandas categories as their codes."""
        names = [variable.full_name for variable in self._operator.inputs]
        names = encode_categories(self, names, pandas_categories(self._operator.raw_operator))
        whole = names[0] if len(names) == 1 else self.node("Concat", *names, axis=1)
        return cast(self, whole, self.dtype)

    def constant(self, value: Array) -> str:
        from onnx import TensorProto
        from onnx.numpy_helper import from_array

        name = self._scope.get_unique_variable_name("constant")
        if value.dtype.kind in "OU":
            texts = [str(text) for text in value.ravel()]
            self._container.add_initializer(name, TensorProto.STRING, list(value.shape), texts)
        else:
            tensor = from_array(np.ascontiguousarray(value).reshape(value.shape))
            self._container.add_initializer(name, tensor.data_type, list(value.shape), tensor)
        return str(name)

    def node(self, op_type: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        output = self._scope.get_unique_variable_name(op_type.lower())
        version = _ML_OPSET_OF_SKL2ONNX if domain == ML_DOMAIN else self._container.main_opset
        name = self._scope.get_unique_operator_name(op_type)
        plain = {key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in attributes.items()}
        self._container.add_node(
            op_type, list(inputs), [output], op_domain=domain, op_version=version, name=name, **plain
        )
        return str(output)

    def result(self, name: str, index: int) -> None:
        target = self._operator.outputs[index].full_name
        self._container.add_node("Identity", [name], [target], name=self._scope.get_unique_operator_name("Identity"))


def full_name(kind: type) -> str:
    """Return a class's name as the emitters' table has it: by the public module that offers it."""
    package = kind.__module__.split(".")[0]
    parts = [part for part in kind.__module__.split(".") if not part.startswith("_")]
    return f"lightgbm.{kind.__name__}" if package == "lightgbm" else f"{'.'.join(parts[:2])}.{kind.__name__}"


@contextmanager
def _registered(engine: Literal["own", "stock"]) -> Iterator[None]:
    """Register the engine's converters; skl2onnx keeps them per process, so give back what was there."""
    from skl2onnx import _parse, _supported_operators

    tables = (_supported_operators.sklearn_operator_name_map, _parse.sklearn_parsers_map)
    before = [dict(table) for table in tables]
    try:
        if engine == "own":
            _register()
        else:
            _register_stock_lightgbm()
        yield
    finally:
        for table, entries in zip(tables, before, strict=True):
            table.clear()
            table.update(entries)


def _register() -> None:
    """Register our emitters for the classes whose library is here and, for LightGBM, already in use."""
    from skl2onnx import update_registered_converter

    for path, emitter in EMITTERS.items():
        module, _, name = path.rpartition(".")
        if module.split(".")[0] not in sys.modules:
            continue
        options = {"zipmap": [True, False], "nocl": [True, False], "raw_scores": [True, False]}
        update_registered_converter(
            getattr(importlib.import_module(module), name),
            f"Packager{name}",
            _shape_function(emitter),
            _convert_function(emitter),
            overwrite=True,
            options=options if emitter.answer == "label and probability" else None,
        )


def _register_stock_lightgbm() -> None:
    """Register onnxmltools' LightGBM converter, as its documentation says, for comparison."""
    if "lightgbm" not in sys.modules:
        return
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator

    options = {"zipmap": [True, False], "nocl": [True, False], "raw_scores": [True, False]}
    classifier_shapes = shape_calculator.calculate_linear_classifier_output_shapes
    update_registered_converter(LGBMClassifier, "LightGbm", classifier_shapes, convert_lightgbm, options=options)
    regressor_shapes = shape_calculator.calculate_linear_regressor_output_shapes
    update_registered_converter(LGBMRegressor, "LgbmRegressor", regressor_shapes, convert_lightgbm)


def _convert_function(emitter: Emitter) -> Any:
    def convert(scope: Any, operator: Any, container: Any) -> None:
        graph = _ContainerGraph(scope, operator, container)
        for index, name in enumerate(emitter.emit(graph, graph.features(), operator.raw_operator)):
            graph.result(name, index)

    return convert


def _shape_function(emitter: Emitter) -> Any:
    def calculate(operator: Any) -> None:
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

        model = operator.raw_operator
        is_double = any(isinstance(variable.type, DoubleTensorType) for variable in operator.inputs)
        number = DoubleTensorType if is_double else FloatTensorType
        rows = operator.inputs[0].get_first_dimension()
        if emitter.answer == "label and probability":
            operator.outputs[0].type = _label_type(model.classes_)([rows])
            operator.outputs[1].type = number([rows, len(model.classes_)])
        else:
            operator.outputs[0].type = number([rows, emitter.width(model)])

    return calculate


def _label_type(classes: Array) -> Any:
    from skl2onnx.common import data_types

    by_kind = {"O": "StringTensorType", "U": "StringTensorType", "b": "BooleanTensorType", "f": "DoubleTensorType"}
    return getattr(data_types, by_kind.get(np.asarray(classes).dtype.kind, "Int64TensorType"))


def _initial_types(model: Any, signature: Signature, dtype: np.dtype[np.floating]) -> list[tuple[str, Any]]:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    number = DoubleTensorType if dtype == np.float64 else FloatTensorType
    if not reads_by_name(model) and signature.layout == "tensor":
        return [("features", number([None, len(signature.columns)]))]
    return [
        (column.name, (StringTensorType if column.dtype == "string" else number)([None, 1]))
        for column in signature.columns
    ]


def reads_by_name(model: Any) -> bool:
    """Tell whether some step picks its columns by name, so that the graph must offer them by name."""
    from sklearn.compose import ColumnTransformer

    return any(
        isinstance(step, ColumnTransformer) and hasattr(step, "feature_names_in_") for step in nested_estimators(model)
    )


def _options(model: Any) -> dict[Any, dict[str, object]]:
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
        options[id(final)] = {"zipmap": False} if _knows_zipmap(final) else {}
    return options


def _knows_zipmap(classifier: Any) -> bool:
    """Tell whether the converter of `classifier` takes the option; those of models without probabilities may not."""
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import _converter_pool

    converter = _converter_pool.get(sklearn_operator_name_map.get(type(classifier)))
    allowed = None if converter is None else converter.get_allowed_options()
    return not isinstance(allowed, dict) or "zipmap" in allowed
