"""Look at an artifact: hashed, audited without loading it, and where it loads here, described by the source worker."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from packager.artifact import Signature, signature_from
from packager.errors import PackagerError
from packager.files import copy_hashed
from packager.source.audit import Audit, audit
from packager.source.child import memory_limit_bytes, source_worker
from packager.source.modules import locate
from packager.source.versions import skew

_CPU_S = 600
_COMPARED = ("scikit-learn", "numpy", "lightgbm")


@dataclass(frozen=True)
class Described:
    """What a loaded model says of itself; `names_are_own` where its columns have names that it was trained with."""

    estimators: tuple[str, ...]
    signature: Signature
    names_are_own: bool


@dataclass(frozen=True)
class Looked:
    """`described` is None where the artifact does not load here: `skewed` or `reason` says why."""

    sha256: str
    size_bytes: int
    audit: Audit
    skewed: tuple[str, ...] = ()
    described: Described | None = None
    reason: str | None = None

    @property
    def written_by(self) -> list[str]:
        """Return the libraries that the artifact says it was written by."""
        return [f"{name} {version}" for name, version in self.audit.versions.items()]


def look(path: Path, trust: Sequence[str]) -> Looked:
    """Audit a private copy of the file, then have the source worker load and describe it; SourceError where refused."""
    with tempfile.TemporaryDirectory(prefix="packager-") as folder:
        copy = Path(folder) / "source" / path.name
        copy.parent.mkdir()
        sha256 = copy_hashed(path, copy)
        found, size_bytes = audit(copy, trust=trust), copy.stat().st_size
        skewed = skew(found.versions, {name: metadata.version(name) for name in _COMPARED})
        if skewed:
            return Looked(sha256, size_bytes, found, skewed=tuple(skewed))
        described = _describe(copy, found.format, Path(folder), trust)
        if isinstance(described, str):
            return Looked(sha256, size_bytes, found, reason=described)
        return Looked(sha256, size_bytes, found, described=described)


def _describe(artifact: Path, file_format: str, scratch: Path, trust: Sequence[str]) -> Described | str:
    """Return what the model is, or why it is not told."""
    modules = {name: asdict(place) for name, place in locate(trust, Path.cwd()).items()}
    with source_worker(scratch) as worker:
        try:
            limit = memory_limit_bytes(artifact.stat().st_size)
            worker.ask("confine", scratch=str(scratch), memory_bytes=limit, cpu_s=_CPU_S, modules=modules)
            worker.ask("load", path=str(artifact), file_format=file_format)
            described = worker.ask("describe", structure=str(scratch / "structure.npz"))
        except PackagerError as error:
            return error.message
    signature = signature_from(described["signature"])
    return Described(tuple(described["estimators"]), signature, bool(described["names_are_own"]))
