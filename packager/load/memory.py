"""Memory of a process and all its children: the server with its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def resident_bytes(pid: int) -> int | None:
    """Return resident memory, with what processes share counted once among them; None where the system does not tell.

    That is the proportional set size, which Linux tells; the resident set sizes, where it doesn't, count it for each.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(_of(one) for one in family)
    except psutil.Error:
        return None


def _of(process: psutil.Process) -> int:
    full = process.memory_full_info()
    return int(getattr(full, "pss", full.rss))
