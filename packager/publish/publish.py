"""A checked bundle in, its place in a registry out; the bytes that are published are the bytes that were checked.

A bundle whose gate did not pass, or that is not what its manifest says, is never published. Publishing again is fine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, cast

from packager.artifact import Bundle
from packager.errors import PublishError, RecipeError, SourceError
from packager.files import canonical_json
from packager.recipe import schemes
from packager.recipe.names import LATEST
from packager.registry.contents import MANIFEST, BundleContents
from packager.registry.directory import DirectoryRegistry
from packager.registry.locate import Uri, parse_uri, registry_root

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

PASSED = "passed"


@dataclass(frozen=True)
class Published:
    """Where a bundle lies now. `already_there`: the same bundle lay there before, and nothing was written."""

    uri: str
    digest: str
    already_there: bool


class Publisher(Protocol):
    """A place that bundles go to."""

    def publish(self, contents: BundleContents, uri: Uri, version: str, *, dry_run: bool) -> Published:
        """Put the bundle there under `version`; PublishError if another one lies there."""


@dataclass(frozen=True)
class DirectoryPublisher:
    """Publishes into a directory registry."""

    registry: DirectoryRegistry

    def publish(self, contents: BundleContents, uri: Uri, version: str, *, dry_run: bool) -> Published:
        """Copy the bundle in, hashing on the way; a dry run tells what would happen and writes nothing."""
        try:
            there = self.registry.find(uri.name, version)
            if not dry_run:
                self.registry.put_bundle(contents, uri.name, version)
        except SourceError as error:
            raise PublishError(error.message, hint=error.hint) from None
        if there is not None and (there.kind, there.sha256) != ("bundle", contents.digest):
            told = f"{there.uri} holds another {there.kind}, and a version never changes"
            raise PublishError(told, measured=there.sha256, limit=contents.digest)
        return Published(f"registry://{uri.name}/{version}", contents.digest, there is not None)


PUBLISHERS: dict[str, Callable[[Path, Mapping[str, str]], Publisher]] = {
    "registry": lambda base, environ: DirectoryPublisher(DirectoryRegistry(registry_root(base, environ))),
}


def publish(bundle: Bundle, to: str, *, base: Path, environ: Mapping[str, str], dry_run: bool = False) -> Published:
    """Publish `bundle`, whose files were checked against `bundle.digest`, to the URI `to`.

    The version defaults to the bundle's own. `base` is the folder beside which `registry/` lies. RecipeError for a
    malformed URI; PublishError for a scheme that cannot be written, a gate that did not pass, other bytes.
    """
    uri = parse_uri(to, base=base)
    publisher = PUBLISHERS.get(uri.scheme)
    if publisher is None:
        form = schemes.SCHEMES[uri.scheme].form
        hint = f"publish to {', '.join(schemes.SCHEMES[name].form for name in PUBLISHERS)}"
        raise PublishError(f"publishing to {form} is not available in this version", hint=hint)
    if uri.version == LATEST:
        raise RecipeError(f"{to}: '{LATEST}' is no version to publish under", hint="leave the version out")
    contents, version = _read(bundle)
    return publisher(base, environ).publish(contents, uri, uri.version or version, dry_run=dry_run)


def _read(bundle: Bundle) -> tuple[BundleContents, str]:
    """Return what the manifest states, and the bundle's version; PublishError unless it is the checked manifest."""
    try:
        manifest = (bundle.path / MANIFEST).read_bytes()
        values = cast(dict[str, Json], json.loads(manifest))
        digest = hashlib.sha256(canonical_json({k: v for k, v in values.items() if k != "digest"})).hexdigest()
        files = {str(file["path"]): str(file["sha256"]) for file in cast(list[dict[str, Json]], values["files"])}
        gate, version = cast(dict[str, Json], values["lineage"]).get("gate"), str(values["version"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PublishError(f"{bundle.path} is not a bundle: its {MANIFEST} cannot be read") from None
    if digest != bundle.digest or values["digest"] != digest:
        raise PublishError(
            f"{bundle.path / MANIFEST} was changed after it was checked", measured=digest, limit=bundle.digest
        )
    if gate != PASSED:
        raise PublishError(
            f"{bundle.path} did not pass its gate", measured=gate or "no gate", limit=PASSED, hint="see its report"
        )
    return BundleContents(bundle.path, digest, manifest, files), version
