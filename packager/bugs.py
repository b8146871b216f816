"""A bug of ours: its trace goes into a log whose name the user is told, so that a report of it costs one paste."""

from __future__ import annotations

import os
import platform
import tempfile

from packager import __version__

# A trace may come from the source worker, whose memory an artifact's own code may have written to.
_MAX_CHARACTERS = 100_000


def bug(kind: str, trace: str, *, where: str = "") -> str:
    """Write the trace into a log of its own; return the message that names both. `where` says what was being done."""
    handle, path = tempfile.mkstemp(prefix="packager-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
        log.write(f"packager {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
        log.write(trace[-_MAX_CHARACTERS:])
    return f"a bug of ours{where}: {kind}; the log is {path}"
