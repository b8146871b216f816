"""Timing: other rows in every call, warm before the first sample, enough samples, and an end in sight."""

from __future__ import annotations

import gc
import time

import pytest

from packager.benchmark import timing
from packager.benchmark.timing import time_calls, time_settled


def test_every_call_has_the_next_number_and_warm_up_comes_first() -> None:
    seen: list[int] = []
    samples = time_calls(seen.append, seconds=0.01)
    assert seen == list(range(len(seen)))
    assert len(seen) - len(samples) >= 2
    assert len(samples) >= 10
    assert all(isinstance(sample, int) and sample >= 0 for sample in samples)


def test_a_slow_call_is_timed_and_not_for_ever() -> None:
    calls = 0

    def slow(index: int) -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.02)

    samples = time_calls(slow, seconds=0.002)
    assert 1 <= len(samples) <= 10
    assert calls < 15
    assert min(samples) >= 20_000_000


def test_a_quick_call_is_not_timed_more_often_than_is_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_MAX_CALLS", 50)
    assert len(time_calls(lambda index: None, seconds=0.05)) == 50


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_off_while_calls_are_timed_and_as_before_after(was_on: bool) -> None:
    states: list[bool] = []
    if not was_on:
        gc.disable()
    try:
        samples = time_calls(lambda index: states.append(gc.isenabled()), seconds=0.001)
        assert not any(states[-len(samples) :])
        assert gc.isenabled() is was_on
    finally:
        gc.enable()


def test_the_collector_is_on_again_after_a_call_that_fails() -> None:
    begin = time.perf_counter()

    def fail(index: int) -> None:
        if time.perf_counter() - begin > 0.005:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        time_calls(fail, seconds=0.01)
    assert gc.isenabled()


def test_calls_are_counted_once_they_get_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that get faster by one in a hundred each, as a cache fills: little from call to call, much in the end."""
    monkeypatch.setattr(timing, "_window", lambda call, first: (1, 1000.0 * 0.99 ** min(first, 30)))
    timed = time_settled(lambda index: None, seconds=1e-3)
    assert timed.settled
    assert timed.warm_up_calls > 30


def test_a_hiccup_does_not_end_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    law = [1000.0, 900.0, 5000.0, 800.0, 700.0, 600.0, *[500.0] * 9]
    monkeypatch.setattr(timing, "_window", lambda call, first: (1, law[first]))
    assert time_settled(lambda index: None, seconds=1e-3).warm_up_calls > 7


def test_calls_that_never_settle_are_counted_and_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_window", lambda call, first: (1, 1000.0 * 0.9**first))
    timed = time_settled(lambda index: None, seconds=0.01)
    assert not timed.settled
    assert timed.samples_ns


def test_a_block_goes_on_where_the_last_one_ended() -> None:
    seen: list[int] = []
    time_settled(seen.append, seconds=0.001, first=7)
    assert seen[0] == 7
