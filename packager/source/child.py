"""Start the source worker and ask it. It shares nothing with this process but the scratch folder's files."""

from __future__ import annotations

import ctypes.util
import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from packager.bugs import bug
from packager.errors import ERROR_OF_STAGE, PackagerError, SourceError

# What a child may need of our environment: nothing else is inherited, least of all secrets.
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT")
_MIB = 1 << 20
# Room for the libraries themselves and for building a graph; the rest is a multiple of the artifact.
_BASE_MEMORY_BYTES = 6 << 30
_MEMORY_PER_ARTIFACT_BYTE = 30
_SECONDS = {"load": 300.0, "describe": 300.0, "convert": 900.0, "lint": 900.0}
_DEFAULT_SECONDS = 600.0


class SourceWorker:
    """A running source worker."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log
        self.seconds: dict[str, float] = {}

    def ask(self, command: str, **arguments: object) -> Any:
        """Send one command and return its answer; raise the error of its stage, or SourceError when it died.

        A fault of our own code in there is a PackagerError, which names its log.

        Answers are JSON; each command has its time limit, after which the worker is killed.
        """
        line = json.dumps({"command": command, "arguments": arguments}) + "\n"
        stdin, stdout = self._pipes()
        try:
            stdin.write(line.encode())
            stdin.flush()
        except BrokenPipeError:
            raise self._died(command) from None
        reply = json.loads(self._read_line(stdout, command))
        self.seconds[command] = self.seconds.get(command, 0.0) + reply.get("seconds", 0.0)
        if error := reply.get("error"):
            kind = ERROR_OF_STAGE.get(error.pop("stage"), PackagerError)
            raise kind(error.pop("message"), **error)
        if fault := reply.get("bug"):
            raise PackagerError(bug(fault["kind"], fault["trace"], where=f" in the source worker during `{command}`"))
        return reply["answer"]

    def close(self) -> None:
        """Stop the worker."""
        self._process.kill()
        self._process.wait()
        for pipe in self._pipes():
            pipe.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process.stdin is None or self._process.stdout is None:
            raise PackagerError("the source worker has no pipes")
        return self._process.stdin, self._process.stdout

    def _read_line(self, stdout: IO[bytes], command: str) -> bytes:
        limit_s = _SECONDS.get(command, _DEFAULT_SECONDS)
        chunks: list[bytes] = []
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while not chunks or not chunks[-1].endswith(b"\n"):
                if not selector.select(limit_s):
                    self._process.kill()
                    message = f"the source worker did not finish `{command}` in time and was stopped"
                    hint = "the artifact may not end when it is loaded"
                    raise SourceError(message, limit=f"{limit_s:.0f} s", hint=hint)
                chunk = os.read(stdout.fileno(), _MIB)
                if not chunk:
                    raise self._died(command)
                chunks.append(chunk)
        return b"".join(chunks)

    def _died(self, command: str) -> SourceError:
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        last = self._last_words()
        message = f"the source worker died during `{command}` ({how}){': ' + last if last else ''}"
        return SourceError(message, hint="the artifact crashes its own library: save it again where it was trained")

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""


@contextmanager
def source_worker(scratch: Path) -> Iterator[SourceWorker]:
    """Start a worker whose working, home and temporary folder is `scratch`; stop it at the end."""
    log = scratch / "worker.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "packager.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=scratch,
            env=_environment(scratch),
        )
    worker = SourceWorker(process, log)
    try:
        yield worker
    finally:
        worker.close()


def memory_limit_bytes(artifact_bytes: int) -> int:
    """Return how much memory a worker may take for an artifact of that size."""
    return _BASE_MEMORY_BYTES + _MEMORY_PER_ARTIFACT_BYTE * artifact_bytes


def _environment(scratch: Path) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    environment |= {"HOME": str(scratch), "TMPDIR": str(scratch), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    if library := _openmp_stand_in(scratch):
        environment["LD_LIBRARY_PATH"] = str(library)
    return environment


def _openmp_stand_in(scratch: Path) -> Path | None:
    """LightGBM's wheel wants the system's libgomp.so.1; where there is none, lend it scikit-learn's copy."""
    if ctypes.util.find_library("gomp"):
        return None
    for file in metadata.files("scikit-learn") or []:
        if file.name.startswith("libgomp"):
            folder = scratch / "lib"
            folder.mkdir(exist_ok=True)
            link = folder / "libgomp.so.1"
            if not link.exists():
                link.symlink_to(Path(str(file.locate())).resolve())
            return folder
    return None
