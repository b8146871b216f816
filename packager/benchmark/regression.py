"""Is the selected variant slower than an earlier one, beyond the noise? Ratios go in, verdicts come out.

Slower means both: the ratio's whole 95% interval lies above 1, and the ratio is above the stated limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packager.artifact import Measurement, Verdict
from packager.benchmark.contest import Contestant, Figure, Rows, hold, ratio

CHECK = "slower_than_baseline"
KEY = "benchmark.baseline"
# Two runs of the same build on one machine differ by as much, whatever the clock's interval within each says.
BETWEEN_RUNS = 0.25
# A few seconds a target: enough for four rounds in each of six processes, of calls of up to ten milliseconds.
_SECONDS = 4.0


@dataclass(frozen=True)
class Compared:
    """How many times as long the selected variant takes as the baseline, on one target at one batch size."""

    target: str
    batch_size: int
    ratio: Figure
    how: str


def measure_again(mine: Contestant, earlier: Contestant, rows: Rows, *, target: str) -> list[Compared] | str:
    """Time both models here in turns; a reason in words where one of them does not run on this target."""
    outcomes = hold([mine, earlier], rows, seconds=_SECONDS)
    for one, said in ((mine, "this build's model"), (earlier, "the baseline's model")):
        if reason := outcomes[one.name].reason:
            return f"{said} could not be timed: {reason}"
    ours, theirs = outcomes[mine.name].rounds_us, outcomes[earlier.name].rounds_us
    ratios = {size: ratio(ours[size], theirs[size]) for size in rows.batch_sizes}
    return [
        Compared(target, size, found, f"both timed here, in {found.runs} processes") for size, found in ratios.items()
    ]


def compare_figures(mine: Sequence[Measurement], earlier: Sequence[Measurement]) -> Iterator[Compared]:
    """Compare the figures of two runs on one machine: the intervals of the medians bound that of the ratio."""
    before = {_place(row): row for row in earlier}
    for row in mine:
        other = before.get(_place(row))
        if other is None or row.p50_us is None or other.p50_us is None or row.ci95 is None or other.ci95 is None:
            continue
        low, high = row.ci95[0] / other.ci95[1], row.ci95[1] / other.ci95[0]
        found = Figure(row.p50_us / other.p50_us, low, high, min(row.runs, other.runs))
        yield Compared(row.target, row.batch_size, found, "figures of two runs on this machine")


def judge(compared: Compared, variant: str, *, most_slowdown: float) -> Verdict:
    """Return the verdict on one ratio; `most_slowdown` is a fraction, 0.1 for a tenth more time."""
    found, limit = compared.ratio, 1 + most_slowdown
    subject = f"{variant}@{compared.target}@{compared.batch_size}"
    slower = found.low > 1 and found.median > limit
    note = f"95% interval {found.low:.2f} to {found.high:.2f}, {compared.how}"
    if found.median > limit and not slower:
        note += "; undecided, the interval holds 1"
    return Verdict(CHECK, subject, found.median, limit, not slower, KEY, note)


def _place(row: Measurement) -> tuple[object, ...]:
    return row.target, row.provider, row.threads, row.batch_size
