"""What a process and all its children take: the server with its workers. And what is taken of processors by anybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def resident_bytes(pid: int) -> int | None:
    """Return resident memory, with what processes share counted once among them; None where the system does not tell.

    That is the proportional set size, which Linux tells; the resident set sizes, where it doesn't, count it for each.
    """
    import psutil

    try:
        return sum(_resident(one) for one in _family(pid))
    except psutil.Error:
        return None


def cpu_s(pid: int) -> float | None:
    """Return the seconds of processor time that they have had; None where the process has gone."""
    import psutil

    try:
        times = [one.cpu_times() for one in _family(pid)]
    except psutil.Error:
        return None
    return float(sum(time.user + time.system + time.children_user + time.children_system for time in times))


def busy_s(cpus: Iterable[int]) -> float:
    """Return the seconds since the system started that these processors were busy, or lent to other guests."""
    import psutil

    every = psutil.cpu_times(percpu=True)
    told = [every[cpu] for cpu in cpus if cpu < len(every)]
    return float(sum(sum(time) - time.idle - getattr(time, "iowait", 0.0) for time in told))


def _family(pid: int) -> list[psutil.Process]:
    import psutil

    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _resident(process: psutil.Process) -> int:
    full = process.memory_full_info()
    return int(getattr(full, "pss", full.rss))
