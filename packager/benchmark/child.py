"""The handle of a benchmark worker: requests go in, replies come out; a process that ends or hangs is a reason."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import packager
from packager.binned.library import INSTRUCTION_SET

# What a provider's libraries need to find a device, and with which instructions binned trees are to be scored; nothing
# else of the caller's environment reaches the worker.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "CUDA_VISIBLE_DEVICES", "SYSTEMROOT", INSTRUCTION_SET)
# The worker runs under a Python that holds numpy and ONNX Runtime alone: it finds this package by its own place, and no
# other package of the tool's environment with it.
_START = """
import importlib.util, runpy, sys
place = sys.argv[1]
spec = importlib.util.spec_from_file_location("packager", place + "/__init__.py", submodule_search_locations=[place])
module = importlib.util.module_from_spec(spec)
sys.modules["packager"] = module
spec.loader.exec_module(module)
runpy.run_module(sys.argv[2], run_name="__main__")
"""
_CHUNK = 1 << 16
_REASON_LENGTH = 300


class ChildEnded(Exception):
    """The worker ended, or was ended, without an answer; the message says how."""


class Child:
    """One worker process. Use it as a context: it does not outlive the block."""

    def __init__(self, python: Path, module: str = "packager.benchmark.worker") -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                [python, "-I", "-B", "-c", _START, str(Path(packager.__file__).parent), module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={name: os.environ[name] for name in _KEPT if name in os.environ},
            )
        except OSError as error:
            self._log.close()
            raise ChildEnded(f"{python} can't be started: {error.strerror}") from None
        self._read = b""

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def end(self) -> None:
        """End the process, whatever it does; twice is as good as once."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None and not stream.closed:
                with suppress(BrokenPipeError):  # what was never read is written once more
                    stream.close()

    def ask(self, request: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """Send a request and return its reply; ChildEnded where none comes within `seconds`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None or stdin.closed:
            raise ChildEnded("the benchmark process has ended")
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        deadline = time.monotonic() + seconds
        while b"\n" not in self._read:
            ready, _, _ = select.select([stdout], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                self.end()
                raise ChildEnded(f"the benchmark process did not answer within {seconds:.0f} s")
            block = os.read(stdout.fileno(), _CHUNK)
            if not block:
                raise self._ended()
            self._read += block
        line, _, self._read = self._read.partition(b"\n")
        try:
            reply: dict[str, Any] = json.loads(line)
        except ValueError:
            self.end()
            raise ChildEnded("the benchmark process answered what is no answer") from None
        return reply

    def _ended(self) -> ChildEnded:
        code = self._process.wait()
        self._log.seek(0)
        words = self._log.read().decode(errors="replace").strip().splitlines()[-1:]
        self.end()
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
        return ChildEnded(": ".join([f"the benchmark process ended with {how}", *words])[:_REASON_LENGTH])
