"""One process of a contest: it opens the sessions of some contestants, and times a block of one's calls when asked.

In: JSON requests on standard input, one a line. Out: one JSON line each, why some did not open, then microseconds.
Between requests it sleeps, and takes nothing from the processes of other contestants.
"""

from __future__ import annotations

import gc
import json
import time
from pathlib import Path
from statistics import median
from typing import Any, TextIO

from packager.artifact import SessionSettings, signature_from
from packager.benchmark.parts import Call, Feeds, batches_in_parts, call_of
from packager.benchmark.worker import answer, load_libraries
from packager.dataset.rows import Rows
from packager.runtime.session import ExecutionProvider, NoKernel, ProviderUnavailable, RunFailed, Session, open_session

# A block is long against the clock and short against what disturbs a machine.
_BLOCK_S = 0.008
_MAX_CALLS = 200
_WARM_UP_CALLS = 3


class Contestants:
    """Open sessions by name, on the same rows. `reasons`: why others are not among them."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._rows = Rows.load(Path(request["rows"]))
        self._sessions: dict[str, Session] = {}
        self._steps: dict[str, int | None] = {}
        self._prepared: dict[tuple[object, ...], list[list[Feeds]]] = {}
        self._calls: dict[tuple[str, int], Call] = {}
        self.reasons: dict[str, str] = {}
        provider = ExecutionProvider(**request["provider"])
        if not provider.is_cpu:
            load_libraries()
        for one in request["contestants"]:
            self._open(one, provider)

    def block(self, name: str, batch_size: int, number: int) -> float:
        """Return the median of some calls in a row, in microseconds; `number` says at which batches they begin."""
        call = self._call(name, batch_size)
        samples: list[int] = []
        begin = time.perf_counter()
        while not samples or (len(samples) < _MAX_CALLS and time.perf_counter() - begin < _BLOCK_S):
            start = time.perf_counter_ns()
            call(number * _MAX_CALLS + len(samples))
            samples.append(time.perf_counter_ns() - start)
        return median(samples) / 1000

    def _open(self, one: dict[str, Any], provider: ExecutionProvider) -> None:
        name, settings = one["name"], SessionSettings(**one["settings"])
        try:
            session = open_session(
                Path(one["path"]), signature_from(one["signature"]), provider=provider, settings=settings
            )
        except (ProviderUnavailable, NoKernel) as error:
            self.reasons[name] = str(error)
            return
        if not session.placement.get(provider.name, 0):
            total = sum(session.placement.values())
            self.reasons[name] = f"{provider.name} runs 0 of {total} nodes: it would be timed on another provider"
            return
        self._sessions[name], self._steps[name] = session, settings.rows_per_run

    def _call(self, name: str, size: int) -> Call:
        """Return the warm call of one contestant; sessions that take the same arrays share them."""
        if (name, size) not in self._calls:
            session, step = self._sessions[name], min(self._steps[name] or size, size)
            key = (session.input_dtype, session.signature.input_names, size, step)
            if key not in self._prepared:
                self._prepared[key] = batches_in_parts(self._rows, size, step, session)
            session.answers(self._rows.take(slice(0, size)))  # what fails is told in one kind of error
            self._calls[name, size] = call = call_of(session, self._prepared[key])
            for index in range(_WARM_UP_CALLS):
                call(index)
            gc.collect()
        return self._calls[name, size]


def serve(requests: TextIO, replies: TextIO) -> None:
    """Answer the request to open, then requests to time, until their end."""
    gc.disable()  # a collection in the middle of a call is Python's cost, not the model's
    contestants: Contestants | None = None
    for line in requests:
        request = json.loads(line)
        if contestants is None:
            contestants = Contestants(request)
            reply: dict[str, Any] = {"reasons": contestants.reasons}
        else:
            reply = _timed(contestants, request)
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _timed(contestants: Contestants, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"us": contestants.block(**request)}
    except RunFailed as error:
        return {"reason": str(error)}


if __name__ == "__main__":
    answer(serve)
