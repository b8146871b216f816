"""One version in a directory registry, and its meta.json: written in one form, read back without trusting it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, cast

from packager import __version__
from packager.errors import SourceError
from packager.recipe.names import is_safe

Kind = Literal["artifact", "bundle"]
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

META = "meta.json"
META_VERSION = 1
BUNDLE_FOLDER = "bundle"
# A meta.json names a handful of files; a larger one is not ours and is not read.
_MAX_META_BYTES = 1 << 20


@dataclass(frozen=True)
class DataFile:
    """A file of verification rows that was registered with the artifact."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Entry:
    """One immutable version. `sha256` is that of the artifact's bytes, for a bundle the digest in its manifest.

    It is what meta.json says: whoever reads the artifact hashes the bytes it reads against it.
    """

    kind: Kind
    name: str
    version: str
    folder: Path
    artifact: str
    sha256: str
    size_bytes: int
    framework: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    data: tuple[DataFile, ...] = ()
    registered_by: str = f"packager {__version__}"

    @property
    def path(self) -> Path:
        """Return the path of the artifact's file or of the bundle's folder."""
        return self.folder / self.artifact

    @property
    def data_files(self) -> tuple[Path, ...]:
        """Return the paths of the verification rows."""
        return tuple(self.folder / file.name for file in self.data)

    @property
    def uri(self) -> str:
        """Return the URI that finds exactly this version."""
        return f"registry://{self.name}/{self.version}"

    def holds_same(self, other: Entry) -> bool:
        """Say whether both hold the same bytes, whatever their files are called."""
        mine, theirs = ({file.sha256 for file in entry.data} for entry in (self, other))
        return (self.kind, self.sha256, mine) == (other.kind, other.sha256, theirs)

    def meta(self) -> dict[str, Json]:
        """Return meta.json."""
        return {
            "meta_version": META_VERSION,
            "kind": self.kind,
            "name": self.name,
            "version": self.version,
            "artifact": self.artifact,
            "sha256": self.sha256,
            "size_bytes": self.size_bytes,
            "framework": self.framework,
            "versions": dict(sorted(self.versions.items())),
            "data": [{"file": file.name, "sha256": file.sha256, "size_bytes": file.size_bytes} for file in self.data],
            "registered_by": self.registered_by,
        }


@dataclass(frozen=True)
class Fetched:
    """An artifact found: its file, the rows registered with it, its version; `entry` where a registry keeps it."""

    path: Path
    data_files: tuple[Path, ...] = ()
    version: str | None = None
    entry: Entry | None = None


def read_entry(folder: Path) -> Entry:
    """Read the entry in `folder`; SourceError if its meta.json is missing, damaged or names files elsewhere."""
    path = folder / META
    try:
        if path.is_symlink() or path.stat().st_size > _MAX_META_BYTES:
            raise ValueError("not a plain file of ours")
        entry = _parse(json.loads(path.read_text(encoding="utf-8")), folder)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError(
            f"{folder.parent.name}/{folder.name} in the registry is damaged: {META} cannot be read ({_kind(error)})",
            hint=f"remove {folder} and register it again",
        ) from None
    for file in (entry.path, *entry.data_files):
        if file.is_symlink() or not file.exists():
            raise SourceError(
                f"{entry.uri} is damaged: {file.name} is missing", hint=f"remove {folder} and register it again"
            )
    return entry


def _kind(error: Exception) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else type(error).__name__


def _parse(meta: Json, folder: Path) -> Entry:
    """Return the entry that parsed JSON states; KeyError, TypeError or ValueError where it is not one."""
    if not isinstance(meta, dict) or meta["meta_version"] != META_VERSION or meta["kind"] not in ("artifact", "bundle"):
        raise ValueError("meta_version, kind")
    if (meta["name"], meta["version"]) != (folder.parent.name, folder.name):
        raise ValueError("name, version")
    versions, data = meta["versions"], meta["data"]
    if not isinstance(versions, dict) or not isinstance(data, list):
        raise TypeError("versions, data")
    framework = meta["framework"]
    return Entry(
        kind=cast(Kind, meta["kind"]),
        name=folder.parent.name,
        version=folder.name,
        folder=folder,
        artifact=_file_name(meta["artifact"]),
        sha256=_sha256(meta["sha256"]),
        size_bytes=_size(meta["size_bytes"]),
        framework=None if framework is None else _text(framework),
        versions={name: _text(version) for name, version in versions.items()},
        data=tuple(_data_file(file) for file in data),
        registered_by=_text(meta["registered_by"]),
    )


def _data_file(file: Json) -> DataFile:
    if not isinstance(file, dict):
        raise TypeError("data")
    return DataFile(_file_name(file["file"]), _sha256(file["sha256"]), _size(file["size_bytes"]))


def is_file_name(name: str) -> bool:
    """Say whether a file of this name may lie in an entry: plain, visible, not ours."""
    return name != META and not name.startswith(".") and re.fullmatch(r"[^/\\\x00-\x1f\x7f]{1,200}", name) is not None


def _file_name(value: Json) -> str:
    name = _text(value)
    if not is_file_name(name):
        raise ValueError("file name")
    return name


def _sha256(value: Json) -> str:
    digest = _text(value)
    if re.fullmatch("[0-9a-f]{64}", digest) is None:
        raise ValueError("sha256")
    return digest


def _size(value: Json) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("size_bytes")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("text")
    return value


def version_order(version: str) -> list[tuple[int, int, str]]:
    """Return a sort key that reads runs of digits as numbers: 2 before 10, 1.9 before 1.10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", version)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


def visible(folder: Path) -> list[str]:
    """Return the names in `folder` that may be names or versions: folders, not hidden, not reached through a link."""
    if not folder.is_dir():
        return []
    return sorted(
        item.name for item in folder.iterdir() if is_safe(item.name) and item.is_dir() and not item.is_symlink()
    )
