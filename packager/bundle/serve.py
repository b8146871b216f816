"""Serve a bundle on loopback with the very server of Azure ML's endpoints; nothing outside this machine reaches it.

The bundle is checked first and stays untouched: logs and scratch files lie elsewhere.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from packager.bundle.scoring import child_environment, lay_out
from packager.errors import BundleError

HOST = "127.0.0.1"
_APP = "azureml_inference_server_http.server.entry:app"
# Loading a large model takes a minute on a slow disk; a server that is silent for longer has failed.
_START_S = 120
_STOP_S = 10
# How the server ends when score.py's init() fails.
BOOT_FAILED = 3
_LOG_LINES = 5


@dataclass(frozen=True)
class Served:
    """A running server: where it scores, and its process."""

    url: str
    process: subprocess.Popen[bytes]

    @property
    def score_url(self) -> str:
        """Return the address to POST rows to."""
        return f"{self.url}/score"


@dataclass(frozen=True)
class Placed:
    """Where the platform has put code and model, and the folder that it starts the server in.

    `variables` are set beside its own; the server has `workers`, each replaced when a request holds it for longer than
    `worker_timeout_s`, and has to be up after `start_s`.
    """

    code: Path
    model_dir: Path
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    worker_timeout_s: int | None = None
    start_s: float = _START_S


@contextmanager
def served(
    bundle: Path, *, port: int = 0, python: str = sys.executable, log: IO[bytes] | None = None, workers: int = 1
) -> Iterator[Served]:
    """Yield the bundle running on loopback; it ends with the block.

    `python` is the interpreter whose environment serves. The server's log goes to `log`, else it is dropped; when the
    server does not come up, its last lines are in the BundleError.
    """
    with tempfile.TemporaryDirectory(prefix="serve-") as scratch:
        code, mount = lay_out(bundle, Path(scratch))
        placed = Placed(code, mount, Path(scratch), workers=workers)
        with running(placed, port=port, python=python, log=log) as server:
            yield server


@contextmanager
def running(
    placed: Placed, *, port: int = 0, python: str = sys.executable, log: IO[bytes] | None = None
) -> Iterator[Served]:
    """Yield a server of what lies where the platform puts it; it and all its workers end with the block.

    BundleError where it does not come up, with the last lines of its log where that can be read back.
    """
    port = free_port(port)
    options = [] if placed.worker_timeout_s is None else ["--timeout", str(placed.worker_timeout_s)]
    with tempfile.TemporaryFile() as kept:
        told = log or kept
        process = subprocess.Popen(
            [python, "-m", "gunicorn", "-b", f"{HOST}:{port}", "-w", str(placed.workers), *options]
            + ["--access-logfile", "-", _APP],
            env={**placed.variables, **child_environment(placed.code, placed.model_dir, placed.folder)},
            cwd=placed.folder,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            start_new_session=True,
        )
        try:
            server = Served(f"http://{HOST}:{port}", process)
            _await_health(server, told, placed.start_s)
            yield server
        except BaseException:  # nobody waits for what it would still answer
            _end_all(process)
            raise
        finally:
            _stop(process)


def _await_health(server: Served, log: IO[bytes], start_s: float) -> None:
    deadline = time.monotonic() + start_s
    while time.monotonic() < deadline:
        if (code := server.process.poll()) is not None:
            told = " / ".join(_last_lines(log))
            why = "score.py's init() refused" if code == BOOT_FAILED else "the server did not start"
            raise BundleError(f"{why}: {told}" if told else why, measured=f"exit code {code}")
        if _is_healthy(server.url):
            return
        time.sleep(0.05)
    raise BundleError("The server is not healthy", measured=f"no answer after {start_s:g} s")


def _last_lines(log: IO[bytes]) -> list[str]:
    """Return the end of a log; nothing of one that can't be read back, as a terminal."""
    if not (log.readable() and log.seekable()):
        return []
    log.seek(0)
    return log.read().decode("utf-8", "replace").strip().splitlines()[-_LOG_LINES:]


def _is_healthy(url: str) -> bool:
    # Proxies of the environment have no business between two processes on one machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _end_all(process)


def _end_all(process: subprocess.Popen[bytes]) -> None:
    """Kill the server with its workers: one that hangs would outlive it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def free_port(port: int) -> int:
    """Return the port if it can be listened on, or a free one for 0; BundleError where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or "not a port"
            raise BundleError(f"Can't listen on port {port}: {reason}", hint="choose another with --port") from None
        found: int = probe.getsockname()[1]
        return found


def stay(server: Served) -> None:
    """Wait until someone interrupts; BundleError where the server ends by itself."""
    try:
        code = server.process.wait()
    except KeyboardInterrupt:
        return
    raise BundleError(f"The server ended by itself with code {code}", hint="its log is above")


@contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that no server outlives the command."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
