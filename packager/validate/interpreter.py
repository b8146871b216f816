"""A Python of a wanted version on this machine: the one that runs, on the PATH, pyenv's or uv's; nothing is fetched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packager.runtime.virtual_environment import find_uv

_ASK = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.implementation.name)"
_ASK_S = 20.0


@dataclass(frozen=True)
class Interpreter:
    """A Python that runs: where it lies, and its version as 3.12.4."""

    path: Path
    version: str

    def is_as(self, wanted: str) -> bool:
        """Tell whether it is of the minor version that is wanted, for which wheels are made."""
        return self.version.split(".")[:2] == wanted.split(".")[:2]


def own() -> Interpreter:
    """Return the Python that runs this."""
    return Interpreter(Path(sys.executable), ".".join(map(str, sys.version_info[:3])))


def find_python(wanted: str, environ: Mapping[str, str]) -> Interpreter | None:
    """Return a Python of the wanted minor version, None where none is at hand."""
    if own().is_as(wanted):
        return own()
    minor = ".".join(wanted.split(".")[:2])
    for path in _places(minor, environ):
        found = _asked(path)
        if found is not None and found.is_as(wanted):
            return found
    return None


def _places(minor: str, environ: Mapping[str, str]) -> Iterator[Path]:
    name = f"python{minor}"
    for folder in environ.get("PATH", "").split(os.pathsep):
        if folder and (Path(folder) / name).is_file():
            yield Path(folder) / name
    # pyenv's own command of that name answers only where that version was chosen.
    versions = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/")) / ".pyenv") / "versions"
    yield from sorted(versions.glob(f"{minor}.*/bin/{name}"))
    if (uv := find_uv(environ)) is not None:
        command = [uv, "python", "find", "--no-python-downloads", "--managed-python", minor]
        if found := _said(command):
            yield Path(found)


def _asked(path: Path) -> Interpreter | None:
    version, _, implementation = (_said([str(path), "-I", "-c", _ASK]) or "").partition(" ")
    return Interpreter(path, version) if implementation == "cpython" else None


def _said(command: list[str]) -> str | None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
