"""The environment that a target runs in: the tool's own, or one that is made on demand for a flavour of ONNX Runtime.

Flavours overwrite each other where they are installed together, so each has a folder of its own, cached by exact
requirements, Python and platform. A folder is whole or not there; what can't be made is unavailable, with the reason.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packager.files import replaced_folder
from packager.recipe.providers import Provider

# A flavour with CUDA's libraries is 3 GB; on a slow line that is a quarter of an hour. Nothing waits longer.
_MAKE_S = 900.0
_POLL_S = 0.2
# Where there is no network, saying so must not take minutes: one repetition, half a minute each.
_PIP = ("--no-input", "--disable-pip-version-check", "--quiet", "--retries", "1", "--timeout", "30")
# Packages are installed as wheels alone: what would have to be compiled is not to be had here.
_WHEELS_ONLY = ("--only-binary", ":all:")
# What would lead the other Python back to the packages of this one.
_LEFT_OUT = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
)
_REASON_LENGTH = 240
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


class EnvironmentUnavailable(Exception):
    """The environment can't be made here; the message says why."""


def environment_for(provider: Provider, *, environ: Mapping[str, str] = os.environ) -> Environment:
    """Return the environment that holds the provider, made now where it is not there yet.

    EnvironmentUnavailable where the system, a driver, a wheel or the network is missing. Takes at most 15 minutes.
    """
    _require_system(provider)
    package = provider.package or "onnxruntime"
    if provider.requirement is None:
        return Environment(Path(sys.executable), package, _own_version(package))
    requirements = requirements_of(provider)
    name, _, version = provider.requirement.partition("==")
    folder = cache_folder(environ) / f"{package}-{version}-{_key(requirements)}"
    try:
        with _alone(folder, time.monotonic() + _MAKE_S) as deadline:
            if not python_of(folder).exists():  # nor where somebody tidied up within it
                with replaced_folder(folder) as staging:
                    _make(staging, requirements, deadline=deadline, environ=environ)
    except OSError as error:
        raise EnvironmentUnavailable(f"{name} can't be installed into {folder}: {error.strerror or error}") from None
    return Environment(python_of(folder), package, version, folder)


def requirements_of(provider: Provider) -> tuple[str, ...]:
    """Return exactly what is installed: the flavour, and what it loads at the versions that the tool has."""
    flavour = () if provider.requirement is None else (provider.requirement,)
    return (*flavour, *(f"{name}=={metadata.version(name)}" for name in _ALIKE))


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Return where environments are kept: below $XDG_CACHE_HOME, else ~/.cache."""
    try:
        cache = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    except RuntimeError as error:  # a user without a home
        raise EnvironmentUnavailable(f"no folder to keep it in: {error}; set XDG_CACHE_HOME") from None
    return Path(cache) / "packager" / "environments"


def python_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


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


@contextmanager
def _alone(folder: Path, deadline: float) -> Iterator[float]:
    """Hold the lock of one environment; the system lets go of it where a process is killed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as stream:
        while not _locked(stream.fileno()):
            if time.monotonic() > deadline:
                raise EnvironmentUnavailable(f"another process has been making {folder} for {_MAKE_S:.0f} s")
            time.sleep(_POLL_S)
        yield deadline


def _locked(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # no such locks on Windows: the folder's rename is what decides there
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(folder: Path, requirements: tuple[str, ...], *, deadline: float, environ: Mapping[str, str]) -> None:
    """Fill an empty folder with a virtual environment, by uv where it is on the PATH, else by venv and pip."""
    python = str(python_of(folder))
    uv = shutil.which("uv", path=environ.get("PATH"))
    if uv is not None:
        commands = [
            [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--quiet", *_WHEELS_ONLY, "--python", python, *requirements],
        ]
    else:
        commands = [
            [sys.executable, "-I", "-m", "venv", str(folder)],
            [python, "-I", "-m", "pip", "install", *_PIP, *_WHEELS_ONLY, *requirements],
        ]
    kept = {name: value for name, value in environ.items() if name not in _LEFT_OUT}
    for command in commands:
        _run(command, kept, what=requirements[0], deadline=deadline)


def _run(command: list[str], environ: dict[str, str], *, what: str, deadline: float) -> None:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=max(deadline - time.monotonic(), 1.0),
            check=False,
            env=environ,
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentUnavailable(f"{what} was not installed within {_MAKE_S:.0f} s") from None
    if done.returncode != 0:
        raise EnvironmentUnavailable(f"{what} can't be installed here: {_why(done.stderr or done.stdout)}")


def _why(said: str) -> str:
    """Return the line of an installer's output that tells the cause."""
    lines = [" ".join(re.sub(r"\x1b\[[0-9;]*m", "", line).split()) for line in said.splitlines()]
    told = [line for line in lines if line.lower().startswith(("error", "×", "╰"))] or [line for line in lines if line]
    cause = (
        " ".join(told[-2:]) if told and told[-1].startswith("╰") else (told[-1:] or ["the installer said nothing"])[0]
    )
    return cause[:_REASON_LENGTH]
