"""No target runs on more threads than the process may keep busy, and one that would is told."""

from __future__ import annotations

import pytest

from packager.benchmark import limits
from packager.benchmark.limits import within_limits
from packager.recipe.model import Target


def test_threads_beyond_the_limit_are_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "threads_within", lambda threads: min(threads, 2))
    targets = [Target(name=f"cpu-{threads}", provider="cpu", threads=threads) for threads in (1, 2, 8)]
    kept, notes = within_limits(targets)
    assert [(one.name, one.threads) for one in kept] == [("cpu-1", 1), ("cpu-2", 2), ("cpu-8", 2)]
    assert len(notes) == 1
    assert notes[0].startswith("cpu-8 was measured on 2 of the 8 threads asked for")
