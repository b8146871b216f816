"""Measure many cases in worker processes: each in bounded time, a crash or a hang is one row."""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from .case import Case
from .measure import Engine, Finding

_ROOT = Path(__file__).parents[2]
_SECONDS_TO_START = 120.0
_SECONDS_PER_CASE = 60.0
# Each worker has one thread of its own; libraries that start more only get in each other's way.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class _Lost(RuntimeError):
    """The worker gave no answer; the message says why."""


class _Worker:
    def __init__(self, engine: Engine, *, gated: bool) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.coverage.worker", engine, *(["gated"] if gated else [])],
            cwd=_ROOT,
            env={**os.environ, **_ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._read(_SECONDS_TO_START)

    def measure(self, case: Case) -> Finding:
        if self._process.stdin is None:
            raise _Lost("the worker takes no cases")
        try:
            self._process.stdin.write(json.dumps(case.name).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise _Lost(f"the process ended with status {self._process.wait()}") from error
        return Finding.of(json.loads(self._read(_SECONDS_PER_CASE)))

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _read(self, seconds: float) -> bytes:
        if self._process.stdout is None:
            raise _Lost("the worker gives no answers")
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            raise _Lost(f"took longer than {seconds:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise _Lost(f"the process ended with status {self._process.wait()}")
        return line


def measure_all(
    cases: Sequence[Case],
    *,
    jobs: int,
    engine: Engine = "own",
    gated: bool = False,
    told: Callable[[Finding], None] = lambda finding: None,
) -> list[Finding]:
    """Return one finding per case, in the order of the cases; `told` hears of each as it is made."""
    waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in cases:
        waiting.put(case)
    findings: dict[str, Finding] = {}

    def work() -> None:
        worker: _Worker | None = None
        while True:
            try:
                case = waiting.get_nowait()
            except queue.Empty:
                break
            try:
                worker = worker or _Worker(engine, gated=gated)
                finding = worker.measure(case)
            except _Lost as loss:
                finding = Finding(case.name, case.table, case.family, "failed", str(loss))
                if worker is not None:
                    worker.stop()
                worker = None
            findings[case.name] = finding
            told(finding)
        if worker is not None:
            worker.stop()

    threads = [threading.Thread(target=work) for _ in range(max(1, min(jobs, len(cases))))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [findings[case.name] for case in cases]
