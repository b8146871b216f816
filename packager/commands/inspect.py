"""`package inspect`: what an artifact or a bundle is. What loading would import is found without loading."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from packager.artifact import Column, signature_from
from packager.bundle.manifest import Json, check_digests
from packager.bundle.model_info import read_info
from packager.commands.register import framework_of
from packager.errors import PackagerError, SourceError
from packager.files import copy_hashed
from packager.source.audit import audit
from packager.source.child import memory_limit_bytes, source_worker
from packager.source.modules import locate
from packager.source.versions import skew

_CPU_S = 600


def inspect_path(path: Path, trust: Sequence[str]) -> dict[str, Any]:
    """Return the facts of an artifact's file or a bundle's folder."""
    if (path / "manifest.json").is_file():
        return inspect_bundle(path)
    if not path.is_file():
        raise SourceError(f"{path} is neither an artifact's file nor a bundle's folder")
    return inspect_artifact(path, trust)


def inspect_artifact(path: Path, trust: Sequence[str]) -> dict[str, Any]:
    """Audit a copy of the artifact; if it would load here, load it in the source worker and describe it."""
    with tempfile.TemporaryDirectory(prefix="packager-") as folder:
        copy = Path(folder) / "source" / path.name
        copy.parent.mkdir()
        sha256 = copy_hashed(path, copy)
        found = audit(copy, trust=trust)
        facts: dict[str, Any] = {
            "artifact": str(path),
            "sha256": sha256,
            "size_bytes": copy.stat().st_size,
            "format": f"{found.format}{f', {found.compression}' if found.compression else ''}",
            "framework": framework_of(found.globals, found.format),
            "written_by": [f"{name} {version}" for name, version in found.versions.items()],
            "imports": list(found.globals),
        }
        installed = {name: metadata.version(name) for name in ("scikit-learn", "numpy", "lightgbm")}
        if skewed := skew(found.versions, installed):
            return {**facts, "not_loaded": skewed}
        return {**facts, **_described(copy, found.format, Path(folder), trust)}


def _described(artifact: Path, file_format: str, scratch: Path, trust: Sequence[str]) -> dict[str, Any]:
    modules = {name: asdict(place) for name, place in locate(trust, Path.cwd()).items()}
    with source_worker(scratch) as worker:
        try:
            limit = memory_limit_bytes(artifact.stat().st_size)
            worker.ask("confine", scratch=str(scratch), memory_bytes=limit, cpu_s=_CPU_S, modules=modules)
            worker.ask("load", path=str(artifact), file_format=file_format)
            described = worker.ask("describe", structure=str(scratch / "structure.npz"))
        except PackagerError as error:
            return {"not_described": error.message}
    signature = signature_from(described["signature"])
    return {
        "estimators": described["estimators"],
        "task": signature.task,
        "classes": list(signature.classes or ()),
        "inputs": [_told(column) for column in signature.columns],
        "outputs": [f"{output.name} ({output.role})" for output in signature.outputs],
    }


def inspect_bundle(bundle: Path) -> dict[str, Any]:
    """Return what a bundle says of itself, after its digests were checked."""
    manifest = check_digests(bundle)
    info = read_info(bundle / "code")
    return {
        "bundle": str(bundle),
        "name": manifest.name,
        "version": manifest.version,
        "digest": manifest.digest,
        "files": [f"{entry.path} ({entry.size:,} bytes)" for entry in manifest.files],
        "lineage": list(_leaves(manifest.lineage)),
        "model_dtype": info.graph_dtype,
        "task": info.signature.task,
        "classes": list(info.signature.classes or ()),
        "inputs": [_told(column) for column in info.signature.columns],
        "outputs": [f"{output.name} ({output.role})" for output in info.signature.outputs],
    }


def _leaves(document: Json, key: str = "") -> Iterator[str]:
    """Yield `KEY.KEY: VALUE` for every value in a document."""
    if isinstance(document, dict):
        for inner, value in document.items():
            yield from _leaves(value, f"{key}.{inner}" if key else inner)
    else:
        yield f"{key}: {document}"


def _told(column: Column) -> str:
    if column.dtype == "any":
        return f"{column.name}: anything, no step reads it"
    parts = [
        f"{column.name}: {column.dtype}",
        "" if column.known is None else f"one of {len(column.known):,} known values",
        "" if column.minimum is None else f"at least {column.minimum:g}",
        "takes missing cells" if column.accepts_missing else "",
    ]
    return ", ".join(filter(None, parts))
