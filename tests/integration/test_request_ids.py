"""Whose request it was, in the log of the real server: ids, a keyed hash, and nothing else of what a client writes."""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from packager.bundle import scoring
from packager.bundle.serve import Served, served
from tests.bundle import models
from tests.integration.test_served import GOOD, JSON, Reply, send

KEY = "a key of more than sixteen bytes"
SECRET = "27182818284"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "log"


@pytest.fixture(scope="module")
def server(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ids")
    plan = models.with_settings(models.classifier(folder), log_id="x-customer-id")
    bundle = models.bundled(plan, folder / "bundle")
    with pytest.MonkeyPatch.context() as patch, log.open("wb") as file:
        patch.setattr(scoring, "_KEPT", (*scoring._KEPT, "SCORE_LOG_ID_KEY"))
        patch.setenv("SCORE_LOG_ID_KEY", KEY)
        with served(bundle, log=file) as running:
            yield running


def scored(server: Served, log: Path, body: bytes = GOOD, **headers: str) -> tuple[Reply, str]:
    """Return the answer, and the line of score.py that tells of it."""
    before = log.stat().st_size
    reply = send(server, body, content_type=JSON, **headers)
    assert SECRET not in str(reply.headers)
    new = log.read_bytes()[before:].decode()
    (line,) = (line for line in new.splitlines() if "azmlinfsrv.score - " in line)
    return reply, line.partition("azmlinfsrv.score - ")[2]


def test_ids_reach_the_log_and_the_answer(server: Served, log: Path) -> None:
    reply, line = scored(server, log, x_request_id="a-1_B", x_ms_client_request_id="c2")
    assert line.endswith(" bundle=fraud/3 request_id=a-1_B client_request_id=c2")
    assert (reply.headers["x-request-id"], reply.headers["x-ms-client-request-id"]) == ("a-1_B", "c2")
    reply, line = scored(server, log, b"[]", x_request_id="a2", x_ms_request_id="old")
    assert line == "refused status=400 code=wrong_key bundle=fraud/3 request_id=a2 client_request_id=old"
    reply, line = scored(server, log)  # the server makes one
    assert f"request_id={reply.headers['x-request-id']} " in line


def test_ids_are_stripped_of_symbols_and_cut(server: Served, log: Path) -> None:
    odd = 'a" %0a\\n{}é=<b>&status=500 '
    headers = {"x_request_id": odd, "x_ms_client_request_id": odd + "z" * 60, "TraceId": odd}
    reply, line = scored(server, log, **headers)
    words = line.partition(" bundle=fraud/3 ")[2]
    assert words == f"request_id=a0anbstatus500 client_request_id={('a0anbstatus500' + 'z' * 60)[:72]}"
    for name in ("x-request-id", "x-ms-request-id", "x-ms-client-request-id", "traceid"):
        assert re.fullmatch("[A-Za-z0-9_-]{1,72}", reply.headers[name])
    assert send(server, GOOD, content_type=JSON, x_request_id="a" * 101).status == 431  # the server's own limit


def test_a_configured_header_is_told_as_a_keyed_hash(server: Served, log: Path) -> None:
    expected = hmac.new(KEY.encode(), SECRET.encode(), hashlib.sha256).hexdigest()[:16]
    for body, status in ((GOOD, 200), (b"", 400)):
        reply, line = scored(server, log, body, x_customer_id=SECRET)
        assert (reply.status, line.rpartition(" ")[2]) == (status, f"id_hash={expected}")
    assert "id_hash" not in scored(server, log)[1]
    assert SECRET not in log.read_text()
    assert KEY not in log.read_text()


@pytest.mark.parametrize("key", [None, "too short"])
def test_without_a_key_no_hash_is_told_and_init_says_so(key: str | None, tmp_path: Path) -> None:
    plan = models.with_settings(models.classifier(tmp_path), log_id="x-customer-id")
    bundle = models.bundled(plan, tmp_path / "bundle")
    with pytest.MonkeyPatch.context() as patch, (tmp_path / "log").open("wb") as file:
        patch.setattr(scoring, "_KEPT", (*scoring._KEPT, "SCORE_LOG_ID_KEY"))
        patch.delenv("SCORE_LOG_ID_KEY", raising=False)
        if key:
            patch.setenv("SCORE_LOG_ID_KEY", key)
        with served(bundle, log=file) as running:
            assert send(running, GOOD, content_type=JSON, x_customer_id=SECRET).status == 200
    log = (tmp_path / "log").read_text()
    assert log.count("no id_hash is logged: SCORE_LOG_ID_KEY") == 1
    assert "id_hash=" not in log
    assert SECRET not in log


RAW = {
    "a query": b"POST /score?%b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "a query of another page": b"GET /swagger.json?version=%b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path": b"POST /score/%b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "headers": b"POST /score HTTP/1.1\r\nHost: x\r\nReferer: %b\r\nUser-Agent: %b\r\nContent-Length: 0\r\n\r\n",
    "a user": b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic MjcxODI4MTgyODQ6cA==\r\n\r\n",
    "a body for a head": b'{"features": [[%b, 2, 3]]}\r\n\r\n',
    "a broken header": b"POST /score HTTP/1.1\r\nHost: x\r\n%b\r\n\r\n",
    "a broken chunk": b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%b zz\r\n",
    "a body after the body": b'POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[]{"features": [[%b]]}',
}


@pytest.mark.parametrize("case", RAW)
def test_nothing_that_a_client_writes_elsewhere_reaches_a_log(server: Served, log: Path, case: str) -> None:
    raw = RAW[case].replace(b"%b", SECRET.encode())
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 30) as client:
        client.sendall(raw)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    assert send(server, GOOD, content_type=JSON).status == 200
    assert SECRET not in log.read_text()
