"""Where a result may go, found out before anything is measured: a place that can be written, and in no bundle.

A file more in a bundle and its digests no longer hold. RecipeError (2) is the answer to everything else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from packager.bundle.manifest import MANIFEST
from packager.errors import RecipeError


def require_file(out: Path, option: str) -> None:
    """Refuse a file that cannot be written here; what is there already is replaced only where it is a file."""
    if out.exists() and not out.is_file():
        kind = "a folder" if out.is_dir() else "no regular file"
        raise RecipeError(f"{option} {out} is {kind}", hint=f"name a file, as {option} result.json")
    _require(out.parent, out, option)


def require_folder(out: Path, option: str) -> None:
    """Refuse a folder that cannot be made or written here."""
    if out.exists() and not out.is_dir():
        raise RecipeError(f"{option} {out} is no folder", hint="name a folder, or one that is to be made")
    _require(out, out, option)


def _require(folder: Path, out: Path, option: str) -> None:
    """Refuse a bundle, and where no file can be made; nothing is left there."""
    whole = folder.resolve()
    if bundle := _bundle(whole, *whole.parents):
        raise RecipeError(
            f"{option} {out} lies in the bundle {bundle}, which would no longer be what its manifest says",
            hint="choose a place beside it",
        )
    existing = next(place for place in (whole, *whole.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise RecipeError(f"{option} {out} cannot be written: {error.strerror}", hint="choose another place") from None


def _bundle(*folders: Path) -> Path | None:
    """Return the first folder that is a bundle: others have a manifest.json too, but no code/ beside it."""
    found: Iterable[Path] = (one for one in folders if (one / MANIFEST).is_file() and (one / "code").is_dir())
    return next(iter(found), None)
