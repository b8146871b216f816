"""From a URI to bytes that were hashed, audited and found loadable here.

In: the recipe's source section and the scratch folder. Out: a private copy of the artifact with its audit, or
SourceError. The bytes that were hashed are the bytes that are loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packager.errors import SourceError
from packager.files import copy_hashed
from packager.recipe.model import Recipe
from packager.registry.entry import Fetched
from packager.registry.fetch import fetch_source
from packager.source.audit import Audit, audit
from packager.source.versions import skew

_COMPARED = ("scikit-learn", "numpy", "lightgbm")


@dataclass(frozen=True)
class Artifact:
    """The copied artifact. `origin` is what was copied; `data_files` are rows that were registered with it."""

    path: Path
    origin: Path
    uri: str
    sha256: str
    size_bytes: int
    version: str
    data_files: tuple[Path, ...]
    audit: Audit


@dataclass(frozen=True)
class Copied:
    """The private copy, hashed, before anything of it was read. `version` is what the bundle will carry."""

    path: Path
    sha256: str
    version: str
    fetched: Fetched


def copy_artifact(recipe: Recipe, scratch: Path, *, environ: Mapping[str, str]) -> Copied:
    """Copy the artifact into `scratch` while hashing it."""
    source = recipe.source
    fetched = fetch_source(source.uri, base=recipe.path.parent, environ=environ)
    copy = scratch / "source" / fetched.path.name  # errors name the file as its owner knows it
    copy.parent.mkdir()
    try:
        sha256 = copy_hashed(fetched.path, copy)
    except OSError as error:
        raise SourceError(f"cannot read {source.uri}: {error.strerror}", key=recipe.where("source.uri")) from error
    return Copied(copy, sha256, recipe.version or fetched.version or sha256[:12], fetched)


def accept(recipe: Recipe, copied: Copied) -> Artifact:
    """Check the pin, audit the copy, refuse version skew."""
    entry = copied.fetched.entry
    _check_digest(recipe, copied.sha256, entry.sha256 if entry else None)
    found = audit(copied.path, trust=recipe.source.trust)
    _refuse_skew(found.versions, recipe)
    return Artifact(
        path=copied.path,
        origin=copied.fetched.path,
        uri=recipe.document["source"]["uri"],  # type: ignore[index, call-overload, arg-type]
        sha256=copied.sha256,
        size_bytes=copied.path.stat().st_size,
        version=copied.version,
        data_files=copied.fetched.data_files,
        audit=found,
    )


def _check_digest(recipe: Recipe, sha256: str, registered: str | None) -> None:
    if recipe.source.sha256 is not None and recipe.source.sha256 != sha256:
        raise SourceError(
            f"{recipe.source.uri} is not the artifact that the recipe pins",
            measured=f"sha256 {sha256}",
            limit=recipe.source.sha256,
            key=recipe.where("source.sha256"),
            hint="pin the digest of the artifact that you mean, or restore that artifact",
        )
    if registered is not None and registered != sha256:
        raise SourceError(
            f"{recipe.source.uri} was changed after it was registered",
            measured=f"sha256 {sha256}",
            limit=registered,
            key=recipe.where("source.uri"),
            hint="register the changed artifact as a new version",
        )


def _refuse_skew(written: dict[str, str], recipe: Recipe) -> None:
    installed = {name: metadata.version(name) for name in _COMPARED}
    sentences = skew(written, installed)
    if not sentences:
        return
    wanted = ", ".join(f"{name} {version}" for name, version in _series(written).items())
    raise SourceError(
        f"the artifact was written by other library versions than those that would load it: {'; '.join(sentences)}",
        key=recipe.where("source.environment"),
        hint=f"train the model anew with the installed versions, or build where {wanted} is installed",
    )


def _series(written: dict[str, str]) -> dict[str, str]:
    """Return the versions that count: scikit-learn's with its minor part, the others' major part."""
    kept = {"scikit-learn": 2, "numpy": 1, "lightgbm": 1}
    parts = {name: written[name].split(",")[0].split(".") for name in kept if name in written}
    return {name: ".".join(part[: kept[name]]) for name, part in parts.items()}
