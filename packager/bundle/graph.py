"""The served model's forms: sessions of them, and what the ONNX file takes and gives in the types that JSON carries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.bundle.fast_path import BINNED_FILE, compiled_library, is_binned
from packager.bundle.model_info import MODEL_FILE
from packager.errors import BundleError
from packager.runtime.session import NoKernel, Session, open_session

if TYPE_CHECKING:
    from packager.artifact import Signature
    from packager.bundle.model_info import ModelInfo

# ONNX Runtime's names of the types that can be served, and numpy's.
_DTYPES = {
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
}


@dataclass(frozen=True)
class Graph:
    """Inputs and outputs by name, with their numpy dtype; text is `object`."""

    inputs: dict[str, str]
    outputs: dict[str, str]


def open_served(model: Path, signature: Signature) -> Session:
    """Open the model as score.py does, on one CPU thread; BundleError where ONNX Runtime can't run it."""
    try:
        return open_session(model, signature, threads=1)
    except NoKernel as error:
        raise BundleError(f"ONNX Runtime does not run the model: {error}") from None


def open_answering(bundle: Path, info: ModelInfo, form: str) -> Session | None:
    """Open the form of the model that gave answers, as their header tells it; None where this program can't run it."""
    if not is_binned(form):
        return open_served(bundle / "model" / MODEL_FILE, info.signature)
    try:
        compiled_library()
    except BundleError:
        return None
    return open_served(bundle / "model" / BINNED_FILE, info.signature)


def read_graph(session: Session) -> Graph:
    """Return what the session takes and gives; BundleError for a type that JSON rows can't fill."""
    return Graph(
        inputs={entry.name: _dtype(entry) for entry in session.inference.get_inputs()},
        outputs={entry.name: _dtype(entry) for entry in session.inference.get_outputs()},
    )


def _dtype(entry: Any) -> str:
    if entry.type not in _DTYPES:
        raise BundleError(f"The ONNX model's {entry.name!r} is a {entry.type}, which JSON rows don't carry")
    return _DTYPES[entry.type]
