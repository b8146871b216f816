"""container/requirements.txt: all that the serving environment installs, pinned, with hashes where they are known.

Versions are those installed here, found without a network. Hashes are those of served.lock, which comes with the
program: `python -m packager.bundle.requirements LOCK` makes it of a lock. Another version than the locked has none.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from packager.bundle.environment import SERVED
from packager.errors import BundleError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_ENTRY = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)[^\n]*\n(?P<hashes>(?:[ ]+--hash=\S+[ \\]*\n?)*)")
# The container's side, whatever builds: Linux on CPython.
_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}


@dataclass(frozen=True)
class Requirements:
    """requirements.txt; `unhashed` are packages whose hashes are not known, and where there are any, none is told."""

    text: str
    unhashed: tuple[str, ...]


def container_requirements(python: str) -> Requirements:
    """Return everything that a Python of that version needs to serve."""
    locked = _locked()
    pins = {name: _version(name, locked) for name in sorted(_closure(python, locked))}
    hashes = {name: locked.get((name, version), ()) for name, version in pins.items()}
    unhashed = tuple(name for name, known in hashes.items() if not known)
    text = _lines((name, version, () if unhashed else hashes[name]) for name, version in pins.items())
    return Requirements(text, unhashed)


Locked = Mapping[tuple[str, str], tuple[str, ...]]


@cache
def _locked() -> Locked:
    return parse_lock(files("packager.bundle").joinpath("served.lock").read_text(encoding="utf-8"))


def parse_lock(text: str) -> Locked:
    """Return the hashes of every version that a requirements file names."""
    return {
        (_plain(entry["name"]), entry["version"]): tuple(re.findall(r"--hash=(\S+)", entry["hashes"]))
        for entry in _ENTRY.finditer(text)
    }


def _version(name: str, locked: Locked) -> str:
    """Return the version installed here; of what another Python needs alone, the locked one.

    BundleError where there is neither.
    """
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        found = next((version for known, version in locked if known == name), None)
    if found is None:
        message = f"{name} is not installed, so the container's environment can't be pinned to it"
        raise BundleError(message, hint=f"install it: pip install {name}")
    return found


def _closure(python: str, locked: Locked) -> set[str]:
    """Return the names of what is served and of all that it needs there, as far as it is known here."""
    full = python if python.count(".") == 2 else f"{python}.0"
    there = {**_LINUX, "python_version": ".".join(python.split(".")[:2]), "python_full_version": full}
    found: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset()) for name in SERVED]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        found.add(name)
        for needed in _needed(name, extras, there):
            one = (_plain(needed.name), frozenset(needed.extras))
            if one not in seen and (_is_installed(one[0]) or any(known == one[0] for known, _ in locked)):
                seen.add(one)
                waiting.append(one)
    return found


def _needed(name: str, extras: frozenset[str], there: Mapping[str, str]) -> Iterator[Requirement]:
    from packaging.requirements import Requirement

    if not _is_installed(name):
        return
    for text in metadata.requires(name) or ():
        one = Requirement(text)
        if one.marker is None or any(one.marker.evaluate({**there, "extra": extra}) for extra in ("", *extras)):
            yield one


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def served_lock(lock: str) -> str:
    """Return of a lock what any Python may need to serve."""
    known = parse_lock(lock)
    names = set().union(*(_closure(f"3.{minor}", known) for minor in range(11, 15)))
    return _lines(sorted((name, version, hashes) for (name, version), hashes in known.items() if name in names))


def _lines(entries: Iterable[tuple[str, str, tuple[str, ...]]]) -> str:
    """Return entries as pip reads them, each hash on a line of its own."""
    lines = (
        " \\\n    ".join([f"{name}=={version}", *(f"--hash={one}" for one in hashes)])
        for name, version, hashes in entries
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(served_lock(Path(sys.argv[1]).read_text(encoding="utf-8")))
