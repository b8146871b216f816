"""A server whose service time and stalls are known, and that writes down itself when it answered what.

As a program: `stub.py SETTINGS_JSON`. It prints its port; when it is terminated, each worker leaves a file of lines
`id started finished`, seconds on time.perf_counter's clock, which all processes of a machine share.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

Request = tuple[bytes, bool]
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """`stalls`: from when, in seconds after the first request, and for how long nothing is answered.

    Workers are processes that take one request a connection, as the inference server's are; with `keep_alive` they are
    turns that the threads of one process take, and connections stay, as other load generators know it.
    """

    folder: str
    service_ms: float = 2.0
    workers: int = 1
    stalls: tuple[tuple[float, float], ...] = ()
    keep_alive: bool = False


@dataclass(frozen=True)
class Stub:
    url: str
    process: subprocess.Popen[bytes]
    folder: Path

    def stop(self) -> dict[int, tuple[float, float]]:
        """End the server and return, by id, when it started and when it finished a request."""
        self.process.terminate()
        self.process.wait(20)
        lines = (line.split() for path in self.folder.glob("worker-*") for line in path.read_text().splitlines())
        return {int(number): (float(started), float(finished)) for number, started, finished in lines}


@contextmanager
def stub(folder: Path, **settings: object) -> Iterator[Stub]:
    """Run the server; it ends with the block."""
    chosen = json.dumps(asdict(Settings(str(folder), **settings)))  # type: ignore[arg-type]
    process = subprocess.Popen([sys.executable, __file__, chosen], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield Stub(f"http://127.0.0.1:{int(process.stdout.readline())}/score", process, folder)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def _main() -> None:
    settings = Settings(**json.loads(sys.argv[1]))
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if settings.keep_alive:
        print(listener.getsockname()[1], flush=True)
        _keep_alive(listener, settings)
    workers = []
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until all of them know what to do about it
    for number in range(settings.workers):
        pid = os.fork()
        if pid == 0:
            _work(listener, settings, Path(settings.folder) / f"worker-{number}")
        workers.append(pid)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        print(listener.getsockname()[1], flush=True)
        signal.pause()
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        for pid in workers:
            os.waitpid(pid, 0)


def _work(listener: socket.socket, settings: Settings, log: Path) -> None:
    lines: list[str] = []
    begun = None
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        while True:
            connection, _ = listener.accept()
            started = time.perf_counter()
            begun = started if begun is None else begun
            # What was answered is also written down, however soon the end comes.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            with connection:
                number = _answer(connection, settings, begun)
            lines.append(f"{number} {started} {time.perf_counter()}\n")
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    finally:
        log.write_text("".join(lines))
        os._exit(0)


def _keep_alive(listener: socket.socket, settings: Settings) -> None:
    turns, begun = threading.Semaphore(settings.workers), [0.0]

    def converse(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while request := _read(connection):
                with turns:
                    begun[0] = begun[0] or time.perf_counter()
                    _answer(connection, settings, begun[0], request=request)
                if request[1]:
                    return

    while True:
        threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()


def _answer(connection: socket.socket, settings: Settings, begun: float, *, request: Request | None = None) -> int:
    body, closes = request or _read(connection) or (b'{"id": -1}', True)
    asked = json.loads(body)
    for start, length in settings.stalls:
        now = time.perf_counter() - begun
        if start <= now < start + length:
            time.sleep(start + length - now)
    time.sleep(settings.service_ms / 1000)
    body, do = json.dumps(asked).encode(), asked.get("do", 200)
    if do == "hang":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        time.sleep(3600)
    if isinstance(do, int):
        stays = "close" if closes or not settings.keep_alive else "keep-alive"
        head = f"HTTP/1.1 {do} Any\r\nContent-Length: {len(body)}\r\nConnection: {stays}\r\n\r\n"
        connection.sendall(head.encode() + body)
    elif do == "truncate":
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body) + 1}\r\n\r\n".encode() + body)
    elif do == "unsized":
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + body)
    return int(asked["id"])


def _read(connection: socket.socket) -> Request | None:
    """Return a request's body and whether its connection ends with it; None where the client has gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    wanted = int(found[1]) if found else 0
    while len(body) < wanted:
        body += connection.recv(65536)
    return body, b"connection: close" in head.lower()


if __name__ == "__main__":
    _main()
