"""The benchmark worker: one child process for one variant on one target, which opens it and times its calls.

In: JSON requests on standard input, one a line. Out: one JSON line each, the placement of nodes, nanoseconds per call,
or the reason why there are none. It may run in an environment that holds nothing but numpy and ONNX Runtime.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from packager.artifact import SessionSettings, Signature, signature_from
from packager.benchmark.parts import Call, batches_in_parts, call_of
from packager.benchmark.timing import Timed, time_settled
from packager.dataset.rows import Rows
from packager.runtime.session import (
    ExecutionProvider,
    NoKernel,
    ProviderUnavailable,
    RunFailed,
    Session,
    open_session,
)


class TargetWorker:
    """An open model and its rows. One method a command."""

    def __init__(self, session: Session, rows: Rows, rows_per_run: int | None = None) -> None:
        self._session, self._rows, self._rows_per_run = session, rows, rows_per_run
        self._calls: dict[int, Call] = {}
        self._next: dict[int, int] = {}

    def time(self, batch_size: int, seconds: float) -> Timed:
        """Time `session.run` alone, on prepared inputs, with other rows in every call until all went round.

        RunFailed where the model fails on such a batch.
        """
        call = self._call_of(batch_size)
        self._session.answers(self._rows.take(slice(0, batch_size)))  # what fails is told in one kind of error
        first = self._next.get(batch_size, 0)
        timed = time_settled(call, seconds=seconds, first=first)
        self._next[batch_size] = first + timed.warm_up_calls + len(timed.samples_ns)
        return timed

    def _call_of(self, batch_size: int) -> Call:
        if batch_size not in self._calls:
            step = min(self._rows_per_run or batch_size, batch_size)
            batches = batches_in_parts(self._rows, batch_size, step, self._session)
            self._calls[batch_size] = call_of(self._session, batches)
        return self._calls[batch_size]


def open_worker(request: dict[str, Any]) -> tuple[TargetWorker, Session]:
    """Open what a request names; ProviderUnavailable or NoKernel where that can't be done."""
    provider = ExecutionProvider(**request["provider"])
    if not provider.is_cpu:
        load_libraries()
    signature: Signature = signature_from(request["signature"])
    settings = SessionSettings(**request["settings"])
    session = open_session(Path(request["model"]), signature, provider=provider, settings=settings)
    return TargetWorker(session, Rows.load(Path(request["rows"])), settings.rows_per_run), session


def load_libraries() -> None:
    """Load the libraries of a GPU from the environment's own packages, where this ONNX Runtime knows how to."""
    import onnxruntime

    if hasattr(onnxruntime, "preload_dlls") and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        onnxruntime.preload_dlls()


def serve(requests: TextIO, replies: TextIO) -> None:
    """Answer the request to open, then requests to time, until their end."""
    worker: TargetWorker | None = None
    for line in requests:
        request = json.loads(line)
        try:
            if worker is None:
                worker, session = open_worker(request)
                reply: dict[str, Any] = {"operators": session.operators, "instruction_set": session.instruction_set}
            else:
                reply = asdict(worker.time(request["batch_size"], request["seconds"]))
        except (ProviderUnavailable, NoKernel, RunFailed) as error:
            reply = {"reason": str(error)}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def answer(serve: Callable[[TextIO, TextIO], None]) -> None:
    """Answer on what was standard output; whatever a library prints goes to the log on standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(sys.stdin, replies)


if __name__ == "__main__":
    answer(serve)
