"""The manifest: every other file of a bundle with its size and SHA-256, the lineage, and one digest over all of it.

A bundle holds exactly what its manifest says, no file more, or it is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from packager.errors import BundleError
from packager.files import canonical_json, pretty_json, sha256_file

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MANIFEST = "manifest.json"
FORMAT_VERSION = 1
# A manifest of a thousand files has a fifth of this; more is not one of ours and is not read.
_MAX_MANIFEST_BYTES = 1 << 20
_SHOWN = 5
_MADE_ANEW = "build or fetch the bundle anew; running code inside it may leave files such as __pycache__"


@dataclass(frozen=True)
class FileEntry:
    """One file: its path below the bundle, with forward slashes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself. `digest` covers all the rest."""

    format_version: int
    name: str
    version: str
    digest: str
    files: tuple[FileEntry, ...]
    lineage: dict[str, Json]

    @property
    def size_bytes(self) -> int:
        """Return the size of all files but the manifest."""
        return sum(entry.size for entry in self.files)


def write_manifest(folder: Path, name: str, version: str, *, lineage: dict[str, Json]) -> Manifest:
    """Write manifest.json over all files in `folder`, and return it."""
    paths = [path for path in _files(folder) if path != MANIFEST]
    entries = tuple(FileEntry(path, (folder / path).stat().st_size, sha256_file(folder / path)) for path in paths)
    draft = Manifest(FORMAT_VERSION, name, version, "", entries, lineage)
    manifest = Manifest(FORMAT_VERSION, name, version, _digest(draft), entries, lineage)
    (folder / MANIFEST).write_text(pretty_json(asdict(manifest)), encoding="utf-8", newline="\n")
    return manifest


def require_bundle(bundle: Path) -> Path:
    """Return the path of manifest.json; BundleError for a folder without one, which is no bundle."""
    path = bundle / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise BundleError(f"{bundle} is not a bundle: it has no {MANIFEST}", hint="name the bundle folder of a build")
    return path


def read_manifest(bundle: Path) -> Manifest:
    """Read manifest.json and check it against its own digest; BundleError where it is not one."""
    path = require_bundle(bundle)
    if path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise BundleError(f"{path} is too large", measured=path.stat().st_size, limit=_MAX_MANIFEST_BYTES)
    try:
        manifest = _parse(json.loads(path.read_bytes()))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{path} is not a manifest ({type(error).__name__})", hint=_MADE_ANEW) from None
    if manifest.digest != _digest(manifest):
        raise BundleError(f"{path} was changed: its digest does not cover what it says", hint=_MADE_ANEW)
    return manifest


def check_digests(bundle: Path) -> Manifest:
    """Return the manifest if every file is there and unchanged and no other file lies beside them.

    BundleError names the first files that are missing, extra or changed.
    """
    manifest = read_manifest(bundle)
    listed = {entry.path: entry for entry in manifest.files}
    present = set(_files(bundle)) - {MANIFEST}
    problems = [f"missing {path!r}" for path in sorted(listed.keys() - present)]
    problems += [f"extra {path!r}" for path in sorted(present - listed.keys())]
    problems += [f"changed {path!r}" for path in sorted(listed.keys() & present) if _changed(bundle, listed[path])]
    if problems:
        more = f", and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        shown = ", ".join(problems[:_SHOWN]) + more
        raise BundleError(f"{bundle} is not what its manifest says: {shown}", hint=_MADE_ANEW)
    return manifest


def _changed(bundle: Path, entry: FileEntry) -> bool:
    path = bundle / entry.path
    regular = path.is_file() and not path.is_symlink()
    return not regular or path.stat().st_size != entry.size or sha256_file(path) != entry.sha256


def _files(folder: Path) -> list[str]:
    """Return everything below `folder` that is not a folder with something in it: files, links, empty folders."""
    found = []
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        found += [os.path.join(parent, name) for name in [*names, *links]]
        if not folders and not names and parent != str(folder):
            found.append(parent)
    return sorted(Path(path).relative_to(folder).as_posix() for path in found)


def _digest(manifest: Manifest) -> str:
    values = asdict(manifest)
    del values["digest"]
    return hashlib.sha256(canonical_json(values)).hexdigest()


def _parse(values: Json) -> Manifest:
    """Return the manifest for parsed JSON; ValueError, KeyError or TypeError where it isn't one."""
    if not isinstance(values, dict) or values["format_version"] != FORMAT_VERSION:
        raise ValueError("format_version")
    files, lineage = values["files"], values["lineage"]
    if not isinstance(files, list) or not isinstance(lineage, dict):
        raise TypeError("files, lineage")
    entries = tuple(_parse_entry(entry) for entry in files)
    if len({entry.path for entry in entries}) != len(entries):
        raise ValueError("a path twice")
    texts = {key: _text(values[key]) for key in ("name", "version", "digest")}
    return Manifest(FORMAT_VERSION, texts["name"], texts["version"], texts["digest"], entries, lineage)


def _parse_entry(entry: Json) -> FileEntry:
    if not isinstance(entry, dict) or entry.keys() != {"path", "size", "sha256"}:
        raise TypeError("file")
    path, size, sha256 = _text(entry["path"]), entry["size"], _text(entry["sha256"])
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or pure.as_posix() != path or path in (".", MANIFEST):
        raise ValueError("path")
    if type(size) is not int or size < 0 or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError("size, sha256")
    return FileEntry(path, size, sha256)


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value
