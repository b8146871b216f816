"""`package register`: audit an artifact, then keep it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from packager.errors import SourceError
from packager.registry.directory import DirectoryRegistry, Facts
from packager.registry.locate import registry_root
from packager.source.audit import audit


def register_artifact(artifact: Path, name: str, version: str | None, data: Path | None) -> dict[str, Any]:
    """Register the artifact and return what is now in the registry; a hostile file is not kept."""
    for path in (artifact, data):
        if path is not None and not path.is_file():
            raise SourceError(f"{path} is not a file", hint="name the artifact's own file")
    found = audit(artifact)
    registry = DirectoryRegistry(registry_root(Path.cwd(), os.environ))
    facts = Facts(framework_of(found.globals, found.format), found.versions)
    entry = registry.register(artifact, name, version=version, data=data, facts=facts)
    return {"uri": entry.uri, "artifact": str(entry.path), "sha256": entry.sha256, "framework": entry.framework}


def framework_of(imported: tuple[str, ...], file_format: str) -> str:
    """Return the framework that an audit's globals speak of."""
    lightgbm = file_format == "lightgbm-text" or any(name.startswith("lightgbm.") for name in imported)
    return "lightgbm" if lightgbm else "scikit-learn"
