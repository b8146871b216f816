"""Convert one fitted estimator in one dtype: the stage as the source worker runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from packager.artifact import Signature
from packager.convert import wire
from packager.convert.assemble import Assembled, Choices, assemble
from packager.convert.builder import NamedRefusal
from packager.convert.emitter import full_name
from packager.convert.faults import brief
from packager.convert.finish import finish
from packager.convert.graph import UnsupportedModel
from packager.convert.limits import PROTOBUF_LIMIT_BYTES, too_large
from packager.convert.steps import hint_for
from packager.errors import ConvertError
from packager.training.estimators import nested_estimators


def convert(model: Any, signature: Signature, path: Path, *, dtype: np.dtype[np.floating], choices: Choices) -> None:
    """Write the ONNX form of `model` that computes in `dtype`; raise ConvertError, which names the step, if none is."""
    try:
        _write(assemble(model, signature, dtype, choices=choices), signature, path, dtype)
    except ConvertError:
        raise
    except UnsupportedModel as error:
        step = error.model if isinstance(error, NamedRefusal) else model
        hint = hint_for([full_name(type(step))], choices.custom)
        raise ConvertError(f"no exact conversion: {error}", hint=hint) from error
    except Exception as error:
        message = f"{_culprit(error, model)} does not convert in {dtype.name}: {brief(error)}"
        raise ConvertError(message, hint=hint_for([])) from error


def _write(assembled: Assembled, signature: Signature, path: Path, dtype: np.dtype[np.floating]) -> None:
    """Write the finished model, then have onnx check what was written."""
    import onnx

    finished = finish(assembled.model, signature, dtype)
    size_bytes = wire.size_bytes(finished, assembled.large)
    if size_bytes > PROTOBUF_LIMIT_BYTES:
        raise too_large("the ONNX form", f"{size_bytes:,} bytes")
    wire.write(finished, assembled.large, path)
    assembled.large.pieces.clear()
    onnx.checker.check_model(str(path))


def _culprit(error: Exception, model: Any) -> str:
    """Name the innermost step that the error's text names, else the whole model."""
    text = str(error)
    names = [type(step).__name__ for step in nested_estimators(model)]
    named = [name for name in names if re.search(rf"\b(Sklearn)?{re.escape(name)}\b", text)]  # skl2onnx's own prefix
    return named[-1] if named else names[0]
