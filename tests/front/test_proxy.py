"""The proxy passes on exactly what came, both ways, refuses what is no HTTP, and never hangs on a bad neighbour."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from packager.errors import BundleError
from packager.front import proxy
from packager.front.exchange import Asked, Reply, UpstreamGoneError, UpstreamSilentError, forward, header
from packager.front.proxy import proxied

GONE = "http://127.0.0.1:1"


def speak(url: str, sent: bytes, *, end: bool = True) -> bytes:
    """Send raw bytes and return all that comes back."""
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 10) as connection:
        connection.sendall(sent)
        if end:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
    return received


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection after another with `answer`, which sees the socket itself."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        ended = threading.Event()

        def loop() -> None:
            while not ended.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(5)
                    answer(connection)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


@pytest.fixture
def echo() -> Iterator[tuple[str, list[Asked]]]:
    """Yield a proxy before another whose hook keeps what reached it and answers with the body."""
    seen: list[Asked] = []

    def hook(asked: Asked) -> Reply:
        seen.append(asked)
        return Reply(201, (("X-One", "1"), ("X-One", "2"), ("Connection", "x-gone"), ("X-Gone", "y")), asked.body)

    with proxied(GONE, answer=hook) as behind, proxied(behind) as url:
        yield url, seen


def test_method_path_headers_and_body_go_through_unchanged(echo: tuple[str, list[Asked]]) -> None:
    url, seen = echo
    body = bytes(range(256))
    head = b"PUT /a/b?c=%20d&e HTTP/1.1\r\nHost: me\r\nX-Two: \xe9\r\nContent-Length: 256\r\nKeep-Alive: 5\r\n\r\n"
    received = speak(url, head + body)
    assert received.startswith(b"HTTP/1.1 201 Created\r\n")
    assert received.endswith(b"\r\n\r\n" + body)
    assert received.count(b"X-One: ") == 2
    assert b"X-Gone" not in received
    (asked,) = seen
    assert (asked.method, asked.path, asked.body) == ("PUT", "/a/b?c=%20d&e", body)
    assert (asked.header("host"), asked.header("x-two"), asked.header("keep-alive")) == ("me", "\xe9", None)


def test_a_chunked_body_arrives_whole(echo: tuple[str, list[Asked]]) -> None:
    url, seen = echo
    head = b"POST / HTTP/1.1\r\nHost: me\r\nTransfer-Encoding: chunked\r\n\r\n"
    speak(url, head + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n")
    assert seen[0].body == b"abc0123456789"
    assert seen[0].header("content-length") == "13"


BROKEN = {
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "no length": b"Content-Length: +3\r\n\r\nabc",
    "a negative length": b"Content-Length: -3\r\n\r\nabc",
    "another coding": b"Transfer-Encoding: gzip\r\n\r\nabc",
    "half a body": b"Content-Length: 9\r\n\r\nabc",
    "half a chunk": b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
    "no chunk": b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc",
    "no end of chunks": b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_body_of_unsure_length_is_refused(name: str, echo: tuple[str, list[Asked]]) -> None:
    url, seen = echo
    assert speak(url, b"POST / HTTP/1.1\r\nHost: me\r\n" + BROKEN[name]).startswith(b"HTTP/1.1 400 ")
    assert not seen


@pytest.mark.parametrize(
    "sent",
    [b"\x00\x01\r\n\r\n", b"GET /SECRET\r\n\r\n", b"SECRET /x HTTP/9\r\n\r\n", b"GET /\x01SECRET HTTP/1.1\r\n\r\n"],
)
def test_what_is_no_http_is_refused_without_an_echo(sent: bytes, echo: tuple[str, list[Asked]]) -> None:
    url, seen = echo
    received = speak(url, sent)
    assert received[:10] in (b"HTTP/1.1 4", b"HTTP/1.1 5")
    assert b"SECRET" not in received
    assert not seen


@pytest.mark.parametrize("how", ["length", "chunks", "expect"])
def test_a_body_beyond_the_limit_is_413_whatever_way_it_comes(how: str) -> None:
    head = b"POST / HTTP/1.1\r\nHost: me\r\n"

    def sent(size: int) -> bytes:
        body = b"x" * size
        return (
            head
            + {
                "length": b"Content-Length: %d\r\n\r\n%b" % (size, body),
                "chunks": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body),
                "expect": b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n%b" % (size, body[:100]),
            }[how]
        )

    with proxied(GONE, answer=lambda asked: Reply.of_text(200, ""), most_body_bytes=100) as url:
        assert speak(url, sent(101)).startswith(b"HTTP/1.1 413 ")
        assert b"HTTP/1.1 200 " in speak(url, sent(100))


def test_a_client_is_asked_for_a_body_it_waits_to_send(echo: tuple[str, list[Asked]]) -> None:
    url, _ = echo
    received = speak(url, b"POST / HTTP/1.1\r\nHost: me\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab")
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")


def test_a_hook_that_declines_leaves_the_request_to_the_server() -> None:
    with proxied(GONE, answer=lambda asked: Reply.of_text(200, "behind")) as behind:

        def page(asked: Asked) -> Reply | None:
            return Reply.of_text(200, "page") if asked.path == "/" else None

        with proxied(behind, answer=page) as url:
            assert speak(url, b"GET / HTTP/1.1\r\nHost: me\r\n\r\n").endswith(b"page")
            assert speak(url, b"GET /else HTTP/1.1\r\nHost: me\r\n\r\n").endswith(b"behind")


def test_a_server_that_is_gone_or_ends_early_is_502() -> None:
    with proxied(GONE) as url:
        assert speak(url, b"GET / HTTP/1.1\r\nHost: me\r\n\r\n").startswith(b"HTTP/1.1 502 ")
    with raw_server(lambda connection: None) as behind, proxied(behind) as url:
        assert speak(url, b"GET / HTTP/1.1\r\nHost: me\r\n\r\n").startswith(b"HTTP/1.1 502 ")


def drip(connection: socket.socket) -> None:
    """Answer one byte at a time, each well within any time-out of the socket, until the other side leaves."""
    try:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            connection.sendall(b"x")
            threading.Event().wait(0.05)
    except OSError:
        return


@pytest.mark.parametrize("answer", [drip, lambda connection: connection.recv(65536) and threading.Event().wait(1.5)])
def test_a_server_that_drips_or_is_silent_is_left_in_time(answer: Callable[[socket.socket], None]) -> None:
    with raw_server(answer) as behind, pytest.raises(UpstreamSilentError):
        forward(Asked("GET", "/", (), b""), behind, timeout_s=0.3)


def test_half_an_answer_is_none() -> None:
    def half(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")

    with raw_server(half) as behind, pytest.raises(UpstreamGoneError):
        forward(Asked("GET", "/", (), b""), behind)


def test_a_client_that_stops_half_way_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy._Handler, "timeout", 0.3)
    with proxied(GONE, answer=lambda asked: Reply.of_text(200, "")) as url:
        half = b"POST / HTTP/1.1\r\nHost: me\r\nContent-Length: 9\r\n\r\nabc"
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as hanging:
            hanging.sendall(half)
            assert speak(url, b"GET / HTTP/1.1\r\nHost: me\r\n\r\n").startswith(b"HTTP/1.1 200 ")
            assert hanging.recv(65536).startswith(b"HTTP/1.1 408 ")


def test_nothing_is_logged_and_headers_are_found_in_any_case(capfd: pytest.CaptureFixture[str]) -> None:
    with proxied(GONE, answer=lambda asked: Reply.of_text(200, "")) as url:
        speak(url, b"GET /?q=SECRET HTTP/1.1\r\nHost: me\r\n\r\n")
        speak(url, b"SECRET\r\n\r\n")
    out, err = capfd.readouterr()
    assert out == err == ""
    assert header((("Retry-After", "1"),), "retry-after") == "1"


def test_a_port_that_is_taken_is_named() -> None:
    with proxied(GONE) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(BundleError, match=f"Can't listen on port {port}"), proxied(GONE, port=port):
            pass
