"""A contest: several models or settings on the same rows, timed in turns. The only fair way to call one the faster.

In: contestants, and the rows and batch sizes of the benchmark. Out: for each the median of every round, by batch size.
What disturbs the machine disturbs a round of all alike; where memory happens to lie is drawn anew in each process.
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
# Where memory happens to lie is drawn anew so often.
_REPEATS = 3
# Together 21 rounds: the interval of a median then leaves out the five lowest and the five highest. Six are the fewest
# that have an interval; a slow model is not asked for more.
_ROUNDS, _FEWEST_ROUNDS = 7, 2
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


@dataclass(frozen=True)
class Outcome:
    """Microseconds per call, one median a round, by batch size; `reason` where the contestant did not run."""

    rounds_us: dict[int, tuple[float, ...]] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True)
class Figure:
    """A median over rounds with its 95% interval."""

    median: float
    low: float
    high: float
    rounds: int

    def lies_below(self, other: Figure) -> bool:
        """Tell whether the intervals part, with this one below."""
        return self.high < other.low


def hold(contestants: Sequence[Contestant], rows: Rows, *, seconds: float) -> dict[str, Outcome]:
    """Time all contestants in turns for about `seconds`; a contestant that fails has a reason, the others figures."""
    outcomes = {one.name: Outcome() for one in contestants}
    for _ in range(_REPEATS):
        running = [one for one in contestants if outcomes[one.name].reason is None]
        found = _Heat(running, rows).run(seconds / _REPEATS)
        for name, outcome in found.items():
            outcomes[name] = _joined(outcomes[name], outcome)
    return outcomes


def summed(rounds: Sequence[float]) -> Figure:
    """Return the median of the rounds with its interval."""
    ordered = np.sort(np.asarray(rounds, dtype=np.float64))
    low, high = median_interval(len(ordered))
    return Figure(float(np.median(ordered)), float(ordered[low]), float(ordered[high]), len(ordered))


def ratio(mine: Sequence[float], other: Sequence[float]) -> Figure:
    """Return how many times as long `mine` takes: the median over rounds, each against the same round of `other`."""
    return summed([one / two for one, two in zip(mine, other, strict=True)])


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
                self._open(group, processes.enter_context(Child(self._rows.python, _WORKER)))
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
            else Outcome({size: tuple(rounds) for size, rounds in by_size.items()})
            for name, by_size in medians.items()
        }

    def _open(self, group: Sequence[Contestant], child: Child) -> None:
        request = {
            "contestants": [{**asdict(one), "path": str(one.path)} for one in group],
            "rows": str(self._rows.file),
            "provider": asdict(self._rows.provider),
        }
        self._children |= {one.name: child for one in group}
        try:
            self._reasons |= child.ask(request, seconds=_PATIENCE_S)["reasons"]
        except ChildEnded as error:
            self._reasons |= {one.name: str(error) for one in group}

    def _time(self, name: str, size: int, number: int, rounds: list[float]) -> None:
        """Add a round; a contestant that takes its process with it is the reason for all who share it."""
        child = self._children[name]
        try:
            reply = child.ask({"name": name, "batch_size": size, "number": number}, seconds=_PATIENCE_S)
            rounds.append(float(reply["us"]))
        except ChildEnded as error:
            self._reasons |= {other: str(error) for other, its in self._children.items() if its is child}
