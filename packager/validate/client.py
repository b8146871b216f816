"""One HTTP request to a server on loopback, within a time-out: what goes in is sent as it stands."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from packager.bundle.manifest import Json

_TIMEOUT_S = 30.0
# No answer of a bundle is larger; a server that sends for ever is not read for ever.
_MOST_BYTES = 1 << 28
JSON_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """An answer. Status 0: none came in time, or the connection broke."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0

    def header(self, name: str) -> str | None:
        """Return the last header of this name, None where there is none."""
        return {key.lower(): value for key, value in self.headers}.get(name)

    def json(self) -> Json:
        """Return the body as JSON, None where it is none."""
        try:
            value: Json = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return value


def get(url: str, path: str, *, timeout_s: float = _TIMEOUT_S) -> Reply:
    """GET a path of a server."""
    return _sent(url, "GET", path, None, {}, timeout_s)


def post(
    url: str,
    body: bytes,
    *,
    path: str = "/score",
    headers: Mapping[str, str] = JSON_HEADERS,
    timeout_s: float = _TIMEOUT_S,
) -> Reply:
    """POST a body to a server."""
    return _sent(url, "POST", path, body, headers, timeout_s)


def _sent(url: str, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float) -> Reply:
    host, port = _place(url)
    connection, began = http.client.HTTPConnection(host, port, timeout=timeout_s), time.perf_counter()
    try:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        received = answer.read(_MOST_BYTES)
    except (OSError, http.client.HTTPException):
        return Reply(0, seconds=time.perf_counter() - began)
    finally:
        connection.close()
    return Reply(answer.status, received, tuple(answer.getheaders()), time.perf_counter() - began)


@contextmanager
def half_sent(url: str) -> Iterator[None]:
    """Hold a POST open of which the head and one byte have been sent, until the block ends."""
    with socket.create_connection(_place(url), timeout=_TIMEOUT_S) as connection:
        head = (
            "POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        )
        connection.sendall(head.encode("ascii"))
        yield


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80
