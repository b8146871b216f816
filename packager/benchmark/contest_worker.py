"""One process of a contest: it opens all sessions, then times them in turns, round after round.

In: a JSON request on standard input. Out: one JSON line, by contestant, with the median of each round by batch size.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from packager.artifact import SessionSettings, signature_from
from packager.benchmark.parts import Call, Feeds, batches_in_parts, call_of
from packager.benchmark.worker import load_libraries
from packager.dataset.rows import Rows
from packager.runtime.session import ExecutionProvider, NoKernel, ProviderUnavailable, Session, open_session

# A block is long against the clock and short against what disturbs a machine.
_BLOCK_S = 0.008
_MAX_CALLS = 200
_WARM_UP_CALLS = 3
# Six rounds of three processes are enough for an interval; a slow model is not asked for more.
_MIN_ROUNDS = 2


def main() -> None:
    """Answer the one request on what was standard output; whatever a library prints goes to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    replies.write(json.dumps(contest(json.load(sys.stdin))) + "\n")
    replies.flush()


def contest(request: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Time every contestant at every batch size."""
    rows = Rows.load(Path(request["rows"]))
    found: dict[str, dict[str, Any]] = {
        one["name"]: {"rounds_us": {}, "reason": None} for one in request["contestants"]
    }
    sessions = dict(_opened(request, found))
    parts = {one["name"]: one["settings"]["rows_per_run"] for one in request["contestants"]}
    gc.disable()  # a collection in the middle of a call is Python's cost, not the model's
    for size in request["batch_sizes"]:
        calls = _calls(sessions, rows, size, parts)
        for name, medians in _rounds(calls, request["rounds"], request["seconds"] / len(request["batch_sizes"])):
            found[name]["rounds_us"][size] = medians
        gc.collect()
    return found


def _opened(request: dict[str, Any], found: dict[str, dict[str, Any]]) -> Iterator[tuple[str, Session]]:
    provider = ExecutionProvider(**request["provider"])
    if not provider.is_cpu:
        load_libraries()
    for one in request["contestants"]:
        try:
            session = open_session(
                Path(one["path"]),
                signature_from(one["signature"]),
                provider=provider,
                settings=SessionSettings(**one["settings"]),
            )
        except (ProviderUnavailable, NoKernel) as error:
            found[one["name"]]["reason"] = str(error)
            continue
        if not session.placement.get(provider.name, 0):
            total = sum(session.placement.values())
            found[one["name"]]["reason"] = (
                f"{provider.name} runs 0 of {total} nodes: it would be timed on another provider"
            )
            continue
        yield one["name"], session


def _rounds(calls: dict[str, Call], rounds: int, seconds: float) -> Iterator[tuple[str, list[float]]]:
    """Yield the median of each round: every contestant in turn, in the other order every second round."""
    medians: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for index in range(_WARM_UP_CALLS):
            call(index)
    begin = time.perf_counter()
    for number in range(rounds):
        if number >= _MIN_ROUNDS and time.perf_counter() - begin > seconds:
            break
        for name in calls if number % 2 == 0 else reversed(calls):
            medians[name].append(_block(calls[name], number * _MAX_CALLS))
    yield from medians.items()


def _block(call: Call, first: int) -> float:
    """Return the median of some calls in a row, in microseconds."""
    samples: list[int] = []
    begin = time.perf_counter()
    while not samples or (len(samples) < _MAX_CALLS and time.perf_counter() - begin < _BLOCK_S):
        start = time.perf_counter_ns()
        call(first + len(samples))
        samples.append(time.perf_counter_ns() - start)
    return median(samples) / 1000


def _calls(sessions: dict[str, Session], rows: Rows, size: int, parts: dict[str, int | None]) -> dict[str, Call]:
    """Return by name the call that scores one batch after the other; sessions that take the same arrays share them.

    `parts`: by name how many rows are scored at once, None for all of a batch.
    """
    prepared: dict[tuple[object, ...], list[list[Feeds]]] = {}
    calls = {}
    for name, session in sessions.items():
        step = min(parts[name] or size, size)
        key = (session.input_dtype, session.signature.input_names, step)
        if key not in prepared:
            prepared[key] = batches_in_parts(rows, size, step, session)
        calls[name] = call_of(session, prepared[key])
    return calls


if __name__ == "__main__":
    main()
