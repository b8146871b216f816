"""The clean environment of a bundle: its pins locked with hashes, installed from nothing else, kept for the next time.

In: conda.yml's content. Out: an interpreter that has just that, or what the platform's build would end with.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packager.bundle.finding import Finding
from packager.runtime.virtual_environment import (
    PIP,
    WHEELS_ONLY,
    EnvironmentUnavailable,
    cache_folder,
    create,
    find_uv,
    install,
    keep,
    python_of,
    run_installer,
)
from packager.validate.conda import CONDA_FILE, Conda
from packager.validate.interpreter import Interpreter, find_python, own
from packager.wording import clip, printable

_LOCK = "requirements.lock"
# What installers say where they reach no index, whatever else they conclude from it.
_NO_INDEX = re.compile(
    r"connect|connection|dns error|name resolution|network is unreachable|timed out|proxy|certificate"
    r"|error sending request|failed to fetch|max retries|--offline|network was disabled",
    re.IGNORECASE,
)
_WRONG_PYTHON = re.compile(
    r"requires-python|requires a different python|requested python version|(?:depends on|requires) python"
    r"|python abi tag|no wheels with a matching python|no usable wheels",
    re.IGNORECASE,
)
_HASHES = re.compile(
    r"hash mismatch|do not match the hashes|hashes are required|in --require-hashes mode", re.IGNORECASE
)


@dataclass(frozen=True)
class CleanEnvironment:
    """A Python that holds the bundle's pins and what they need. `folder` lies in the cache."""

    python: Path
    version: str
    folder: Path
    was_kept: bool

    @property
    def lock(self) -> str:
        """Return what is installed, with hashes, as a requirements file."""
        return (self.folder / _LOCK).read_text(encoding="utf-8")

    @property
    def packages(self) -> int:
        """Return how many packages that is."""
        return self.lock.count("==")

    @property
    def size_bytes(self) -> int:
        """Return the size of all its files."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_size for path in files)


def clean_environment(conda: Conda, *, environ: Mapping[str, str] = os.environ) -> CleanEnvironment | Finding:
    """Return the environment, made now where it is not kept from before; a finding where it can't be made.

    The pins are resolved for the bundle's own Python, whether that is at hand or not.
    """
    # uv may be installed beside this very program.
    beside = os.pathsep.join((environ.get("PATH", ""), str(Path(sys.executable).parent)))
    environ = {**environ, "PATH": beside}
    interpreter = find_python(conda.python, environ) or own()
    try:
        folder = cache_folder(environ) / f"serving-{_key(conda, interpreter)}"
        was_kept = python_of(folder).exists()

        def fill(staging: Path, deadline: float) -> None:
            _Making(conda, interpreter, environ, deadline).into(staging)

        keep(folder, fill)
    except EnvironmentUnavailable as error:
        return _unmade(error, conda)
    return CleanEnvironment(python_of(folder), interpreter.version, folder, was_kept)


@dataclass(frozen=True)
class _Making:
    conda: Conda
    interpreter: Interpreter
    environ: Mapping[str, str]
    deadline: float

    def into(self, folder: Path) -> None:
        """Lock for the bundle's Python, and where another one serves here, for that one; then install."""
        create(folder, self.interpreter.path, deadline=self.deadline, environ=self.environ)
        wanted, lock = folder / "pins.txt", folder / _LOCK
        wanted.write_text("\n".join(pin.requirement for pin in self.conda.pins) + "\n", encoding="utf-8")
        uv = find_uv(self.environ)
        versions = [self.conda.python]
        if not self.interpreter.is_as(self.conda.python):
            versions.append(_minor(self.interpreter.version))
        for version in versions:
            if uv is not None:
                self._lock_by_uv(uv, wanted, lock, version)
            else:
                self._lock_by_pip(folder, wanted, lock, version)
            self._require_hashes(lock)
        arguments = ("--require-hashes", "--no-deps", "-r", str(lock))
        install(folder, arguments, deadline=self.deadline, environ=self.environ)

    def _lock_by_uv(self, uv: str, wanted: Path, lock: Path, version: str) -> None:
        options = ("--generate-hashes", "--no-header", "--no-annotate", "--no-python-downloads", "--quiet")
        where = ("--python", str(self.interpreter.path), "--python-version", version, "--output-file", str(lock))
        lock.unlink(missing_ok=True)  # what lies there would be preferred
        self._run([uv, "pip", "compile", *options, *WHEELS_ONLY, *where, str(wanted)])

    def _lock_by_pip(self, folder: Path, wanted: Path, lock: Path, version: str) -> None:
        report, aside = folder / "report.json", folder / "aside"
        options = ("--dry-run", "--ignore-installed", "--report", str(report), "--target", str(aside))
        command = [str(python_of(folder)), "-I", "-m", "pip", "install", *PIP, *WHEELS_ONLY, *options]
        self._run([*command, "--python-version", version, "-r", str(wanted)])
        lines = [
            f"{one['metadata']['name']}=={one['metadata']['version']}"
            f" --hash=sha256:{one['download_info']['archive_info']['hashes']['sha256']}"
            for one in json.loads(report.read_bytes())["install"]
        ]
        lock.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _require_hashes(self, lock: Path) -> None:
        """Hold the hashes that conda.yml itself names against those of the index."""
        text = lock.read_text(encoding="utf-8")
        for pin in self.conda.pins:
            found = re.search(
                rf"^{re.escape(pin.name)}(\[.*?\])?==.*?(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE | re.I
            )
            if pin.hashes and not (found and pin.hashes & set(re.findall("sha256:([0-9a-f]{64})", found[0]))):
                message = f"{pin.requirement}: the index's files do not match the hashes of {CONDA_FILE}"
                raise EnvironmentUnavailable(message, message)

    def _run(self, command: list[str]) -> None:
        run_installer(command, self.environ, what=f"{CONDA_FILE}'s pip part", deadline=self.deadline)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _key(conda: Conda, interpreter: Interpreter) -> str:
    """Return digits that stand for exactly these pins for this Python under that one on this platform."""
    pins = sorted(f"{pin.requirement} {sorted(pin.hashes)}" for pin in conda.pins)
    under = (str(interpreter.path.resolve()), interpreter.version, platform.system(), platform.machine())
    return hashlib.sha256("\n".join((conda.python, *under, *pins)).encode()).hexdigest()[:16]


