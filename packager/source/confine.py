"""What the source worker gives up before it loads an artifact: network, programs, processes, most files, most memory.

Goes in: limits. Comes out: what the kernel could enforce, each in words. What it cannot do is told, never a crash.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packager.source import landlock, seccomp
from packager.source.semaphores import use_threads_only

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITY_VERSION_3: Final = 0x20080522

# Each thread that numpy's and LightGBM's libraries start per processor takes writable memory that it mostly never
# touches: a stack of 8 MiB and OpenBLAS's buffer of up to 64 MiB. On top of that come glibc's arenas, which are only
# reserved addresses.
_DATA_PER_PROCESSOR: Final = 72 << 20
_ADDRESSES_PER_PROCESSOR: Final = 256 << 20
# Shared libraries and files that are mapped.
_ADDRESSES_BESIDES: Final = 16 << 30

_SYSTEM: Final = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/nix/store")
_SETTINGS: Final = (
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/timezone",
    "/etc/locale.alias", "/etc/nsswitch.conf", "/etc/mime.types",
)  # fmt: skip
# What OpenMP, numpy and joblib look up about the machine. Of /proc only this process and general figures.
_MACHINE: Final = (
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems",
    "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/cap_last_cap",
    "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage",
)  # fmt: skip
_SOURCES: Final = ("/dev/urandom", "/dev/random", "/dev/zero")
_SINKS: Final = ("/dev/null",)


@dataclass(frozen=True)
class Limits:
    """What a worker may use. `readable` adds to the Python installation and the system's libraries."""

    memory_bytes: int
    cpu_s: int
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    file_bytes: int = 8 << 30
    open_files: int = 1024


@dataclass(frozen=True)
class Confinement:
    """What holds from now on, in words; "unavailable: ..." where the kernel would not."""

    landlock: str
    seccomp: str
    capabilities: str
    limits: str


def confine(limits: Limits) -> Confinement:
    """Lock this process down for good. To be called before anything of an artifact is loaded.

    Libraries may be imported before or after. Threads that were started before keep their rights to files, because
    Landlock binds a thread and what it starts; so it is best called first.
    """
    told = _limit_resources(limits)
    if not sys.platform.startswith("linux"):
        return Confinement(*["unavailable: not Linux"] * 3, told)
    libc = ctypes.CDLL(None, use_errno=True)
    # Nobody may attach to it or read its memory, and no program it could start would get more rights than it has.
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    use_threads_only()
    files = _restrict_files(libc, limits)
    capabilities = _drop_capabilities(libc)
    return Confinement(files, _restrict_calls(libc), capabilities, told)


def _limit_resources(limits: Limits) -> str:
    """Set the limits of every Unix. Not RLIMIT_NPROC: it counts a user's threads all over the machine.

    Memory is limited by what is privately writable (RLIMIT_DATA): it comes close to what is used, while the address
    space (RLIMIT_AS) is mostly reservations; that one is only there against shared memory, which the first leaves out.
    """
    processors = os.cpu_count() or 1
    addresses = limits.memory_bytes + _ADDRESSES_BESIDES + processors * _ADDRESSES_PER_PROCESSOR
    wanted = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": limits.cpu_s,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_DATA": limits.memory_bytes + processors * _DATA_PER_PROCESSOR,
        "RLIMIT_AS": addresses,
    }
    failed = [name for name, value in wanted.items() if not _limit(name, value)]
    return f"unavailable: {', '.join(failed)}" if failed else "on"


def _limit(name: str, value: int) -> bool:
    kind = getattr(resource, name, None)
    if kind is None:
        return False
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (value, value))
    except (OSError, ValueError):
        return False
    return True


def _restrict_files(libc: ctypes.CDLL, limits: Limits) -> str:
    threads = _threads()
    try:
        told = landlock.restrict(libc, _rules(limits))
    except OSError as error:
        return f"unavailable: {error.strerror}"
    return told if threads == 1 else f"{told}, not for {threads - 1} threads that ran before"


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def _rules(limits: Limits) -> list[tuple[Path, int]]:
    """Return each path and what may be done below it.

    Of `sys.path` only what belongs to a Python installation: an entry that an editable install adds is a folder of
    sources, with whatever else lies in it. This package itself is the exception.
    """
    installation = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    libraries = [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path]
    package = Path(__file__).resolve().parents[1]
    return [
        *((Path(path), landlock.RUN) for path in [*_SYSTEM, *sorted(installation)]),
        *((Path(path), landlock.READ) for path in [*_SETTINGS, *_MACHINE, *_SOURCES, *libraries]),
        *((Path(path), landlock.READ | landlock.WRITE_FILE) for path in _SINKS),
        (package, landlock.READ),
        *((path, landlock.READ) for path in limits.readable),
        *((path, landlock.WRITE) for path in limits.writable),
    ]


def _drop_capabilities(libc: ctypes.CDLL) -> str:
    """Give up root's rights: in many containers and CI runners everything runs as root."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        return f"unavailable: {os.strerror(ctypes.get_errno())}"
    return "dropped"


def _restrict_calls(libc: ctypes.CDLL) -> str:
    try:
        return seccomp.restrict(libc)
    except OSError as error:
        return f"unavailable: {error.strerror}"
    except KeyError as machine:
        return f"unavailable: no filter for {machine}"
