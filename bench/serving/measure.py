"""One server at a time: started, asked until it answers right, loaded by wrk, weighed and stopped.

wrk is the closed loop: in C, it takes a few percent of a core where a generator in Python would take as much as the
server. Its own latencies are not used: a closed loop hides stalls.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from bench.serving.contenders import HOST, Contender, Place, Start
from bench.serving.workload import Checked

_SCRIPT = Path(__file__).with_name("closed_loop.lua")
_START_S, _STOP_S = 90.0, 10.0
_POLL_S = 0.01
WARM_UP_S = 0.3
# One worker is kept busy by two clients that wait for their answers; more only queue.
CONNECTIONS = 4


# A figure from fewer is none: the run is made again, longer.
_LEAST_REQUESTS, _LONGEST_S = 20, 10


class Failed(Exception):
    """A server that did not start, or answered wrongly."""


@dataclass(frozen=True)
class Visit:
    """One start of one server: seconds to the first right answer, requests/s by rows, memory of all its processes."""

    cold_s: float
    requests_per_s: dict[int, float]
    memory_mb: float


def visit(contender: Contender, place: Place, checked: Checked, bodies: dict[int, Path], *, seconds: float) -> Visit:
    """Start the server, measure it and stop it; Failed where it is wrong in any answer."""
    start = contender.start(place)
    body = contender.encode(checked.rows, len(checked.probabilities)).encode()
    begun = time.perf_counter()
    with running(start, place.folder) as process:
        answer = _first_answer(process, start, contender.path, body, begun + _START_S)
        cold_s = time.perf_counter() - begun
        found = np.array(contender.probabilities(json.loads(answer)))
        if found.shape != checked.probabilities.shape or not np.allclose(found, checked.probabilities, atol=1e-6):
            raise Failed("its answers are not the model's")
        url = f"http://{HOST}:{start.port}{contender.path}"
        load(url, bodies[min(bodies)], seconds=WARM_UP_S)
        figures = {size: load(url, path, seconds=seconds) for size, path in bodies.items()}
        return Visit(cold_s, figures, memory_mb(process.pid))


@contextmanager
def running(start: Start, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in a session of its own; it ends with the block, and all that it started with it."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            start.command,
            env=start.environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(_STOP_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _first_answer(process: subprocess.Popen[bytes], start: Start, path: str, body: bytes, deadline: float) -> bytes:
    """Ask until the server answers with 200."""
    last = "no answer"
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            raise Failed(f"it ended with code {process.returncode}")
        connection = http.client.HTTPConnection(HOST, start.port, timeout=10)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            data = answer.read()
            if answer.status == 200:
                return data
            last = f"status {answer.status}"
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(_POLL_S)
    raise Failed(f"{last} after {_START_S:.0f} s")


def load(url: str, bodies: Path, *, seconds: float) -> float:
    """Return requests per second of a closed loop; Failed where an answer is not 200."""
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{max(seconds, 1):.0f}s", "--timeout", "20s"]
    done = subprocess.run(
        [*command, "-s", str(_SCRIPT), url],
        env={**os.environ, "BODIES": str(bodies)},
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    line = next((line for line in done.stdout.splitlines() if line.startswith("FIGURES ")), None)
    if line is None:
        raise Failed(f"wrk: {(done.stderr or done.stdout).strip()[-200:]}")
    requests, microseconds, refused, broken, _ = (int(part) for part in line.split()[1:])
    if requests < _LEAST_REQUESTS and seconds < _LONGEST_S and not (refused or broken):
        return load(url, bodies, seconds=3 * seconds)
    if refused or broken or not requests:
        raise Failed(f"{refused} answers that are not 200 and {broken} broken of {requests}")
    return requests / microseconds * 1e6


def memory_mb(pid: int) -> float:
    """Return the memory of a process and all that it started; shared pages count once."""
    tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(process.memory_full_info().pss for process in tree) / 1e6
