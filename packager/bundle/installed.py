"""How much of the disk a bundle's environment takes: the packages of conda.yml and all they need, as installed here.

Python itself is not among them. A package that is not installed here, or is in another version, leaves a reason.
"""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path


def environment_bytes(conda: Path) -> tuple[int | None, str | None]:
    """Return the bytes of all files of the environment's packages, or None and the reason why nobody knows."""
    import yaml

    parts = yaml.safe_load(conda.read_text(encoding="utf-8"))["dependencies"]
    pins = [pin for part in parts if isinstance(part, dict) for pin in part.get("pip", ())]
    found: dict[str, metadata.Distribution] = {}
    try:
        for pin in pins:
            _gather(pin, found)
        return sum(_size(distribution) for distribution in found.values()), None
    except _Unknown as error:
        return None, str(error)


class _Unknown(Exception):
    """The environment is not the one that is installed here; the message says in what."""


def _gather(written: str, found: dict[str, metadata.Distribution], extras: frozenset[str] = frozenset()) -> None:
    """Add the package that a requirement names, and what it needs in turn."""
    from packaging.requirements import Requirement

    wanted = Requirement(written)
    if wanted.marker is not None and not any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
        return
    name = re.sub(r"[-_.]+", "-", wanted.name).lower()
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise _Unknown(f"{name} is not installed here") from None
    if not wanted.specifier.contains(distribution.version, prereleases=True):
        raise _Unknown(f"{name}{wanted.specifier} is wanted, {distribution.version} is installed here")
    if name in found and not wanted.extras:
        return
    found[name] = distribution
    for more in distribution.requires or ():
        _gather(more, found, frozenset(wanted.extras))


def _size(distribution: metadata.Distribution) -> int:
    """Return the bytes of the files in a package's RECORD; of a file without a size there, those on disk."""
    files = distribution.files
    if files is None:
        raise _Unknown(f"{distribution.name} does not list its files here")
    return sum(file.size if file.size is not None else _on_disk(distribution, file) for file in files)


def _on_disk(distribution: metadata.Distribution, file: metadata.PackagePath) -> int:
    try:
        return Path(str(distribution.locate_file(file))).stat().st_size
    except OSError:
        return 0
