"""Clients that send half a request and stay: the server answers others, its health first of all."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from packager.bundle.serve import Served, served
from packager.recipe.deploy import Deploy
from tests.bundle import models
from tests.integration.test_served import GOOD, JSON, send

HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999\r\n"
HALVES = {"half a body": HEAD + b"\r\n" + GOOD[:9], "no body": HEAD + b"\r\n", "half the headers": HEAD}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a server with as many workers as are deployed."""
    folder = tmp_path_factory.mktemp("slow")
    bundle = models.bundled(models.classifier(folder), folder / "bundle")
    with served(bundle, workers=Deploy().workers) as running:
        yield running


@contextmanager
def stalled(server: Served, half: bytes) -> Iterator[socket.socket]:
    """Send a part of a request, keep the connection, and let the server take it up before the block begins."""
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 60) as client:
        client.sendall(half)
        assert send(server, method="GET", path="/").status == 200
        yield client


def whole(client: socket.socket) -> bytes:
    """Return all that the server sends until it closes the connection, which it may before it has read all."""
    parts = []
    with suppress(ConnectionResetError):
        while part := client.recv(10_000):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("half", HALVES)
def test_health_and_answers_do_not_wait_for_a_slow_client(server: Served, half: str) -> None:
    with stalled(server, HALVES[half]) as client:
        for _ in range(5):
            assert send(server, method="GET", path="/").status == 200
            assert send(server, GOOD, content_type=JSON).status == 200
        client.setblocking(False)
        with pytest.raises(BlockingIOError):  # the client is still there, and not answered yet
            client.recv(1)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Return a server of one worker that gives a body half a second."""
    folder = tmp_path_factory.mktemp("impatient")
    path = models.bundled(models.classifier(folder), folder / "bundle") / "code" / "score.py"
    script = path.read_text(encoding="utf-8")
    assert "BODY_TIMEOUT_S = 10" in script
    path.write_text(script.replace("BODY_TIMEOUT_S = 10", "BODY_TIMEOUT_S = 0.5"), encoding="utf-8")
    with served(folder / "bundle", workers=1) as server:
        yield server


@pytest.mark.parametrize("half", ["half a body", "no body"])
def test_a_client_that_falls_silent_is_let_go(half: str, impatient: Served) -> None:
    with stalled(impatient, HALVES[half]) as client:
        answer = whole(client)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"incomplete_body" in answer


@pytest.mark.parametrize("length", [b"Content-Length: 99999", b"Transfer-Encoding: chunked"])
def test_a_client_that_drips_is_let_go_too(length: bytes, impatient: Served) -> None:
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + length + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(impatient.url.rpartition(":")[2])), 60) as client:
        client.sendall(head)
        client.settimeout(0.1)
        for _ in range(300):  # half a minute, of which each byte alone would be soon enough
            with suppress(OSError):
                client.sendall(b"1\r\n \r\n" if b"chunked" in length else b" ")
            with suppress(TimeoutError):
                answer = client.recv(10_000)
                break
        client.settimeout(60)
        answer += whole(client)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"incomplete_body" in answer
    assert send(impatient, GOOD, content_type=JSON).status == 200


def test_a_body_that_is_too_long_is_not_read(server: Served) -> None:
    long = HEAD.replace(b"999", b"10000001") + b"\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 60) as client:
        client.sendall(long)
        answer = whole(client)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer


def test_nor_one_whose_length_is_not_told(server: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=60)
    blocks = iter([b" " * 1_000_000] * 10 + [b" "])
    connection.request("POST", "/score", body=blocks, headers={"Content-Type": JSON}, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]["code"]) == (413, "body_too_large")
    connection.close()
