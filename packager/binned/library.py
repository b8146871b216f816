"""The door to the compiled extension, and the words for why there is none."""

from __future__ import annotations

from functools import cache
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).with_name("_binned.abi3.so")


class LibraryUnavailable(Exception):
    """The extension is not here or does not load; the message says which."""


@cache
def library() -> Any:
    """Return the extension as a module: `Model` and `instruction_sets`."""
    if not LIBRARY.is_file():
        raise LibraryUnavailable("packager was installed where no C compiler was at hand, so that nothing was compiled")
    try:
        return load_library(LIBRARY)
    except ImportError as error:
        raise LibraryUnavailable(f"the compiled extension does not load here: {error}") from error


def load_library(path: Path) -> Any:
    """Load an extension from its file; ImportError where it does not load."""
    spec = spec_from_file_location("_binned", path, loader=ExtensionFileLoader("_binned", str(path)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no extension")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
