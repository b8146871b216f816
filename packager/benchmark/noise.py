"""How steady a machine is while it measures: time stolen by its hypervisor, the spread of a fixed piece of work.

Nothing here is subtracted from anything: it is shown beside the figures, and a run that is too noisy says so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from packager.benchmark_result import Noise

_STAT = Path("/proc/stat")
# The eighth number of the first line is steal (proc_stat(5)); what follows it, guest time, is part of user time.
_STEAL, _COUNTED = 7, 8
# Sums of a pure loop: some 200 µs of work for a processor core and no other part of the machine.
_FIXED_LOOPS = 10_000
_REPEATS = 10
# A piece of work that takes half as long again in one of twenty repetitions drowns differences of that size.
TOO_WIDE = 0.5
# A hypervisor that gives a twentieth of the time to others shifts medians, not only tails.
TOO_MUCH_STEAL = 0.05


def processor_times(stat: Path = _STAT) -> tuple[int, int] | None:
    """Return (stolen, all) processor time since the machine started, in ticks; None where the system does not tell."""
    try:
        with stat.open(encoding="ascii") as lines:
            ticks = [int(number) for number in lines.readline().split()[1 : 1 + _COUNTED]]
    except (OSError, ValueError):
        return None
    return (ticks[_STEAL], sum(ticks)) if len(ticks) == _COUNTED else None


def steal_share(before: tuple[int, int] | None, after: tuple[int, int] | None) -> float | None:
    """Return which share of all processor time between two readings went to other guests of the hypervisor."""
    if before is None or after is None or after[1] <= before[1]:
        return None
    return max(after[0] - before[0], 0) / (after[1] - before[1])


def time_fixed_work(repeats: int = _REPEATS) -> list[int]:
    """Return nanoseconds of each repetition of the fixed piece of work."""
    samples = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        total = 0
        for number in range(_FIXED_LOOPS):
            total += number
        samples.append(time.perf_counter_ns() - start)
    return samples


def harness_us(calls: int = 2_000) -> float:
    """Return the median of what the clock and an empty call cost, in microseconds."""
    from packager.benchmark.timing import time_calls

    return float(np.median(time_calls(lambda index: None, seconds=calls * 1e-6))) / 1000


class NoiseWatch:
    """Looks at the machine again and again while others measure, each time for a few milliseconds."""

    def __init__(self) -> None:
        self._before, self._fixed_ns = processor_times(), list[int]()

    def look(self) -> None:
        """Time the fixed work, while nothing else of ours runs."""
        self._fixed_ns += time_fixed_work()

    def verdict(self) -> Noise:
        """Sum up the run; there must have been a look."""
        return judge(self._fixed_ns or time_fixed_work(), steal_share(self._before, processor_times()), harness_us())


def judge(fixed_ns: Sequence[int], steal: float | None, harness: float) -> Noise:
    """Sum up a run: too noisy where either the fixed work spread too far or too much time was stolen."""
    p50, p95 = np.percentile(np.asarray(fixed_ns, dtype=np.float64), [50, 95])
    spread = float((p95 - p50) / p50)
    reasons = []
    if spread > TOO_WIDE:
        reasons.append(f"a fixed piece of work took {1 + spread:.2f} times its median in one of twenty repetitions")
    if steal is not None and steal > TOO_MUCH_STEAL:
        reasons.append(f"the hypervisor gave {100 * steal:.1f}% of the processor time to others")
    return Noise(
        steal_share=steal, spread=spread, harness_us=harness, too_noisy=bool(reasons), reason="; ".join(reasons) or None
    )
