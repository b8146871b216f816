"""The audit: what loading an artifact would import and do, found without importing or executing anything of it.

Goes in: a file. Comes out: an `Audit`, or a SourceError; what is not known to be harmless is refused.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from packager.errors import SourceError
from packager.source.compression import opened
from packager.source.joblib_file import JoblibFile
from packager.source.lightgbm_text import MAX_TEXT_BYTES, PREFIX, check_model_text
from packager.source.rules import Rules
from packager.source.stream import Source
from packager.source.symbols import Blob, Container, Forbidden, Global, Listing, Made, Mapping, Unreadable, shown
from packager.source.versions import training_versions
from packager.source.walk import MAX_PROTOCOL

MAX_INFLATED_BYTES: Final = 8 << 30
SHOWN_NAMES: Final = 10
NOT_ONE: Final = "is not a pickle, a joblib file or a LightGBM model text"
# joblib before 0.10 wrote compressed files with this head.
OLD_JOBLIB_MAGIC: Final = b"ZF"
PICKLE_MAGIC: Final = 0x80

# An unknown name in the first is nothing that a user may know and trust; in the others only what looks like a class.
_TOOLS: Final = frozenset(
    {"IPython", "cloudpickle", "dill", "joblib", "onnx", "packager", "pip", "pkg_resources", "pytest", "setuptools"}
)
_LIBRARIES: Final = frozenset({"lightgbm", "numpy", "scipy", "skl2onnx", "sklearn"})
_TABLES: Final = frozenset({"pandas", "pyarrow"})
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*")
_CLASS = re.compile(r"_?[A-Z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Audit:
    """What an artifact is. `versions` are hints out of the file itself, which can be forged."""

    format: Literal["pickle", "joblib", "lightgbm-text"]
    compression: str | None
    # Every "module.name" that loading would import, sorted.
    globals: tuple[str, ...]
    versions: dict[str, str]
    # The class of the outermost object, where it can be told.
    root: str | None


def audit(path: Path, *, trust: Sequence[str] = (), inflated_limit_bytes: int = MAX_INFLATED_BYTES) -> Audit:
    """Read a file and say what loading it would import, or refuse it.

    `trust` adds exact names, "my_pkg.Transformer", to the allow-list. Nothing may follow the artifact in its file:
    both pickle and joblib write one object to one file, and whatever else is there was not put there by them.
    Raises SourceError with the names, or the reason, and the way out where there is an honest one.
    """
    subject = shown(path.name)
    rules = Rules(trust)
    try:
        with opened(path, inflated_limit_bytes=inflated_limit_bytes) as (blocks, compression, head):
            if head.startswith(OLD_JOBLIB_MAGIC):
                raise Forbidden("it was written by joblib before 0.10, whose arrays lie in other files beside it")
            return _audited(Source(blocks), rules, compression)
    except OSError as error:
        raise SourceError(f"{subject} cannot be read: {error.strerror}") from None
    except SourceError as error:
        if rules.unknown:
            raise _unknown_names(subject, rules.unknown) from None
        raise _about(subject, error) from None


def _audited(source: Source, rules: Rules, compression: str | None) -> Audit:
    try:
        head = source.head()
    except Unreadable as error:
        raise Unreadable(f"{NOT_ONE} ({error.message})") from None
    if head.startswith(PREFIX) and compression is None:
        text = check_model_text(source.rest(MAX_TEXT_BYTES))
        versions = training_versions((), (), {text.version})
        return Audit("lightgbm-text", None, (), versions, "lightgbm.basic.Booster")
    artifact = JoblibFile(source, rules)
    try:
        root = artifact.walk()
    except (Unreadable, Forbidden) as error:
        begins_well = len(head) > 1 and head[0] == PICKLE_MAGIC and head[1] <= MAX_PROTOCOL
        if not begins_well and not rules.names:
            raise Unreadable(NOT_ONE) from None
        if isinstance(error, Forbidden):
            raise
        raise Unreadable(f"is damaged at byte {source.position:,}: {error.message}") from None
    if rules.unknown:
        raise Forbidden("it imports unknown names")
    names = tuple(sorted(name.dotted for name in rules.names))
    versions = training_versions(rules.names, rules.sklearn_versions, rules.lightgbm_formats)
    return Audit("joblib" if artifact.arrays else "pickle", compression, names, versions, _class_of(root))


def _class_of(symbol: object) -> str | None:
    if isinstance(symbol, Made):
        return symbol.of.dotted
    if isinstance(symbol, Container):
        return f"builtins.{symbol.kind.removeprefix('long ').replace('text', 'str')}"
    for kind, name in ((Mapping, "dict"), (Listing, "list"), (Blob, "bytes")):
        if isinstance(symbol, kind):
            return f"builtins.{name}"
    return f"builtins.{type(symbol).__name__}" if type(symbol) in (bool, int, float, str, tuple) else None


def _about(subject: str, error: SourceError) -> SourceError:
    """Return an error of a lower floor as a sentence about the file."""
    if isinstance(error, Forbidden):
        return SourceError(f"{subject} is refused: {error.message}", hint=error.hint or _REFUSED_HINT)
    joint = " " if error.message.startswith("is ") else ": "
    return SourceError(
        f"{subject}{joint}{error.message}", measured=error.measured, limit=error.limit, key=error.key, hint=error.hint
    )


_REFUSED_HINT: Final = "dump the model again where it was trained; if this is the file as it was dumped, do not load it"


def _unknown_names(subject: str, unknown: Collection[Global]) -> SourceError:
    names = sorted(unknown, key=lambda name: name.dotted)
    listed = "\n".join(f"  {shown(name.module)}.{shown(name.name)}" for name in names[:SHOWN_NAMES])
    more = f"\n  and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    message = f"{subject} is refused: loading it would import names that the audit does not know\n{listed}{more}"
    return SourceError(message, hint=_hint_for(names))


def _hint_for(names: Sequence[Global]) -> str:
    if any(map(_is_dangerous, names)):
        return "this is what an attack looks like; do not load it, and ask whoever made it"
    if any(name.module == "__main__" for name in names):
        return "move what was defined in a script or notebook into a module that can be imported, and dump it again"
    if all(name.module.partition(".")[0] in _TABLES for name in names):
        return "dump the model alone, without data frames beside it"
    listed = ", ".join(shown(name.dotted) for name in names[:SHOWN_NAMES])
    return f"if you know what these do, allow their exact names: source.trust: [{listed}]; inspect takes --trust NAME"


def _is_dangerous(name: Global) -> bool:
    """Say whether nobody could mean to trust a name: the standard library's, a library's function, or none at all."""
    package = name.module.partition(".")[0]
    if not _DOTTED.fullmatch(name.module) or not _DOTTED.fullmatch(name.name):
        return True
    if package in _LIBRARIES:
        return _CLASS.fullmatch(name.name) is None
    if package in _TABLES:
        return name.module.startswith("pandas.io")
    odd = package.startswith("__") and package != "__main__"
    return odd or package in _TOOLS or package in sys.stdlib_module_names
