"""Which variant of a bundle answers on this machine: that one is measured, and no other under its name.

A bundle goes in; its own score.py, in a process of its own, tells which form of the model it has taken.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packager.artifact import Variant
from packager.binned.library import library_sha256
from packager.bundle import scoring
from packager.bundle.fast_path import BINNED_FILE, LIBRARY_FILE, FastPath, is_binned
from packager.bundle.model_info import MODEL_FILE, ModelInfo
from packager.errors import BenchmarkError, BundleError
from packager.lock import LOCK_FILE

# Trees are binned from the form in double alone, which is the model.onnx that stands by.
_STANDBY = "fp64"


@dataclass(frozen=True)
class Answering:
    """The variant that answers, and what answers say of it; `form` is None for a bundle whose model has one form."""

    variant: Variant
    form: str | None
    notes: tuple[str, ...] = ()


def find_answering(bundle: Path, info: ModelInfo) -> Answering:
    """Return what answers here; BenchmarkError where score.py does not start."""
    selected, folder = _selected(bundle), (bundle / "model").absolute()
    if info.fast_path is None:
        return Answering(Variant(selected, "fp64", "ok", path=folder / MODEL_FILE), None)
    form = _asked(bundle, info)
    if is_binned(form):
        notes = tuple(_other_library(info.fast_path))
        return Answering(Variant(selected, "binned", "ok", path=folder / BINNED_FILE), form, notes)
    why = form.removeprefix("onnx; ") or "it does not say why"
    note = (
        f"On this machine {MODEL_FILE} answers, not the binned form ({why}): every figure is of {MODEL_FILE}, "
        f"named {_STANDBY}."
    )
    return Answering(Variant(_STANDBY, "fp64", "ok", path=folder / MODEL_FILE), form, (note,))


def _asked(bundle: Path, info: ModelInfo) -> str:
    """Ask score.py with no rows: its header tells the form of refusals too."""
    with tempfile.TemporaryDirectory(prefix="packager-") as scratch:
        try:
            answers = scoring.score(bundle, [json.dumps({info.request_key: []})], Path(scratch))
        except BundleError as error:
            raise BenchmarkError(error.message, measured=error.measured, hint=error.hint) from error
    return answers.forms[0]


def _other_library(fast: FastPath) -> Iterator[str]:
    """Say where single calls are not scored by the bundle's own library but by another compilation of it."""
    here = library_sha256()
    if here is None:
        yield "Server and process ran in the bundle's own library of binned trees; for single calls there is none."
    elif here != fast.code[LIBRARY_FILE].sha256:
        yield (
            "Single calls ran in this installation's library of binned trees, which is another compilation than the "
            "bundle's; the served bundle and its process ran in the bundle's own."
        )


def _selected(bundle: Path) -> str:
    """Return the name of the variant that the bundle was built to serve, as its lock tells it."""
    import yaml

    lock = yaml.safe_load((bundle / LOCK_FILE).read_text(encoding="utf-8"))
    return str(lock.get("selected", "served")) if isinstance(lock, dict) else "served"
