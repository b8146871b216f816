"""Converters of the user's own: a class's name and a module in, a converter registered with skl2onnx out.

The interface is skl2onnx's own: the module defines `shape(operator)` and `convert(scope, operator, container)`, and
may define `parser` and `options`, or it registers the class itself when it is imported.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from packager.convert.faults import brief, where
from packager.errors import ConvertError

HINT_TO_INSTALL = "install it where this command runs, put it on PYTHONPATH, or put it beside the recipe"
GUIDE = "docs/custom-converters.md shows a converter"


def register(name: str, module: str) -> type:
    """Import `module` and have skl2onnx convert the class `name` with it; return the class."""
    kind = _class(name)
    held = _import(module, f"the converter of {name}")
    if callable(getattr(held, "shape", None)) and callable(getattr(held, "convert", None)):
        _register(kind, held, module)
    elif not _is_registered(kind):
        message = f"{module} neither defines shape() and convert() nor registers a converter of {name}"
        raise ConvertError(message, hint=GUIDE)
    return kind


def _register(kind: type, held: ModuleType, module: str) -> None:
    from skl2onnx import update_registered_converter

    alias = f"{kind.__module__}_{kind.__qualname__}".replace(".", "_")
    optional = {key: getattr(held, key) for key in ("parser", "options") if getattr(held, key, None) is not None}
    if _is_parsed_otherwise(kind):
        optional.setdefault("parser", _parse)
    try:
        update_registered_converter(kind, alias, held.shape, held.convert, **optional)
    except Exception as error:
        raise ConvertError(f"skl2onnx does not take the converter in {module}: {brief(error)}", hint=GUIDE) from error


def _is_parsed_otherwise(kind: type) -> bool:
    """Tell whether skl2onnx looks into the class in a way of its own, which a converter would never see the end of."""
    from skl2onnx._parse import sklearn_parsers_map
    from sklearn.base import ClassifierMixin

    return kind in sklearn_parsers_map and not issubclass(kind, ClassifierMixin)


def _parse(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> Any:
    """Declare the usual outputs of a step."""
    from skl2onnx._parse import _parse_sklearn_simple_model

    return _parse_sklearn_simple_model(scope, model, inputs, custom_parsers)


def _is_registered(kind: type) -> bool:
    """Tell whether somebody else than skl2onnx itself has registered a converter of the class."""
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import _converter_pool

    converter = _converter_pool.get(sklearn_operator_name_map.get(kind))
    return converter is not None and not converter._fct.__module__.startswith("skl2onnx.")


def _class(name: str) -> type:
    module, _, attribute = name.rpartition(".")
    if not module:
        raise ConvertError(f"{name} names no class: write its module before it", hint="as in my_pkg.Transformer")
    kind = getattr(_import(module, f"the module of {name}"), attribute, None)
    if not isinstance(kind, type):
        raise ConvertError(f"{module} has no class {attribute}")
    return kind


def _import(module: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except (Exception, SystemExit) as error:
        missing = isinstance(error, ModuleNotFoundError) and module.startswith(str(error.name))
        told = brief(error) if missing else f"{brief(error)} ({where(error)})"
        raise ConvertError(
            f"{module}, {what}, cannot be imported: {told}", hint=HINT_TO_INSTALL if missing else None
        ) from error
