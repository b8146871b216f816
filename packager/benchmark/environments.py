"""The environment that a target runs in: the tool's own, or one that is made on demand for a flavour of ONNX Runtime.

Flavours overwrite each other where they are installed together, so each has a folder of its own, cached by exact
requirements, Python and platform. A folder is whole or not there; what can't be made is unavailable, with the reason.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packager.recipe.providers import Provider
from packager.runtime.virtual_environment import EnvironmentUnavailable, cache_folder, create, install, keep, python_of

# What every build of ONNX Runtime depends on and loads: models and rows are read by the same code everywhere.
_ALIKE = ("numpy", "protobuf", "flatbuffers")


@dataclass(frozen=True)
class Environment:
    """A Python that has one flavour of ONNX Runtime. `folder` is None where it is the tool's own."""

    python: Path
    package: str
    version: str | None
    folder: Path | None = None

    @property
    def size_bytes(self) -> int | None:
        """Return the size of the files that were made for it; None for the tool's own."""
        if self.folder is None:
            return None
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files)


def environment_for(provider: Provider, *, environ: Mapping[str, str] = os.environ) -> Environment:
    """Return the environment that holds the provider, made now where it is not there yet.

    EnvironmentUnavailable where the system, a driver, a wheel or the network is missing. Takes at most 15 minutes.
    """
    _require_system(provider)
    package = provider.package or "onnxruntime"
    if provider.requirement is None:
        return Environment(Path(sys.executable), package, _own_version(package))
    requirements = requirements_of(provider)
    version = provider.requirement.partition("==")[2]
    folder = cache_folder(environ) / f"{package}-{version}-{_key(requirements)}"

    def fill(staging: Path, deadline: float) -> None:
        create(staging, Path(sys.executable), deadline=deadline, environ=environ)
        install(staging, requirements, deadline=deadline, environ=environ)

    keep(folder, fill)
    return Environment(python_of(folder), package, version, folder)


def requirements_of(provider: Provider) -> tuple[str, ...]:
    """Return exactly what is installed: the flavour, and what it loads at the versions that the tool has."""
    flavour = () if provider.requirement is None else (provider.requirement,)
    return (*flavour, *(f"{name}=={metadata.version(name)}" for name in _ALIKE))


def _require_system(provider: Provider) -> None:
    system = platform.system()
    if provider.systems and system not in provider.systems:
        raise EnvironmentUnavailable(f"{provider.name} runs on {' and '.join(provider.systems)}, and this is {system}")
    if provider.driver is not None and system == "Linux" and not _is_there(provider.driver):
        raise EnvironmentUnavailable(f"{provider.name} needs {provider.driver}, and this machine has none")


def _is_there(driver: str) -> bool:
    if driver.startswith("/"):
        return Path(driver).exists()
    try:
        ctypes.CDLL(driver)
    except OSError:
        return False
    return True


def _own_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _key(requirements: tuple[str, ...]) -> str:
    """Return twelve digits that stand for exactly these requirements under this Python on this platform."""
    built_for = (sys.executable, platform.python_version(), platform.system(), platform.machine(), *requirements)
    return hashlib.sha256("\n".join(built_for).encode()).hexdigest()[:12]
