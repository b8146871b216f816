"""The open-loop load generator: requests and the moments they are due go in, what became of each comes out.

A request is sent when due, however many still wait: a slow server gets no rest, as with real users. Latency
counts from the moment a request was due, never from when it was sent. Nothing of a request is kept or logged.
"""

from __future__ import annotations

import gc
import math
import resource
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from packager.load.http import Address, read_answer

# Time to get from the plan to the first send, so that the first request is not late by it.
_LEAD_S = 0.02
_READ_BYTES = 1 << 16
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """What became of each request, in the order they were due; seconds from `begun_s` on time.perf_counter's clock.

    `ended_s` is when a request was answered, broken or given up; `status` is 0 where no whole answer came in time.
    `cpu_s` is the generator's own processor time of `wall_s`; `local_faults` counts requests that this side had no
    socket for.
    """

    due_s: Floats
    sent_s: Floats
    ended_s: Floats
    status: npt.NDArray[np.int_]
    begun_s: float
    wall_s: float
    cpu_s: float
    response_bytes: int
    local_faults: int

    @property
    def latency_s(self) -> Floats:
        """Return seconds from due to answered with status 200; infinite where no such answer came."""
        return np.where(self.status == 200, self.ended_s, np.inf) - self.due_s


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    index: int
    unsent: memoryview
    received: bytearray = field(default_factory=bytearray)
    is_over: bool = False


def offer(address: Address, requests: Iterator[bytes], due_s: Floats, *, timeout_s: float) -> Trace:
    """Send a request at each of the moments `due_s` and read the answers; return when all are in or timed out.

    `timeout_s` counts from the moment a request was due, too.
    """
    with _undisturbed():
        run = _Run(address, requests, due_s, timeout_s)
        try:
            return run.trace()
        finally:
            run.close()


class _Run:
    """One schedule on its way. All times are seconds from the start."""

    def __init__(self, address: Address, requests: Iterator[bytes], due_s: Floats, timeout_s: float) -> None:
        self._place, self._requests, self._timeout_s = (address.host, address.port), requests, timeout_s
        self._due: list[float] = due_s.tolist()
        self._sent, self._ended = [math.inf] * len(self._due), [math.inf] * len(self._due)
        self._status, self._sizes = [0] * len(self._due), [0] * len(self._due)
        self._next = self._waiting = self._local_faults = 0
        self._open: dict[int, _Connection] = {}
        self._order: deque[_Connection] = deque()
        self._poll = select.epoll()
        self._begun = 0.0

    def trace(self) -> Trace:
        """Run the schedule to its end."""
        cpu_s, self._begun = time.process_time(), time.perf_counter() + _LEAD_S
        while self._next < len(self._due) or self._waiting:
            now = self._now()
            if self._next < len(self._due) and self._due[self._next] <= now:
                self._send(self._next, now)
                self._next += 1
            elif (wait := self._next_event_s() - now) > 0:
                # epoll itself waits in whole milliseconds; select on its descriptor, in microseconds.
                select.select([self._poll], [], [], wait)
            for descriptor, event in self._poll.poll(0):
                self._ready(self._open[descriptor], event)
            self._expire(self._now())
        sizes = [size for size, status in zip(self._sizes, self._status, strict=True) if status == 200]
        return Trace(
            due_s=np.array(self._due),
            sent_s=np.array(self._sent),
            ended_s=np.array(self._ended),
            status=np.array(self._status),
            begun_s=self._begun,
            wall_s=self._now() + _LEAD_S,
            cpu_s=time.process_time() - cpu_s,
            response_bytes=int(np.median(sizes)) if sizes else 0,
            local_faults=self._local_faults,
        )

    def close(self) -> None:
        """Close what is still open."""
        for connection in list(self._open.values()):
            connection.socket.close()
        self._poll.close()

    def _now(self) -> float:
        return time.perf_counter() - self._begun

    def _next_event_s(self) -> float:
        due = self._due[self._next] if self._next < len(self._due) else math.inf
        while self._order and self._order[0].is_over:
            self._order.popleft()
        deadline = self._due[self._order[0].index] + self._timeout_s if self._order else math.inf
        return min(due, deadline)

    def _send(self, index: int, now: float) -> None:
        self._sent[index] = now
        request = next(self._requests)
        try:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError:
            self._local_faults += 1
            self._ended[index] = now
            return
        # The end of a long request must not wait for the server's acknowledgement of its beginning.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(sock, index, memoryview(request))
        sock.connect_ex(self._place)  # a failure shows when it is sent to or read from
        self._push(connection)
        self._open[sock.fileno()] = connection
        self._poll.register(sock.fileno(), select.EPOLLIN | (select.EPOLLOUT if connection.unsent else 0))
        self._order.append(connection)
        self._waiting += 1

    def _ready(self, connection: _Connection, event: int) -> None:
        if event & select.EPOLLOUT and connection.unsent:
            self._push(connection)
            if not connection.unsent:
                self._poll.modify(connection.socket.fileno(), select.EPOLLIN)
        if event & ~select.EPOLLOUT:
            self._read(connection)

    def _push(self, connection: _Connection) -> None:
        try:
            sent = connection.socket.send(connection.unsent)
        except BlockingIOError:
            return
        except OSError:  # a server may refuse a request before it has read all of it: its answer counts
            sent = len(connection.unsent)
        connection.unsent = connection.unsent[sent:]

    def _read(self, connection: _Connection) -> None:
        try:
            chunk = connection.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        connection.received += chunk
        if not connection.is_over:
            answer = read_answer(connection.received, ended=not chunk)
            if answer is not None:
                self._status[connection.index], self._sizes[connection.index] = answer.status, answer.body_bytes
            if answer is not None or not chunk:
                self._end(connection)
        if not chunk:  # the server closes first, so that its side keeps the port: ours would run out of them
            self._drop(connection)

    def _expire(self, now: float) -> None:
        while self._order:
            oldest = self._order[0]
            if not oldest.is_over and self._due[oldest.index] + self._timeout_s > now:
                return
            self._order.popleft()
            if not oldest.is_over:
                self._end(oldest)
                self._drop(oldest)

    def _end(self, connection: _Connection) -> None:
        self._ended[connection.index] = self._now()
        connection.is_over = True
        self._waiting -= 1

    def _drop(self, connection: _Connection) -> None:
        del self._open[connection.socket.fileno()]
        connection.socket.close()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let as many sockets be open as the system allows, and no garbage collection come between two requests."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
