"""A container's quota of processors is found in both versions of cgroups, nested or not, and never invented."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from packager.runtime.cgroup import cpu_limit, threads_within
from packager.runtime.machine import describe_machine

from .cgroups import quota

V1, V2 = "sys/fs/cgroup/cpu", "sys/fs/cgroup"


def tree(root: Path, cgroup: str, **files: str) -> Path:
    """Write a fake file system; of a path `__` stands for a slash."""
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def v1(folder: str, quota: int, period: int = 100_000) -> dict[str, str]:
    return {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": f"{period}\n"}


CASES: dict[str, tuple[str, dict[str, str], float | None]] = {
    "v2, in a container": ("0::/\n", {f"{V2}/cpu.max": "150000 100000\n"}, 1.5),
    "v2, no quota": ("0::/\n", {f"{V2}/cpu.max": "max 100000\n"}, None),
    "v2, of a service": ("0::/a.slice/b\n", {f"{V2}/a.slice/b/cpu.max": "50000 100000\n"}, 0.5),
    "v2, of the slice above": (
        "0::/a/b\n",
        {f"{V2}/a/b/cpu.max": "max 100000", f"{V2}/a/cpu.max": "300000 100000"},
        3.0,
    ),
    "v2, the smallest counts": (
        "0::/a/b\n",
        {f"{V2}/a/b/cpu.max": "400000 100000", f"{V2}/a/cpu.max": "200000 100000"},
        2.0,
    ),
    "v1": ("5:cpu,cpuacct:/\n1:name=systemd:/\n", v1(V1, 250_000), 2.5),
    "v1, mounted under both names": ("5:cpu,cpuacct:/\n", v1("sys/fs/cgroup/cpu,cpuacct", 100_000), 1.0),
    "v1, no quota": ("5:cpu:/\n", v1(V1, -1), None),
    "v1, the path is the host's": ("5:cpu:/docker/0123\n", v1(V1, 200_000), 2.0),
    "v1, another period": ("5:cpu:/a\n", v1(f"{V1}/a", 20_000, 10_000), 2.0),
    "v1 beside a v2 without controllers": ("5:cpu:/a\n0::/\n", v1(f"{V1}/a", 200_000), 2.0),
    "v2 beside v1": ("1:name=systemd:/\n0::/a\n", {"sys/fs/cgroup/unified/a/cpu.max": "200000 100000"}, 2.0),
    "cpuset is no quota": ("5:cpuset:/\n", v1(V1, 100_000), None),
    "no cgroups": ("", {}, None),
    "damaged": ("0::/\n", {f"{V2}/cpu.max": "many\n"}, None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_quota_is_found(name: str, tmp_path: Path) -> None:
    cgroup, files, expected = CASES[name]
    assert cpu_limit(tree(tmp_path, cgroup, **files)) == expected


def test_without_proc_there_is_no_quota(tmp_path: Path) -> None:
    assert cpu_limit(tmp_path) is None


@pytest.mark.parametrize(("quota", "threads"), [(50_000, 1), (100_000, 1), (190_000, 1), (200_000, 2), (800_000, 4)])
def test_threads_stay_within_the_quota(
    quota: int, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert threads_within(4, tree(tmp_path, "5:cpu:/\n", **v1(V1, quota))) == threads


def test_threads_stay_within_the_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert threads_within(4, tmp_path) == 1


@pytest.fixture
def real_group() -> Iterator[Path]:
    with quota(1.5) as group:
        yield group


def test_a_real_quota_is_told_of_the_machine(real_group: Path) -> None:
    code = f"""
import os, pathlib
pathlib.Path({str(real_group / "cgroup.procs")!r}).write_text(str(os.getpid()))
from packager.runtime.cgroup import threads_within
from packager.runtime.machine import describe_machine
print(describe_machine()["cpu_limit"], threads_within(2))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["1.5", "1"], done.stderr


def test_the_machine_tells_its_limit() -> None:
    assert "cpu_limit" in describe_machine()