def _unmade(error: EnvironmentUnavailable, conda: Conda) -> Finding:
    """Return what the platform's build would say; where nothing could be found out, that."""
    said = error.said or str(error)
    if _HASHES.search(said):
        told = "hashes do not match: what the index gives is not what was locked"
        hint = "build the bundle anew from an index that you trust"
    elif _WRONG_PYTHON.search(said) and not _NO_INDEX.search(said):
        told = f"the pins do not run on Python {conda.python}, or have no wheels for it"
        hint = "set bundle.python in the recipe to a Python that all pins run on, and build anew"
    elif _NO_INDEX.search(said):
        told = "environment not made: no index could be reached, so nothing is known of the pins"
        hint = "run it where a package index answers; UV_DEFAULT_INDEX or PIP_INDEX_URL names yours"
    else:
        told = "the pins can't be resolved"
        hint = "build the bundle anew with released versions that an index holds"
    return Finding("ImageBuildFailure", "environment", f"{told} ({_cause(error)})", hint, CONDA_FILE)


def _cause(error: EnvironmentUnavailable) -> str:
    """Return the installer's last reason, which is the one at the root; else the whole message."""
    reasons = re.findall(r"^\s*cause: (.+(?:\n {9}.+)*)", error.said, re.MULTILINE)
    return clip(printable(" ".join((reasons[-1] if reasons else str(error)).split())), 300)
