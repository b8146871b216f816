"""A first, small form (resource limits only), to be replaced by the full confinement."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    memory_bytes: int
    cpu_s: int
    writable: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Confinement:
    landlock: str
    seccomp: str


def confine(limits: Limits) -> Confinement:
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s))
    resource.setrlimit(resource.RLIMIT_DATA, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return Confinement("not yet", "not yet")
