"""Where the user's own modules lie, so that the source worker may import those that the recipe names, and no others.

The worker inherits neither the caller's PYTHONPATH nor a folder to start from. So this side finds each top-level
module, without importing it, as Python would here and then beside the recipe; the worker takes it from that place.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

# The group by which an installed package offers converters: class name = module.
ENTRY_POINTS = "packager.converters"


@dataclass(frozen=True)
class Place:
    """A top-level module: its file, None for a folder without `__init__.py`, and a package's folders."""

    file: str | None
    folders: tuple[str, ...]

    @property
    def readable(self) -> tuple[Path, ...]:
        """Return what has to be readable to import it and everything below it."""
        return tuple(map(Path, self.folders)) or ((Path(self.file),) if self.file else ())


def own_converters(named: Mapping[str, str], imported: Collection[str]) -> dict[str, str]:
    """Return class name to module: what the recipe names, and what installed packages offer for the artifact.

    `imported`: the names that loading the artifact imports; an offer for another class is left alone.
    """
    offered = {entry.name: entry.value for entry in metadata.entry_points(group=ENTRY_POINTS)}
    return {name: module for name, module in sorted(offered.items()) if name in imported} | dict(named)


def locate(names: Iterable[str], folder: Path) -> dict[str, Place]:
    """Return the place of each top-level module of dotted `names`; what is not found is left out.

    `folder` is where the recipe lies: it is looked at last, so that nothing there stands in for an installed library.
    """
    found = {}
    for name in sorted({name.partition(".")[0] for name in names} - {"__main__", *sys.stdlib_module_names}):
        if place := _place(_spec(name) or PathFinder.find_spec(name, [str(folder)])):
            found[name] = place
    return found


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):  # `__main__`, or a finder of somebody's that fails
        return None


def _place(spec: ModuleSpec | None) -> Place | None:
    if spec is None:
        return None
    folders = tuple(str(Path(folder).resolve()) for folder in spec.submodule_search_locations or ())
    file = str(Path(spec.origin).resolve()) if spec.origin and Path(spec.origin).is_file() else None
    return Place(file, folders) if file or folders else None


class Finder:
    """Finds top-level modules at known places; asked before Python looks anywhere else."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = dict(places)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        place = self._places.get(fullname)
        if place is None:
            return None
        if place.file is not None:
            folders = list(place.folders) or None
            return importlib.util.spec_from_file_location(fullname, place.file, submodule_search_locations=folders)
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = list(place.folders)
        return spec
