"""`package inspect`: what an artifact or a bundle is. What loading would import is found without loading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packager.artifact import Column
from packager.bundle.fast_path import BINNED_FILE, FastPath
from packager.bundle.manifest import Json, check_digests
from packager.bundle.model_info import read_info
from packager.commands.looking import look
from packager.commands.register import framework_of
from packager.errors import SourceError


def inspect_path(path: Path, trust: Sequence[str]) -> dict[str, Any]:
    """Return the facts of an artifact's file or a bundle's folder."""
    if (path / "manifest.json").is_file():
        return inspect_bundle(path)
    if not path.is_file():
        raise SourceError(f"{path} is neither an artifact's file nor a bundle's folder")
    return inspect_artifact(path, trust)


def inspect_artifact(path: Path, trust: Sequence[str]) -> dict[str, Any]:
    """Audit a copy of the artifact; if it would load here, load it in the source worker and describe it."""
    looked = look(path, trust)
    found = looked.audit
    facts: dict[str, Any] = {
        "artifact": str(path),
        "sha256": looked.sha256,
        "size_bytes": looked.size_bytes,
        "format": f"{found.format}{f', {found.compression}' if found.compression else ''}",
        "framework": framework_of(found.globals, found.format),
        "written_by": looked.written_by,
        "imports": list(found.globals),
    }
    if looked.described is None:
        return facts | ({"not_loaded": list(looked.skewed)} if looked.skewed else {"not_described": looked.reason})
    signature = looked.described.signature
    return {
        **facts,
        "estimators": list(looked.described.estimators),
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
        **({} if info.fast_path is None else {"fast_path": _fast(info.fast_path)}),
        "task": info.signature.task,
        "classes": list(info.signature.classes or ()),
        "inputs": [_told(column) for column in info.signature.columns],
        "outputs": [f"{output.name} ({output.role})" for output in info.signature.outputs],
    }


def _fast(fast: FastPath) -> str:
    otherwise = "init() fails otherwise" if fast.mode == "require" else "else model.onnx serves"
    return f"{BINNED_FILE} ({fast.model.size:,} bytes) on {fast.system} {fast.machine}, {otherwise}"


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
