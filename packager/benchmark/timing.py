"""Time calls. The clock is read right around each call; nothing is subtracted and no outlier is dropped.

Calls come first until their time has settled, however long that takes within a bound; only then are they counted.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

# A window of warm-up calls is long enough for the clock and short against what is to be seen: caches filling, a
# processor's frequency rising, a library compiling on its first calls.
_WINDOW_S = 0.003
_WINDOW_CALLS = 64
# Settled: the middle of so many windows is no faster than that of as many before them by more than this share. Single
# windows are slow now and then; less than this is noise of a median of few calls.
_COMPARED = 3
_STILL_FALLING = 0.02
# What has not settled within so many windows, or so many times the time of measuring, is timed as it is, and told.
_MOST_WINDOWS = 40
_PATIENCE = 5
_MIN_CALLS = 3
_MAX_CALLS = 20_000


@dataclass(frozen=True)
class Timed:
    """Nanoseconds of each counted call, how many came before them, and whether their time had settled by then."""

    samples_ns: list[int]
    warm_up_calls: int
    settled: bool


def time_calls(call: Callable[[int], object], *, seconds: float) -> list[int]:
    """Call `call(0)`, `call(1)`, … for about `seconds`; return nanoseconds of each call after the warm-up."""
    return time_settled(call, seconds=seconds).samples_ns


def time_settled(call: Callable[[int], object], *, seconds: float, first: int = 0) -> Timed:
    """Call `call(first)`, `call(first + 1)`, … until their time has settled, then for about `seconds` more.

    At least three calls are counted, unless that takes five times `seconds`; then at least one.
    """
    warm_up_calls, settled = _warm_up(call, first, seconds * _PATIENCE)
    return Timed(_counted(call, first + warm_up_calls, seconds), warm_up_calls, settled)


def _warm_up(call: Callable[[int], object], first: int, limit_s: float) -> tuple[int, bool]:
    """Call in windows until they get no faster; return how many calls that took, and whether they had settled.

    Of calls so slow that too few to compare fit into the limit, nothing is known, and they pass for settled.
    """
    begin, done, medians = time.perf_counter(), 0, list[float]()
    while len(medians) < _MOST_WINDOWS:
        calls, middle = _window(call, first + done)
        done, medians = done + calls, [*medians, middle]
        if len(medians) >= 2 * _COMPARED and _is_steady(medians):
            return done, True
        if time.perf_counter() - begin > limit_s:
            return done, len(medians) < 2 * _COMPARED
    return done, False


def _is_steady(medians: list[float]) -> bool:
    before, last = medians[-2 * _COMPARED : -_COMPARED], medians[-_COMPARED:]
    return median(last) > median(before) * (1 - _STILL_FALLING)


def _window(call: Callable[[int], object], first: int) -> tuple[int, float]:
    """Return how many calls filled one window, and the median of their nanoseconds."""
    begin, times = time.perf_counter(), list[int]()
    while not times or (len(times) < _WINDOW_CALLS and time.perf_counter() - begin < _WINDOW_S):
        start = time.perf_counter_ns()
        call(first + len(times))
        times.append(time.perf_counter_ns() - start)
    return len(times), median(times)


def _counted(call: Callable[[int], object], first: int, seconds: float) -> list[int]:
    samples: list[int] = []
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()  # a collection in the middle of a call is Python's cost, not the model's
    try:
        begin = time.perf_counter()
        while len(samples) < _MAX_CALLS:
            spent = time.perf_counter() - begin
            enough = len(samples) >= _MIN_CALLS or (samples and spent > seconds * _PATIENCE)
            if spent > seconds and enough:
                break
            start = time.perf_counter_ns()
            call(first + len(samples))
            samples.append(time.perf_counter_ns() - start)
    finally:
        if was_enabled:
            gc.enable()
    return samples
