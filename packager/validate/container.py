"""The bundle as the platform starts it: code and model copied to where they are mounted, read only, and nothing else.

Scripts that reach out of their folder, write into it, or count on the bundle around them fail here as they do there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from packager.bundle.finding import Finding
from packager.bundle.manifest import Manifest
from packager.bundle.serve import Placed, Served, running
from packager.files import sha256_file
from packager.validate.settings import Settings

# A server that no probe gives up is still given up here.
_LONGEST_START_S, _SHORTEST_START_S = 300.0, 60.0


@dataclass(frozen=True)
class Container:
    """Folders below a scratch folder. AZUREML_MODEL_DIR is `models`, which holds the model's folder, or that itself."""

    folder: Path
    settings: Settings
    python: Path

    @property
    def code(self) -> Path:
        """Return the mounted code folder."""
        return self.folder / "azureml-app" / "code"

    @property
    def models(self) -> Path:
        """Return the mount that holds the model's own folder."""
        return self.folder / "azureml-models" / "1"

    @contextmanager
    def started(self, log: IO[bytes], *, named: bool = True) -> Iterator[Served]:
        """Yield the real server on these folders with the deployment's own settings; BundleError where it fails."""
        work = self.folder / ("work" if named else "work-unnamed")
        work.mkdir()
        placed = Placed(
            self.code,
            self.models if named else self.models / "model",
            work,
            self.settings.variables,
            self.settings.workers,
            self.settings.worker_timeout_s,
            min(max(_SHORTEST_START_S, *(probe.patience_s + 10.0 for probe in self.settings.probes)), _LONGEST_START_S),
        )
        with running(placed, python=str(self.python), log=log) as server:
            yield server


@contextmanager
def mounted(bundle: Path, folder: Path, settings: Settings, python: Path) -> Iterator[Container]:
    """Yield the bundle's code and model, mounted in an empty folder; they can be removed again afterwards."""
    container = Container(folder, settings, python)
    shutil.copytree(bundle / "code", container.code)
    shutil.copytree(bundle / "model", container.models / "model")
    mounts = (container.code, container.models)
    try:
        for mount in mounts:
            _set_modes(mount, 0o555, 0o444)
        yield container
    finally:
        for mount in mounts:
            _set_modes(mount, 0o755, 0o644)


def changed(container: Container, manifest: Manifest) -> list[Finding]:
    """Return what the script has written where the platform lets it write nothing."""
    places = {"code": container.code, "model": container.models / "model"}
    listed = {entry.path: entry.sha256 for entry in manifest.files}
    found = {
        f"{name}/{path.relative_to(place).as_posix()}": path
        for name, place in places.items()
        for path in place.rglob("*")
        if path.is_file()
    }
    return [
        Finding("ResourceNotReady", "layout", message, "have score.py write below /tmp, or nowhere", name)
        for name, path in sorted(found.items())
        if (message := _written(name, path, listed)) is not None
    ]


def _written(name: str, path: Path, listed: dict[str, str]) -> str | None:
    if name not in listed:
        return "score.py writes a file beside its own, where the platform mounts read only"
    return None if sha256_file(path) == listed[name] else "score.py changes a file that the platform mounts read only"


def _set_modes(folder: Path, folders: int, files: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(folders if path.is_dir() else files)
