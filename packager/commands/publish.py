"""`package publish`: check a bundle against its manifest, then upload it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from packager.artifact import Bundle
from packager.bundle.manifest import check_digests
from packager.errors import BundleError, PublishError
from packager.publish import publish as publishing


def publish_bundle(bundle: Path, to: str, *, dry_run: bool) -> dict[str, Any]:
    """Publish and return where the bundle lies now."""
    try:
        manifest = check_digests(bundle)
    except BundleError as error:
        raise PublishError(error.message, hint="publish a bundle as it was built") from error
    checked = Bundle(bundle, manifest.digest)
    done = publishing.publish(checked, to, base=Path.cwd(), environ=os.environ, dry_run=dry_run)
    state = "already there" if done.already_there else "would be written" if dry_run else "written"
    return {"uri": done.uri, "digest": done.digest, "state": state}
