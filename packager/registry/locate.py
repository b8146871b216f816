"""URIs: text in, a parsed `Uri` out. A malformed one is a mistake of the recipe or the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packager.errors import RecipeError
from packager.recipe.names import LATEST
from packager.recipe.schemes import PATH, scheme_of, uri_problem

REGISTRY_VARIABLE = "PACKAGE_REGISTRY"


@dataclass(frozen=True)
class Uri:
    """`text` as written; an absolute `path` for a path or file, `name` and `version` for a registry, else neither."""

    scheme: str
    text: str
    path: Path | None = None
    name: str = ""
    version: str | None = None


def parse_uri(uri: str, *, base: Path) -> Uri:
    """Parse `uri`; relative paths start at `base`. RecipeError for an unknown scheme or a malformed URI."""
    if problem := uri_problem(uri):
        raise RecipeError(f"not a URI that can be read: {problem}")
    scheme = scheme_of(uri)
    if scheme == PATH:
        return Uri(scheme, uri, path=base.absolute() / uri)
    if scheme == "file":
        return Uri(scheme, uri, path=Path(unquote(urlsplit(uri).path)))
    if scheme == "registry":
        name, _, version = uri.removeprefix("registry://").partition("/")
        return Uri(scheme, uri, name=name, version=version or None)
    return Uri(scheme, uri)


def registry_root(recipe_folder: Path, environ: Mapping[str, str]) -> Path:
    """Return the folder of the directory registry: $PACKAGE_REGISTRY, else `registry/` beside the recipe."""
    if named := environ.get(REGISTRY_VARIABLE):
        return Path(named).absolute()
    return recipe_folder.absolute() / "registry"


def is_latest(version: str | None) -> bool:
    """Say whether a version means the highest that is registered."""
    return version is None or version == LATEST
