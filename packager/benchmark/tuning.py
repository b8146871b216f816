"""Which settings of ONNX Runtime's session serve the selected variant fastest, without changing a bit of any answer.

In: the variant, the rows and batch sizes of the benchmark, and made rows that bits are compared on. Out: the settings,
and every trial. The law comes first: settings that change any bit of any answer are out before the clock starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from packager.artifact import BINNED_SUFFIX, VERIFIED_SETTINGS, Optimization, SessionSettings, Signature
from packager.benchmark.contest import Contestant, Figure, Outcome, Rows, hold, ratio, time_of
from packager.benchmark.same_bits import differing_settings
from packager.dataset.rows import Rows as MadeRows
from packager.report.model import Trial

# Two heats a target: some ten ways to run are told apart in the first, the winners are timed afresh in the second.
_SECONDS_PER_HEAT = 4.0
# Parts that fit a processor's caches, when a request does not; what a request needs no parts for is not tried.
_ROWS_PER_RUN = (32, 128, 512)
# Less is not worth settings of its own, however sure it is.
_MIN_GAIN = 0.03

DEFAULT = "default"


@dataclass(frozen=True)
class Tuned:
    """What runs: the variant's file and its signature; `target` and the threads that it has.

    `decides`: the batch size that a winner has to be faster at; `max_batch`: the most rows of a request.
    """

    path: Path
    signature: Signature
    target: str
    threads: int
    decides: int
    max_batch: int = 1


def tune(tuned: Tuned, rows: Rows, made: MadeRows) -> tuple[SessionSettings, list[Trial]]:
    """Return the settings to serve with, the default ones unless others are faster, and the evidence.

    Faster: at the batch size that decides the whole 95% interval of the ratio to the default's time lies below 1, and
    the ratio at 0.97 at most; at no other batch size does the interval lie above 1.
    """
    tried, sizes = list(ways(tuned, max(rows.batch_sizes))), (*rows.batch_sizes, tuned.max_batch)
    out = differing_settings(tuned.path, tuned.signature, made, tried, sizes)
    trials = [Trial(tuned.target, one, 1, None, None, None, reason) for one, reason in out.items()]
    heats = [one for one in tried if one not in out]
    best: list[SessionSettings] = []
    for heat in (1, 2):
        outcomes = _held(tuned, heats, rows)
        trials += _trials(tuned, heat, outcomes, rows)
        best = _winners(outcomes, heats, rows.batch_sizes, tuned.decides)
        if heat == 2 or not best:
            break
        heats = _finalists(best, heats)
        out = differing_settings(tuned.path, tuned.signature, made, heats, sizes)
        trials += [Trial(tuned.target, one, 2, None, None, None, reason) for one, reason in out.items()]
        heats = [one for one in heats if one not in out]
    chosen = best[0] if best else VERIFIED_SETTINGS
    return chosen, [replace(one, chosen=one.settings == chosen and one.heat == trials[-1].heat) for one in trials]


def ways(tuned: Tuned, largest_batch: int) -> Iterator[SessionSettings]:
    """Yield what is to be tried: of a binned form threads alone, for all else is ONNX Runtime's."""
    if tuned.path.suffix == BINNED_SUFFIX:
        return more_threads(tuned.threads)
    return candidates(tuned.threads, largest_batch)


def candidates(threads: int, largest_batch: int) -> Iterator[SessionSettings]:
    """Yield ways to run that differ from the default in one thing; never on more threads than `threads`."""
    for optimization in get_args(Optimization)[1:]:
        yield replace(VERIFIED_SETTINGS, optimization=optimization)
    yield replace(VERIFIED_SETTINGS, arena=False)
    for rows_per_run in _ROWS_PER_RUN:
        if rows_per_run < largest_batch:
            yield replace(VERIFIED_SETTINGS, rows_per_run=rows_per_run)
    yield from more_threads(threads)
    if threads > 1:
        yield replace(VERIFIED_SETTINGS, threads=threads, execution="parallel")


def more_threads(threads: int) -> Iterator[SessionSettings]:
    """Yield the default settings on 2, 4, 8, … threads and on `threads`."""
    counts = {2**power for power in range(1, threads.bit_length()) if 2**power < threads} | {threads}
    for count in sorted(counts - {1}):
        yield replace(VERIFIED_SETTINGS, threads=count)


def _held(tuned: Tuned, settings: Sequence[SessionSettings], rows: Rows) -> dict[SessionSettings, Outcome]:
    """Time the default settings and all others in turns."""
    ways = [VERIFIED_SETTINGS, *settings]
    contestants = [Contestant(str(index), tuned.path, tuned.signature, one) for index, one in enumerate(ways)]
    found = hold(contestants, rows, seconds=_SECONDS_PER_HEAT)
    return {one: found[str(index)] for index, one in enumerate(ways)}


def _winners(
    outcomes: Mapping[SessionSettings, Outcome],
    settings: Sequence[SessionSettings],
    batch_sizes: Sequence[int],
    decides: int,
) -> list[SessionSettings]:
    """Return the settings that beat the default, the fastest first."""
    won: list[tuple[float, SessionSettings]] = []
    for one in settings:
        if outcomes[one].reason or outcomes[VERIFIED_SETTINGS].reason:
            continue
        ratios = {size: _ratio(outcomes, one, size) for size in batch_sizes}
        slower = any(found.low > 1 for found in ratios.values())
        if ratios[decides].high < 1 and ratios[decides].median <= 1 - _MIN_GAIN and not slower:
            won.append((ratios[decides].median, one))
    return [one for _, one in sorted(won, key=lambda pair: pair[0])]


def _ratio(outcomes: Mapping[SessionSettings, Outcome], settings: SessionSettings, size: int) -> Figure:
    """Return how many times as long calls take as with the default settings, in the same rounds."""
    return ratio(outcomes[settings].rounds_us[size], outcomes[VERIFIED_SETTINGS].rounds_us[size])


def _finalists(best: Sequence[SessionSettings], tried: Sequence[SessionSettings]) -> list[SessionSettings]:
    """Return the fastest of the first heat, and all that won in it put together, of each kind the fastest."""
    changes: dict[str, Any] = {}
    for one in best:
        for name, value in vars(one).items():
            if value != getattr(VERIFIED_SETTINGS, name):
                changes.setdefault(name, value)
    if changes.get("execution") == "parallel" and best[0].execution != "parallel":
        del changes["execution"]  # of the two ways to use threads, the faster
    together = replace(VERIFIED_SETTINGS, **changes)
    return list(dict.fromkeys([best[0], together]))


def _trials(tuned: Tuned, heat: int, outcomes: Mapping[SessionSettings, Outcome], rows: Rows) -> Iterator[Trial]:
    for one, outcome in outcomes.items():
        if reason := outcome.reason or outcomes[VERIFIED_SETTINGS].reason:
            yield Trial(tuned.target, one, heat, None, None, None, f"not timed: {reason}")
            continue
        for size, rounds in outcome.rounds_us.items():
            figure, against = time_of(rounds), _ratio(outcomes, one, size)
            said = "faster" if against.high < 1 else "slower" if against.low > 1 else "alike"
            yield Trial(
                target=tuned.target,
                settings=one,
                heat=heat,
                batch_size=size,
                p50_us=figure.median,
                ci95=(figure.low, figure.high),
                outcome=DEFAULT if one == VERIFIED_SETTINGS else said,
                ratio=(against.median, against.low, against.high),
            )
