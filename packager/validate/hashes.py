"""The hashes that a bundle ships for its container, against those of the index that its environment was made from."""

from __future__ import annotations

from pathlib import Path

from packager.bundle.finding import Finding
from packager.bundle.requirements import parse_lock

REQUIREMENTS = "container/requirements.txt"
_HINT = "build the bundle anew; where the index is one of your own, its files are other builds than the public ones"


def hash_findings(bundle: Path, lock: str) -> list[Finding]:
    """Return which packages the container's build would refuse: of the same version, no file has a shipped hash."""
    path = bundle / REQUIREMENTS
    if not path.is_file():
        return []
    shipped, found = parse_lock(path.read_text(encoding="utf-8", errors="replace")), parse_lock(lock)
    unlike = sorted(
        name
        for (name, version), hashes in shipped.items()
        if hashes and (name, version) in found and not set(hashes) & set(found[name, version])
    )
    if not unlike:
        return []
    message = f"hashes do not match those of the index: {', '.join(unlike[:5])}{' and others' * (len(unlike) > 5)}"
    return [Finding("ImageBuildFailure", "environment", message, _HINT, REQUIREMENTS, f"{len(unlike)} packages", 0)]
