"""A contest: several models or settings on the same rows, timed in turns. The only fair way to call one the faster.

In: contestants, and the rows and batch sizes of the benchmark. Out: for each the median of every round, by batch size
and process. What disturbs the machine disturbs a round of all alike; where memory happens to lie is drawn anew in each
process, so that processes are what an interval counts: rounds of one process resemble each other.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from packager.artifact import VERIFIED_SETTINGS, SessionSettings, Signature
from packager.benchmark.child import Child, ChildEnded
from packager.benchmark.statistics import median_interval
from packager.runtime.session import ExecutionProvider

ON_CPU = ExecutionProvider()

_WORKER = "packager.benchmark.contest_worker"
# Processes of each: the least and the greatest of six hold the true median between them in 31 of 32 cases.
_PROCESSES = 6
# A slow model is asked for one round of each process.
_ROUNDS, _FEWEST_ROUNDS = 4, 1
# Opening the sessions of a large model, or one block of its calls.
_PATIENCE_S = 300.0


@dataclass(frozen=True)
class Contestant:
    """A model's file with the signature that feeds it, and how its session runs."""

    name: str
    path: Path
    signature: Signature
    settings: SessionSettings = VERIFIED_SETTINGS


@dataclass(frozen=True)
class Rows:
    """What is scored: a file of rows, the batch sizes, and the provider that scores them, in a Python that has it."""

    file: Path
    batch_sizes: tuple[int, ...]
    provider: ExecutionProvider = ON_CPU
    python: Path = Path(sys.executable)


# One median a round, in each of several processes.
Rounds = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Outcome:
    """Microseconds per call, one median a round, by batch size and process; `reason` where it did not run."""

    rounds_us: dict[int, Rounds] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True)
class Figure:
    """A median over `runs` processes with its 95% interval."""

    median: float
    low: float
    high: float
    runs: int


def hold(contestants: Sequence[Contestant], rows: Rows, *, seconds: float) -> dict[str, Outcome]:
    """Time all contestants in turns for about `seconds`; a contestant that fails has a reason, the others figures."""
    outcomes = {one.name: Outcome() for one in contestants}
    for _ in range(_PROCESSES):
        running = [one for one in contestants if outcomes[one.name].reason is None]
        found = _Heat(running, rows).run(seconds / _PROCESSES)
        for name, outcome in found.items():
            outcomes[name] = _joined(outcomes[name], outcome)
    return outcomes


def summed(values: Sequence[float]) -> Figure:
    """Return the median of independent values, one a process, with its interval."""
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    low, high = median_interval(len(ordered))
    return Figure(float(np.median(ordered)), float(ordered[low]), float(ordered[high]), len(ordered))


def time_of(rounds: Rounds) -> Figure:
    """Return the time per call in microseconds: the median of the processes' medians."""
    return summed([float(np.median(process)) for process in rounds])


def ratio(mine: Rounds, other: Rounds) -> Figure:
    """Return how many times as long `mine` takes: in each process the median over rounds of both."""
    pairs = zip(mine, other, strict=True)
    return summed([float(np.median(np.divide(ours, theirs))) for ours, theirs in pairs])


def _joined(before: Outcome, found: Outcome) -> Outcome:
    if found.reason is not None:
        return found
    return Outcome({size: (*before.rounds_us.get(size, ()), *more) for size, more in found.rounds_us.items()})


class _Heat:
    """Contestants in fresh processes. Those on one thread share one; threads of others spin, so they have their own."""

    def __init__(self, contestants: Sequence[Contestant], rows: Rows) -> None:
        self._contestants, self._rows = contestants, rows
        self._groups = [[one for one in contestants if one.settings.threads == 1]]
        self._groups += [[one] for one in contestants if one.settings.threads > 1]
        self._children: dict[str, Child] = {}
        self._reasons: dict[str, str] = {}

    def run(self, seconds: float) -> dict[str, Outcome]:
        """Return the medians of the rounds, or reasons."""
        medians: dict[str, dict[int, list[float]]] = {one.name: {} for one in self._contestants}
        with ExitStack() as processes:
            for group in filter(None, self._groups):
                self._open(group, processes)
            for size in self._rows.batch_sizes:
                begin = time.monotonic()
                for number in range(_ROUNDS):
                    if number >= _FEWEST_ROUNDS and time.monotonic() - begin > seconds / len(self._rows.batch_sizes):
                        break
                    for name in medians if number % 2 == 0 else reversed(medians):
                        if name not in self._reasons:
                            self._time(name, size, number, medians[name].setdefault(size, []))
        return {
            name: Outcome(reason=self._reasons[name])
            if name in self._reasons
            else Outcome({size: (tuple(rounds),) for size, rounds in by_size.items()})
            for name, by_size in medians.items()
        }

    def _open(self, group: Sequence[Contestant], processes: ExitStack) -> None:
        request = {
            "contestants": [{**asdict(one), "path": str(one.path)} for one in group],
            "rows": str(self._rows.file),
            "provider": asdict(self._rows.provider),
        }
        try:
            child = processes.enter_context(Child(self._rows.python, _WORKER))
            self._children |= {one.name: child for one in group}
            self._reasons |= child.ask(request, seconds=_PATIENCE_S)["reasons"]
        except ChildEnded as error:
            self._reasons |= {one.name: str(error) for one in group}

    def _time(self, name: str, size: int, number: int, rounds: list[float]) -> None:
        """Add a round; a contestant that takes its process with it is the reason for all who share it."""
        child = self._children[name]
        try:
            reply = child.ask({"name": name, "batch_size": size, "number": number}, seconds=_PATIENCE_S)
            if "reason" in reply:
                self._reasons[name] = reply["reason"]
            else:
                rounds.append(float(reply["us"]))
        except ChildEnded as error:
            self._reasons |= {other: str(error) for other, its in self._children.items() if its is child}
