"""Time calls. The clock is read right around each call; nothing is subtracted and no outlier is dropped."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

# Warm-up ends after this share of the time budget; caches, allocators and branch predictors have settled by then.
_WARM_UP_SHARE = 0.15
_MIN_WARM_UP_CALLS = 3
_MIN_CALLS = 10
# A slow call is not repeated for ever: with ten samples a median still has an interval.
_MAX_CALLS = 20_000
_PATIENCE = 5


def time_calls(call: Callable[[int], object], *, seconds: float) -> list[int]:
    """Call `call(0)`, `call(1)`, … for about `seconds`; return nanoseconds of each call after the warm-up.

    At least ten calls are timed, unless that takes five times `seconds`; then at least two.
    """
    begin = time.perf_counter()
    index = 0
    while index < _MIN_WARM_UP_CALLS or time.perf_counter() - begin < seconds * _WARM_UP_SHARE:
        call(index)
        index += 1
        if time.perf_counter() - begin > seconds * _PATIENCE:
            break
    return _timed(call, index, seconds)


def _timed(call: Callable[[int], object], first: int, seconds: float) -> list[int]:
    samples: list[int] = []
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()  # a collection in the middle of a call is Python's cost, not the model's
    try:
        begin = time.perf_counter()
        while len(samples) < _MAX_CALLS:
            spent = time.perf_counter() - begin
            enough = len(samples) >= _MIN_CALLS or (len(samples) >= 2 and spent > seconds * _PATIENCE)
            if spent > seconds and enough:
                break
            start = time.perf_counter_ns()
            call(first + len(samples))
            samples.append(time.perf_counter_ns() - start)
    finally:
        if was_enabled:
            gc.enable()
    return samples
