"""One request as the bytes to send, and what a connection brought as a status: HTTP/1.1, one request a connection.

That is how the inference server speaks, whatever its client asks for. A general parser costs more than the rest of a
request, and would make the load generator the bottleneck.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from packager.errors import BenchmarkError

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Address:
    """Where a server listens (IPv4), and the path to send to."""

    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Return the address of a plain http:// URL; BenchmarkError for others."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise BenchmarkError(f"{url!r} can't be loaded", limit="http://HOST:PORT/PATH")
        return cls(parts.hostname, parts.port or 80, parts.path or "/")

    def request(self, body: bytes) -> bytes:
        """Return a POST of JSON as it goes over the wire."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode("ascii") + body


@dataclass(frozen=True)
class Answer:
    """A whole answer: its status and the length of its body."""

    status: int
    body_bytes: int


def read_answer(received: bytearray, *, ended: bool) -> Answer | None:
    """Return the answer once it is whole, else None; without a Content-Length it is whole when the server has `ended`.

    One that ended early, or is no HTTP, stays None.
    """
    head = received.find(_END_OF_HEAD)
    found = _STATUS.match(received)
    if head < 0 or found is None:
        return None
    body_bytes = len(received) - head - len(_END_OF_HEAD)
    length = _LENGTH.search(received, 0, head + 2)
    whole = ended if length is None else body_bytes >= int(length[1])
    return Answer(int(found[1]), body_bytes) if whole else None
