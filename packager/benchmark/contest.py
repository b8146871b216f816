"""A contest: several models or settings on the same rows, timed in turns. The only fair way to call one the faster.

In: contestants, and the rows and batch sizes of the benchmark. Out: for each the median of every round, by batch size.
What disturbs the machine disturbs a round of all alike; where memory happens to lie is drawn anew in each process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from packager.artifact import VERIFIED_SETTINGS, SessionSettings, Signature
from packager.benchmark.child import KEPT, start_command
from packager.benchmark.statistics import median_interval
from packager.runtime.session import ExecutionProvider

ON_CPU = ExecutionProvider()

_PROCESSES = 3
# Together 21 rounds: the interval of a median then leaves out the six lowest and the six highest.
_ROUNDS_PER_PROCESS = 7
# Beside the time that was asked for: opening sessions, and a round that is under way.
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
    request = {
        "contestants": [{**asdict(one), "path": str(one.path)} for one in contestants],
        "rows": str(rows.file),
        "batch_sizes": rows.batch_sizes,
        "provider": asdict(rows.provider),
        "rounds": _ROUNDS_PER_PROCESS,
        "seconds": seconds / _PROCESSES,
    }
    outcomes = {one.name: Outcome() for one in contestants}
    for _ in range(_PROCESSES):
        for name, found in _run(request, rows.python, seconds).items():
            outcomes[name] = _joined(outcomes[name], found)
    return outcomes


def summed(rounds: Sequence[float]) -> Figure:
    """Return the median of the rounds with its interval."""
    ordered = np.sort(np.asarray(rounds, dtype=np.float64))
    low, high = median_interval(len(ordered))
    return Figure(float(np.median(ordered)), float(ordered[low]), float(ordered[high]), len(ordered))


def ratio(mine: Sequence[float], other: Sequence[float]) -> Figure:
    """Return how many times as long `mine` takes: the median over rounds, each against the same round of `other`."""
    return summed([one / two for one, two in zip(mine, other, strict=True)])


def _joined(before: Outcome, found: dict[str, Any]) -> Outcome:
    if before.reason or found["reason"]:
        return Outcome(reason=before.reason or found["reason"])
    rounds = {int(size): (*before.rounds_us.get(int(size), ()), *more) for size, more in found["rounds_us"].items()}
    return Outcome(rounds)


def _run(request: dict[str, Any], python: Path, seconds: float) -> dict[str, dict[str, Any]]:
    """Return what one process timed; a contestant that takes the process with it is a reason for all."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    try:
        done = subprocess.run(
            start_command(python, "packager.benchmark.contest_worker"),
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=seconds + _PATIENCE_S,
            check=False,
            env=kept,
        )
        found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return _none(request, f"it did not end within {seconds + _PATIENCE_S:.0f} s")
    except (IndexError, ValueError):
        code = done.returncode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
        words = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        return _none(request, ": ".join([f"the process that timed it ended with {how}", *words])[:300])
    return found


def _none(request: dict[str, Any], reason: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: {"rounds_us": {}, "reason": reason} for one in request["contestants"]}
