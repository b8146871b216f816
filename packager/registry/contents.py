"""The bytes behind an entry: copied while they are hashed, and hashed again where they already lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packager.errors import PublishError, SourceError
from packager.files import copy_hashed, sha256_file
from packager.registry.entry import Entry

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class BundleContents:
    """A bundle as its manifest states it: the manifest's own bytes and digest, and the SHA-256 of every other file."""

    folder: Path
    digest: str
    manifest: bytes
    files: Mapping[str, str]

    def check_copy(self, copy: Path) -> None:
        """Check that `copy` holds this bundle; PublishError if it was changed since."""
        whole = _there(copy) == _there_stated(self) and (copy / MANIFEST).read_bytes() == self.manifest
        if not whole or any(sha256_file(copy / path) != sha256 for path, sha256 in self.files.items()):
            raise PublishError(f"{copy} is damaged: it is not what its manifest says", hint=f"remove {copy.parent}")


def copy_bundle(contents: BundleContents, target: Path) -> int:
    """Copy a bundle and return its size; PublishError unless every byte is the one that its manifest states."""
    stated = _there_stated(contents)
    if other := sorted(_there(contents.folder) ^ stated):
        raise PublishError(f"{contents.folder} does not hold the files of its manifest: {', '.join(other[:5])}")
    target.mkdir()
    (target / MANIFEST).write_bytes(contents.manifest)
    for path, sha256 in sorted(contents.files.items()):
        source, copy = contents.folder / path, target / path
        if _leads_out(path) or source.is_symlink() or not source.is_file():
            raise PublishError(f"{source} is no plain file of the bundle")
        copy.parent.mkdir(parents=True, exist_ok=True)
        measured = copy_hashed(source, copy)
        if measured != sha256:
            raise PublishError(
                f"{source} is not the file that the manifest states", measured=measured, limit=sha256, hint=_ANEW
            )
    return sum((target / path).stat().st_size for path in stated)


def check_whole(entry: Entry) -> None:
    """Check that an entry's files are those that its meta.json states; SourceError if one was changed."""
    stated = {entry.artifact: entry.sha256} | {file.name: file.sha256 for file in entry.data}
    for name, sha256 in stated.items():
        if sha256_file(entry.folder / name) != sha256:
            raise SourceError(
                f"{entry.uri} is damaged: {name} was changed after it was registered",
                hint=f"remove {entry.folder} and register it again",
            )


_ANEW = "build the bundle anew"


def _there(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}


def _there_stated(contents: BundleContents) -> set[str]:
    return {MANIFEST, *contents.files}


def _leads_out(path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.is_absolute() or ".." in pure.parts
