"""A recipe's champion: a published bundle or a bundle's folder in, an open and checked model out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packager.artifact import Signature
from packager.bundle.graph import open_served
from packager.bundle.manifest import MANIFEST, check_digests
from packager.bundle.model_info import MODEL_FILE, read_info
from packager.errors import BundleError, RecipeError, SourceError, VerifyError
from packager.recipe.metrics import METRICS
from packager.recipe.model import Recipe
from packager.registry.fetch import find_bundle
from packager.verify.champion import Champion
from packager.verify.reading import drift_metric


def open_champion(recipe: Recipe, signature: Signature, *, environ: Mapping[str, str]) -> Champion | None:
    """Return the champion, whose bytes are those of its manifest, or None where the recipe names none.

    VerifyError where it is no bundle, was changed, or answers other things than the new model.
    """
    asked = recipe.verify.champion
    if asked is None:
        return None
    metric = drift_metric(signature, recipe)
    try:
        folder, digest = _folder(asked.uri, recipe.path.parent, environ)
        manifest = check_digests(folder)
        if digest not in (None, manifest.digest):
            raise BundleError(f"{folder} is not the bundle that was published", measured=manifest.digest, limit=digest)
        info = read_info(folder / "code")
        champion = Champion(asked.uri, manifest.digest, open_served(folder / "model" / MODEL_FILE, info.signature))
        champion.check_answers(signature, METRICS[metric].needs if metric else "value")
    except (BundleError, RecipeError, SourceError, VerifyError) as error:
        message = error.message if isinstance(error, VerifyError) else f"no champion: {error.message}"
        key = recipe.where("verify.champion.uri")
        raise VerifyError(message, measured=error.measured, limit=error.limit, key=key, hint=error.hint) from None
    return champion


def _folder(uri: str, base: Path, environ: Mapping[str, str]) -> tuple[Path, str | None]:
    """Return the bundle's folder, and the digest that its registry states, None where it lies in no registry."""
    folder, digest = find_bundle(uri, base=base, environ=environ)
    within = folder / "bundle"  # what `--out` holds for a build
    return (within if not (folder / MANIFEST).exists() and within.is_dir() else folder), digest
