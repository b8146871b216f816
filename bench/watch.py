"""Run a real build and watch it: a folder with recipe.yml in, the peak memory of the build's process tree out."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import psutil

_LOOK_EVERY_S = 0.02


def build_and_watch(folder: Path) -> int:
    """Build recipe.yml in `folder`; return the most resident memory that all its processes together held, in bytes."""
    command = [sys.executable, "-m", "packager", "build", "recipe.yml"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            tree = [watched, *watched.children(recursive=True)]
            peak = max(peak, sum(member.memory_info().rss for member in tree))
        time.sleep(_LOOK_EVERY_S)
    if process.returncode != 0:
        told = process.stderr.read() if process.stderr else ""
        raise RuntimeError(f"the build ended with {process.returncode}: {told}")
    return peak
