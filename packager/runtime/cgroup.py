"""How much of the machine a container's cgroups leave to this process: processors' worth of time, of both versions.

Thread pools follow the host. More threads than the quota has processors spend it early in each period, and then wait.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path("/")


def cpu_limit(root: Path = ROOT) -> float | None:
    """Return how many processors' time the quotas of this process's cgroups grant; None where there is no quota.

    A quota of any cgroup above counts too: version 2 keeps it in cpu.max, version 1 in cpu.cfs_quota_us. In a container
    the path in /proc may be the host's, which is not there: the folder that is mounted is then the container's own.
    """
    limits = []
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mounts = ("cpu", "cpu,cpuacct") if controllers else ("", "unified")
        for mount in (root / "sys/fs/cgroup" / name for name in mounts):
            here = mount / path.strip("/")
            for folder in (here, *(above for above in here.parents if above.is_relative_to(mount))):
                try:
                    if controllers:
                        quota = (folder / "cpu.cfs_quota_us").read_text()
                        period = (folder / "cpu.cfs_period_us").read_text()
                    else:
                        quota, period = (folder / "cpu.max").read_text().split()
                    if quota != "max" and int(quota) > 0 and int(period) > 0:
                        limits.append(int(quota) / int(period))
                except (OSError, ValueError):
                    continue
    return min(limits, default=None)


def threads_within(threads: int, root: Path = ROOT) -> int:
    """Return `threads`, fewer where this process may not keep so many busy: by quota, or by its affinity."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else threads
    limit = cpu_limit(root)
    return max(1, min(threads, usable, threads if limit is None else int(limit)))
