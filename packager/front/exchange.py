"""One HTTP request and its answer as values, and the way of a request to the server behind: in bounded time."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

# Ten times what the platform takes, of a request or an answer.
MOST_BODY_BYTES = 100 << 20
# The platform's own longest time for a request.
UPSTREAM_TIMEOUT_S = 180
# These are between two neighbours (RFC 9110, 7.6.1): a proxy passes none of them on. Expect was met when the body came.
_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "expect"}
_HOP_BY_HOP |= {"proxy-authenticate", "proxy-authorization", "proxy-connection"}

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Asked:
    """A whole request. `path` holds the query too; names of headers are as they came."""

    method: str
    path: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in any case of letters."""
        return header(self.headers, name)


@dataclass(frozen=True)
class Reply:
    """A whole answer; Content-Length and Connection are the proxy's own."""

    status: int
    headers: Headers
    body: bytes

    @classmethod
    def of_text(cls, status: int, text: str, headers: Headers = ()) -> Reply:
        """Return an answer in plain text."""
        return cls(status, (("Content-Type", "text/plain; charset=utf-8"), *headers), text.encode("utf-8"))


class UpstreamSilentError(Exception):
    """The server behind did not answer whole in time."""


class UpstreamGoneError(Exception):
    """The server behind can't be reached, or ended before it had answered."""


def header(headers: Headers, name: str) -> str | None:
    """Return the first value under `name`, in any case of letters."""
    return next((value for key, value in headers if key.lower() == name.lower()), None)


def forward(asked: Asked, upstream: str, *, timeout_s: float = UPSTREAM_TIMEOUT_S) -> Reply:
    """Return the answer of the server at `upstream` (http://HOST:PORT) to the same request.

    `timeout_s` bounds the whole exchange: UpstreamSilentError past it, UpstreamGoneError where there is no answer.
    """
    address = urlsplit(upstream)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port or 80, timeout=timeout_s)
    late = threading.Event()
    try:
        connection.connect()
        with _alarm(connection.sock, timeout_s, late):
            reply = _exchange(connection, asked)
        if not late.is_set():
            return reply
    except http.client.InvalidURL:
        raise ValueError("path") from None
    except (OSError, http.client.HTTPException) as error:
        if not late.is_set() and not isinstance(error, TimeoutError):
            raise UpstreamGoneError(type(error).__name__) from None
    finally:
        connection.close()
    raise UpstreamSilentError(f"{timeout_s:g} s")


@contextmanager
def _alarm(connected: socket.socket, timeout_s: float, late: threading.Event) -> Iterator[None]:
    """End both directions of a connection when the time is over, and say so in `late`.

    A time-out of the socket begins anew with every byte: a server that drips would never reach it.
    """

    def give_up() -> None:
        late.set()
        with suppress(OSError):  # closed already
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _exchange(connection: http.client.HTTPConnection, asked: Asked) -> Reply:
    connection.putrequest(asked.method, asked.path, skip_host=True, skip_accept_encoding=True)
    for name, value in passed_on(asked.headers):
        connection.putheader(name, value)
    if asked.header("host") is None:
        connection.putheader("Host", f"{connection.host}:{connection.port}")
    if asked.body or asked.header("content-length") is not None or asked.header("transfer-encoding") is not None:
        connection.putheader("Content-Length", str(len(asked.body)))
    connection.putheader("Connection", "close")
    with suppress(BrokenPipeError, ConnectionResetError):  # one that refuses a body may have answered before its end
        connection.endheaders(asked.body or None)
    answer = connection.getresponse()
    if (answer.length or 0) > MOST_BODY_BYTES:
        raise http.client.HTTPException("too large")
    return Reply(answer.status, passed_on(answer.getheaders()), answer.read())


def passed_on(headers: Sequence[tuple[str, str]]) -> Headers:
    """Return the headers that a proxy hands on, in their order."""
    named = {part.strip().lower() for key, value in headers if key.lower() == "connection" for part in value.split(",")}
    return tuple((key, value) for key, value in headers if key.lower() not in _HOP_BY_HOP | named)
