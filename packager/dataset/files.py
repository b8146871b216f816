"""A path or a glob in, the files of rows out, in the order of their names."""

from __future__ import annotations

import glob
from difflib import get_close_matches
from pathlib import Path

from packager.dataset.parts import FORMATS
from packager.errors import VerifyError


def files_of(wanted: str) -> list[Path]:
    """Return the file, or all files of the glob; VerifyError if there is none."""
    path = Path(wanted)
    if path.is_file():
        return [path]
    if path.is_dir():
        suffix = next((suffix for suffix in FORMATS if any(path.glob(f"*{suffix}"))), ".parquet")
        raise VerifyError(f"{path} is a folder, not rows", hint=f"name its files: {path / f'*{suffix}'}")
    found = [Path(name) for name in sorted(glob.glob(wanted, recursive=True)) if Path(name).is_file()]
    if found:
        return found
    if glob.has_magic(wanted):
        raise VerifyError(f"no files of rows match {wanted}")
    raise VerifyError(f"no file of rows at {path}", hint=_beside(path))


def _beside(path: Path) -> str | None:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    near = get_close_matches(path.name, [item.name for item in path.parent.iterdir()], n=3, cutoff=0.5)
    return f"beside it: {', '.join(near)}" if near else None
