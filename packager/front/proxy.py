"""A small HTTP reverse proxy on loopback: what a hook does not answer itself goes to the server behind, unchanged.

`proxied(upstream, answer=hook)` yields the proxy's URL. A hook takes an `Asked` (method, path, headers, whole body) and
returns a `Reply`, or None to have the request forwarded; it may call `forward` itself. One request a connection;
bodies, connections and times are bounded. Nothing is logged: bodies and queries may carry what clients sent.
"""

from __future__ import annotations

import http.client
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from packager.errors import BundleError
from packager.front.exchange import (
    MOST_BODY_BYTES,
    Asked,
    Reply,
    UpstreamGoneError,
    UpstreamSilentError,
    forward,
    passed_on,
)

HOST = "127.0.0.1"
# A client that sends nothing for so long is given up.
CLIENT_TIMEOUT_S = 30
# Each connection has a thread; one beyond waits a second for another to end, and is closed.
_MOST_CONNECTIONS = 512
_MOST_LINE_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 16

Hook = Callable[[Asked], Reply | None]
_Socket = socket.socket | tuple[bytes, socket.socket]


@contextmanager
def proxied(
    upstream: str, *, port: int = 0, answer: Hook | None = None, most_body_bytes: int = MOST_BODY_BYTES
) -> Iterator[str]:
    """Yield the URL of a proxy before `upstream`; it ends with the block. `port` 0 takes a free one.

    `answer` is asked first, in a thread of the request's own. BundleError where the port is taken.
    """

    class Handler(_Handler):
        behind = upstream
        hook = staticmethod(answer or (lambda asked: None))
        limit = most_body_bytes

    server = _listen(port, Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listen(port: int, handler: type[_Handler]) -> _Server:
    try:
        return _Server((HOST, port), handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "not a port"
        raise BundleError(f"Can't listen on port {port}: {reason}", hint="choose another with --port") from None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False  # a client that hangs does not hold up the end
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        self._room = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: _Socket, client_address: object) -> None:
        if self._room.acquire(timeout=1):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: _Socket, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that left; all else is a fault of ours or of the hook's."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _RefusedError(Exception):
    """A request that is not whole HTTP, or too large: what it is answered with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = CLIENT_TIMEOUT_S
    behind: str
    hook: Hook
    limit: int

    def do_any(self) -> None:
        """Read a whole request, have it answered, and end the connection."""
        self.close_connection = True
        if self.request_version == "HTTP/0.9":  # it has no headers, and an answer without any
            self.send_error(400)
            return
        try:
            body = self._read_body()
        except _RefusedError as refused:
            self._send(Reply.of_text(refused.status, refused.reason))
            return
        except TimeoutError:
            self._send(Reply.of_text(408, "The body did not arrive in time."))
            return
        asked = Asked(self.command, self.path, tuple(self.headers.items()), body)
        self._send(self._answer(asked))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_any

    def _answer(self, asked: Asked) -> Reply:
        try:
            return self.hook(asked) or forward(asked, self.behind)
        except UpstreamSilentError:
            return Reply.of_text(504, "The server behind does not answer.")
        except UpstreamGoneError:
            return Reply.of_text(502, "The server behind is gone.")
        except ValueError:  # a header or path that can't be sent on
            return Reply.of_text(400, "The request's head is not HTTP.")

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in passed_on(reply.headers):
            self.send_header(name, value)
        if reply.status >= 200 and reply.status not in (204, 304) and self.command != "HEAD":
            self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _read_body(self) -> bytes:
        encodings = self.headers.get_all("transfer-encoding", [])
        lengths = set(self.headers.get_all("content-length", []))
        if encodings:
            if lengths or [encoding.strip().lower() for encoding in encodings] != ["chunked"]:
                raise _RefusedError(400, "The body's length is told in two ways, or in one that is unknown.")
            return self._read_chunks()
        if not lengths:
            return b""
        length = lengths.pop()
        if lengths or not (length.isascii() and length.isdigit()) or len(length) > 18:
            raise _RefusedError(400, "Content-Length is not a length.")
        if int(length) > self.limit:
            self._drain(int(length))
            raise self._too_large()
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _RefusedError(400, "The body did not arrive whole.")
        return body

    def _read_chunks(self) -> bytes:
        parts, size = [], 0
        while True:
            line = self.rfile.readline(_MOST_LINE_BYTES).partition(b";")[0].strip()
            try:
                length = int(line, 16) if line.isalnum() else -1
            except ValueError:
                length = -1
            if length < 0:
                raise _RefusedError(400, "The body's chunks are broken.")
            if length == 0:
                break
            size += length
            if size > self.limit:
                raise self._too_large()
            part = self.rfile.read(length)
            if len(part) < length or self.rfile.readline(_MOST_LINE_BYTES).strip():
                raise _RefusedError(400, "The body did not arrive whole.")
            parts.append(part)
        while self.rfile.readline(_MOST_LINE_BYTES).strip():
            pass  # trailers
        return b"".join(parts)

    def _drain(self, length: int) -> None:
        """Read on for a while: a connection that is closed with bytes unread may lose the answer on its way."""
        deadline = time.monotonic() + CLIENT_TIMEOUT_S
        left = min(length, MOST_BODY_BYTES)
        while left > 0 and time.monotonic() < deadline:
            part = self.rfile.read1(min(left, _CHUNK_BYTES))
            if not part:
                return
            left -= len(part)

    def _too_large(self) -> _RefusedError:
        return _RefusedError(413, f"The body is larger than {self.limit} bytes.")

    def handle_expect_100(self) -> bool:
        """Ask for the body, unless its length is too much already."""
        length = self.headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and len(length) <= 18 and int(length) > self.limit:
            self.close_connection = True
            self._send(Reply.of_text(413, self._too_large().reason))
            return False
        return super().handle_expect_100()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no HTTP, without saying it back."""
        self.close_connection = True
        self.command, self.request_version = self.command or "GET", self.protocol_version
        self._send(Reply.of_text(code, http.client.responses.get(code, "Bad Request")))

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: request lines carry queries."""
