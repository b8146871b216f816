"""Putting a folder into a registry whole or not at all, one writer at a time.

The lock lies on the registry's folder itself, so no lock file is left; a killed writer's lock ends with it, and the
next writer clears away what it left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packager.errors import PackagerError
from packager.files import sync_tree

_PREFIX = ".partial-"


@contextmanager
def staging(root: Path, error: type[PackagerError]) -> Iterator[Path]:
    """Yield an empty hidden folder in `root` that is gone when the block ends; `error` if `root` can't be written."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):
            for stale in root.glob(f"{_PREFIX}*"):
                shutil.rmtree(stale, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except OSError as problem:
        raise error(
            f"cannot write to the registry {root}: {(problem.strerror or type(problem).__name__).lower()}",
            hint="check the folder's permissions and the space on its disk, or set PACKAGE_REGISTRY to another folder",
        ) from None


def move_in(folder: Path, target: Path) -> None:
    """Sync `folder` and rename it to `target`, which must not exist."""
    folder.chmod(0o755)
    sync_tree(folder)
    made = not target.parent.exists()
    target.parent.mkdir(exist_ok=True)
    try:
        os.rename(folder, target)
    except OSError:
        if made:
            target.parent.rmdir()
        raise
    for parent in (target.parent, target.parent.parent):
        _sync_folder(parent)


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
