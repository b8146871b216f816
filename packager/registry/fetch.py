"""A source URI in, the artifact's own file out. One row per scheme; a known scheme without a row says so by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from packager.errors import SourceError
from packager.recipe import schemes
from packager.registry.directory import DirectoryRegistry
from packager.registry.entry import Fetched
from packager.registry.locate import Uri, parse_uri, registry_root


class Registry(Protocol):
    """A place that artifacts come from."""

    def fetch(self, uri: Uri) -> Fetched:
        """Return the artifact that `uri` names; SourceError if it is not there."""


class Files:
    """The file system: an artifact without a version or data files of its own."""

    def fetch(self, uri: Uri) -> Fetched:
        """Return the file itself; SourceError with the nearest names if it is missing, a folder or no plain file."""
        if uri.path is None:
            raise SourceError(f"{uri.text} is no file")
        try:
            return _plain_file(uri.path, uri.text)
        except OSError as error:
            raise SourceError(f"cannot read {uri.text}: {(error.strerror or 'unreadable').lower()}") from None


SCHEMES: dict[str, Callable[[Path, Mapping[str, str]], Registry]] = {
    "path": lambda base, environ: Files(),
    "file": lambda base, environ: Files(),
    "registry": lambda base, environ: DirectoryRegistry(registry_root(base, environ)),
}

_LISTED = 5


def fetch_source(uri: str, *, base: Path, environ: Mapping[str, str]) -> Fetched:
    """Return where the artifact of `uri` lies; `base` is the recipe's folder.

    RecipeError for a malformed URI, SourceError for a missing artifact or a scheme without a reader in this version.
    Nothing is hashed here: whoever reads the artifact checks the bytes that it reads.
    """
    parsed = parse_uri(uri, base=base)
    reader = SCHEMES.get(parsed.scheme)
    if reader is None:
        raise SourceError(
            f"{schemes.SCHEMES[parsed.scheme].form} is known, but cannot be read in this version",
            hint="download the artifact and name its path, or `package register` it",
        )
    return reader(base, environ).fetch(parsed)


def find_bundle(uri: str, *, base: Path, environ: Mapping[str, str]) -> tuple[Path, str | None]:
    """Return the folder of a published bundle and the digest that its registry states; of a path None.

    RecipeError for a malformed URI, SourceError for what is not there, is no bundle, or has a scheme without a reader.
    """
    parsed = parse_uri(uri, base=base)
    if parsed.path is not None:
        if not parsed.path.is_dir():
            raise SourceError(
                f"{uri} is not the folder of a bundle", hint=None if parsed.path.exists() else _nearest(parsed.path)
            )
        return parsed.path, None
    if parsed.scheme != "registry":
        raise SourceError(
            f"{schemes.SCHEMES[parsed.scheme].form} is known, but cannot be read in this version",
            hint="download the bundle and name its folder",
        )
    entry = DirectoryRegistry(registry_root(base, environ)).get(parsed.name, parsed.version)
    if entry.kind != "bundle":
        raise SourceError(f"{entry.uri} is an artifact, not a bundle", hint="name a bundle that was published")
    return entry.path, entry.sha256


def _plain_file(path: Path, shown: str) -> Fetched:
    if not path.exists():
        raise SourceError(f"no artifact at {shown}", hint=_nearest(path))
    if path.is_dir():
        inside = sorted(item.name for item in path.iterdir() if item.is_file() and not item.name.startswith("."))
        listed = f"name the file in it: {', '.join(inside[:_LISTED])}" if inside else None
        raise SourceError(f"{shown} is a folder; an artifact is a file", hint=listed)
    if not path.is_file():
        raise SourceError(f"{shown} is no plain file")
    path.open("rb").close()
    return Fetched(path)


def _nearest(path: Path) -> str:
    """Return a hint that names what is there instead."""
    folder = path.parent
    while not folder.is_dir():
        path, folder = folder, folder.parent
    names = sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))
    near = get_close_matches(path.name, names, n=_LISTED, cutoff=0.5)
    if near:
        return f"in {folder} there is {', '.join(near)}"
    return f"{folder} has no {path.name}"
