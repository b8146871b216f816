"""Memory and processor time are those of a process with its children, and of processors whoever used them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from packager.load.family import busy_s, cpu_s, resident_bytes


def test_memory_is_that_of_a_process_and_its_children() -> None:
    whole = resident_bytes(os.getpid())
    assert whole is not None
    child = subprocess.Popen(
        [sys.executable, "-c", "x = bytearray(b'x' * 50_000_000); print(1, flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        assert (resident_bytes(os.getpid()) or 0) > whole + 40_000_000
    finally:
        child.kill()
        child.communicate()


def test_of_a_process_that_has_gone_nothing_is_told() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert resident_bytes(child.pid) is None
    assert cpu_s(child.pid) is None


def test_processor_time_is_seen_of_the_child_and_on_the_processors() -> None:
    before, busy = cpu_s(os.getpid()), busy_s(os.sched_getaffinity(0))
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    assert (cpu_s(os.getpid()) or 0) - (before or 0) > 0.2
    assert busy_s(os.sched_getaffinity(0)) - busy > 0.2
