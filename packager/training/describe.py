"""What a loaded model is, as plain values: framework, versions, estimator tree, signature."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any

from packager.artifact import Signature
from packager.errors import ConvertError, SourceError
from packager.training import estimators, inputs, native

_LIBRARIES = ("scikit-learn", "lightgbm", "numpy", "scipy", "pandas", "joblib", "skl2onnx")


@dataclass(frozen=True)
class Description:
    """`names_are_own`: the model was fitted with column names, and those of the signature are them.

    `calls` says how the model is asked: the form of its rows, and the method behind each output.
    """

    framework: str
    versions: dict[str, str]
    estimators: tuple[str, ...]
    signature: Signature
    names_are_own: bool
    calls: dict[str, Any]


def describe(asked: native.NativeModel) -> Description:
    """Describe a fitted model by asking it."""
    model = asked.model
    return Description(
        framework=framework_of(model),
        versions=installed_versions(),
        estimators=estimators.step_tree(model),
        signature=_signature(asked),
        names_are_own=inputs.column_names(model) is not None,
        calls=asked.calls(),
    )


def _signature(asked: native.NativeModel) -> Signature:
    """Return the signature; where there is none, because of steps that were never fitted, say which those are."""
    try:
        return native.signature_of(asked)
    except (ConvertError, SourceError) as error:
        steps = estimators.unfitted_steps(asked.model)
        if not steps:
            raise
        message = f"{type(asked.model).__name__} is not fitted; what has seen no data: {', '.join(steps)}"
        raise ConvertError(message, hint="fit the whole model before it is registered") from error


def framework_of(model: Any) -> str:
    """Return "lightgbm" or "scikit-learn", by the step that scores."""
    final = model.steps[-1][1] if hasattr(model, "steps") else model
    return "lightgbm" if type(final).__module__.split(".")[0] == "lightgbm" else "scikit-learn"


def installed_versions() -> dict[str, str]:
    """Return the versions of the training libraries that are installed here."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
