"""The door to the compiled extension, and the words for why there is none, or not with the instructions asked for."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from packager.errors import RecipeError
from packager.wording import printable

INSTRUCTION_SET = "BINNED_INSTRUCTION_SET"
LIBRARY = Path(__file__).with_name("_binned.abi3.so")
_REMEDY = (
    "with a C compiler and Python's headers (Debian: apt-get install gcc libc6-dev python3-dev), run "
    "python -m packager.binned.compile"
)


class LibraryUnavailable(Exception):
    """The extension is not here or does not load; the message says which, and what to do."""


@cache
def library() -> Any:
    """Return the extension as a module: `Model` and `instruction_sets`."""
    if not LIBRARY.is_file():
        raise LibraryUnavailable(
            f"packager's own library of binned trees was not compiled where it was installed; {_REMEDY}"
        )
    try:
        return load_library(LIBRARY)
    except ImportError as error:
        why = " ".join(str(error).split())[:200]
        raise LibraryUnavailable(
            f"packager's own library of binned trees does not load here: {why}; {_REMEDY}"
        ) from error


def library_sha256() -> str | None:
    """Return the digest of the compiled extension: another compilation has another one. None where none is here."""
    return hashlib.sha256(LIBRARY.read_bytes()).hexdigest() if LIBRARY.is_file() else None


def require_instruction_set() -> None:
    """Refuse forced instructions that this processor does not have: RecipeError."""
    wanted = os.environ.get(INSTRUCTION_SET)
    try:
        found = library().instruction_sets() if wanted else ()
    except LibraryUnavailable:
        return
    if wanted and wanted not in found:
        raise RecipeError(
            f"the environment variable {INSTRUCTION_SET} names instructions that this processor does not have",
            measured=printable(wanted)[:20],
            limit=" or ".join(found),
            hint=f"unset {INSTRUCTION_SET}: the best that the processor has are then taken",
        )


def load_library(path: Path) -> Any:
    """Load an extension from its file; ImportError where it does not load."""
    spec = spec_from_file_location("_binned", path, loader=ExtensionFileLoader("_binned", str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no extension")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
