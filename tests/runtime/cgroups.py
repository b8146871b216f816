"""A real cgroup with a quota of processors, where this machine lets one be made; else the test is skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PERIOD_US = 100_000


@contextmanager
def quota(processors: float) -> Iterator[Path]:
    """Make a cgroup that grants so many processors' time, and remove it in the end."""
    group = _made(int(processors * _PERIOD_US))
    if group is None:
        pytest.skip("no cgroup of processors can be made here")
    try:
        yield group
    finally:
        group.rmdir()


def _made(quota_us: int) -> Path | None:
    for mount in ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup"):
        group = Path(mount, f"packager-test-{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        for name, text in (("cpu.cfs_quota_us", str(quota_us)), ("cpu.max", f"{quota_us} {_PERIOD_US}")):
            if (group / name).exists():
                try:
                    (group / name).write_text(text)
                except OSError:
                    continue
                return group
        group.rmdir()
    return None
