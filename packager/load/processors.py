"""Which processors the server may run on and which are left to the load generator, by affinity."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from packager.errors import BenchmarkError


@dataclass(frozen=True)
class Split:
    """Processors by number. Where none is left to the client, it shares those of the server."""

    server: frozenset[int]
    client: frozenset[int]

    @property
    def is_shared(self) -> bool:
        """Tell whether the load generator takes processor time from the server."""
        return bool(self.server & self.client)


def usable_processors() -> frozenset[int]:
    """Return the processors that this process may run on."""
    return frozenset(os.sched_getaffinity(0))


def most_processors(usable: frozenset[int], quota: float | None) -> int:
    """Return how many processors a server can keep busy: the usable ones, or the whole ones of a container's quota."""
    return len(usable) if quota is None else max(1, min(len(usable), int(quota)))


def split_processors(cpus: int, usable: frozenset[int], *, quota: float | None = None) -> Split:
    """Give the server the first `cpus` of the usable processors.

    BenchmarkError where there are fewer, or where the container's quota grants fewer.
    """
    if not 1 <= cpus <= len(usable):
        raise BenchmarkError("There are not so many processors", measured=len(usable), limit=f"--cpus {cpus}")
    if cpus > most_processors(usable, quota):
        raise BenchmarkError(
            "The container's quota grants fewer processors",
            measured=f"{quota:g}",
            limit=f"--cpus {cpus}",
            hint=f"--cpus {most_processors(usable, quota)}, or a container with a larger quota",
        )
    ordered = sorted(usable)
    return Split(frozenset(ordered[:cpus]), frozenset(ordered[cpus:]) or usable)


@contextmanager
def running_on(cpus: frozenset[int]) -> Iterator[None]:
    """Keep this thread, and processes that it starts, on some processors; afterwards it runs where it did before."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
