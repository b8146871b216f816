"""Virtual environments, made on demand and kept: a folder is whole or not there, and one process makes it.

Requirements and an interpreter go in, a folder comes out; what can't be made is unavailable, with the reason.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from packager.files import replaced_folder

# An environment with CUDA's libraries is 3 GB; on a slow line that is a quarter of an hour. Nothing waits longer.
MAKE_S = 900.0
_POLL_S = 0.2
# Where there is no network, saying so must not take minutes: one repetition, half a minute each.
PIP = ("--no-input", "--disable-pip-version-check", "--quiet", "--retries", "1", "--timeout", "30")
# Packages are installed as wheels alone: what would have to be compiled is not to be had here.
WHEELS_ONLY = ("--only-binary", ":all:")
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


class EnvironmentUnavailable(Exception):
    """The environment can't be made here; the message says why. `said` is all that the installer said."""

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


def keep(folder: Path, fill: Callable[[Path, float], None]) -> None:
    """Have `fill` make the environment `folder`, unless it is there; it is given an empty folder and a deadline.

    EnvironmentUnavailable where it can't be made, or another process takes too long over it.
    """
    try:
        with _alone(folder, time.monotonic() + MAKE_S) as deadline:
            if not python_of(folder).exists():  # nor where somebody tidied up within it
                with replaced_folder(folder) as staging:
                    fill(staging, deadline)
    except OSError as error:
        message = f"the environment can't be made in {folder}: {error.strerror or error}"
        raise EnvironmentUnavailable(message) from None


def create(folder: Path, python: Path, *, deadline: float, environ: Mapping[str, str]) -> None:
    """Make an empty folder a virtual environment of `python`, by uv where it is on the PATH, else by venv."""
    uv = find_uv(environ)
    by_uv = [str(uv), "venv", "--quiet", "--allow-existing", "--no-python-downloads", "--python", str(python)]
    command = by_uv if uv is not None else [str(python), "-I", "-m", "venv"]
    run_installer([*command, str(folder)], environ, what="a virtual environment", deadline=deadline)


def install(folder: Path, arguments: Sequence[str], *, deadline: float, environ: Mapping[str, str]) -> None:
    """Install into a virtual environment, by uv where it is on the PATH, else by its own pip.

    `arguments` are what both take: requirements first of all, or a file of them.
    """
    own, uv = str(python_of(folder)), find_uv(environ)
    # As pip does by itself; compiled while a server starts, its libraries would take ten times as long to load.
    by_uv = [str(uv), "pip", "install", "--quiet", "--compile-bytecode", *WHEELS_ONLY, "--python", own]
    command = by_uv if uv is not None else [own, "-I", "-m", "pip", "install", *PIP, *WHEELS_ONLY]
    run_installer([*command, *arguments], environ, what=arguments[0], deadline=deadline)


def find_uv(environ: Mapping[str, str]) -> str | None:
    """Return uv where it is on the PATH."""
    return shutil.which("uv", path=environ.get("PATH"))


def run_installer(command: Sequence[str], environ: Mapping[str, str], *, what: str, deadline: float) -> None:
    """Run one command of an installer; EnvironmentUnavailable where it fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=max(deadline - time.monotonic(), 1.0),
            check=False,
            env={name: value for name, value in environ.items() if name not in _LEFT_OUT},
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentUnavailable(f"{what} was not installed within {MAKE_S:.0f} s") from None
    if done.returncode != 0:
        said = done.stderr or done.stdout
        raise EnvironmentUnavailable(f"{what} can't be installed here: {_why(said)}", said)


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


@contextmanager
def _alone(folder: Path, deadline: float) -> Iterator[float]:
    """Hold the lock of one environment; the system lets go of it where a process is killed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as stream:
        while not _locked(stream.fileno()):
            if time.monotonic() > deadline:
                raise EnvironmentUnavailable(f"another process has been making {folder} for {MAKE_S:.0f} s")
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


def _why(said: str) -> str:
    """Return the line of an installer's output that tells the cause."""
    lines = [" ".join(re.sub(r"\x1b\[[0-9;]*m", "", line).split()) for line in said.splitlines()]
    told = [line for line in lines if line.lower().startswith(("error", "cause:", "×", "╰"))]
    told = told or [line for line in lines if line]
    chained = bool(told) and told[-1].startswith(("╰", "cause:"))  # what failed, and at the end why
    cause = " ".join((told[0], told[-1])) if chained else (told[-1:] or ["the installer said nothing"])[0]
    return cause[:_REASON_LENGTH]
