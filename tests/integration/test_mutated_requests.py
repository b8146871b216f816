"""Ten thousand mutated requests on the real server, judged by an oracle that was not written from score.py."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from packager.artifact import Column
from packager.bundle.model_info import read_info
from packager.bundle.serve import served
from tests.bundle import models
from tests.bundle.mutate import PLANTED, mutated
from tests.bundle.oracle import expected_status

KINDS = ("classifier", "missing", "text", "strict", "truths")
REQUESTS = 2_000
MAX_BATCH = 8


@pytest.mark.parametrize("kind", KINDS)
def test_none_is_a_fault_none_is_misjudged_and_no_value_is_told(kind: str, tmp_path: Path) -> None:
    plan = models.with_settings(models.KINDS[kind](tmp_path), max_batch=MAX_BATCH)
    bundle = models.bundled(plan, tmp_path / "bundle")
    columns = read_info(bundle / "code").signature.columns
    random = Random(KINDS.index(kind))
    bodies = [mutated(random, columns) for _ in range(REQUESTS)]
    with (tmp_path / "log").open("wb") as log, served(bundle, log=log) as server:
        port = int(server.url.rpartition(":")[2])
        judged = Counter(_judge(port, body, columns) for body in bodies)
    assert judged.total() == REQUESTS
    # Enough of each, or the mutations tell nothing.
    assert judged[200] > REQUESTS // 10
    assert judged[400] > REQUESTS // 3
    assert judged[413] > REQUESTS // 100
    told = (tmp_path / "log").read_bytes()
    assert told.count(b"azmlinfsrv.score - ") == REQUESTS + 1
    assert PLANTED.encode() not in told
    assert b"Traceback" not in told


def _judge(port: int, body: bytes, columns: Sequence[Column]) -> int:
    status, rows = expected_status(body, columns, request_key="features", max_batch=MAX_BATCH)
    found, head, answer = _post(port, body)
    assert (found, body) == (status, body)
    assert PLANTED.encode() not in head
    parsed = json.loads(answer)
    if status == 200:
        assert all(len(values) == rows for values in parsed.values())
    else:
        assert parsed.keys() == {"error"}
        assert PLANTED.encode() not in answer
    return status


def _post(port: int, body: bytes) -> tuple[int, bytes, bytes]:
    """Return status, head and body of the answer; the server closes each connection."""
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(head + body)
        parts = []
        while part := client.recv(65536):
            parts.append(part)
    head, _, answer = b"".join(parts).partition(b"\r\n\r\n")
    return int(head.split()[1]), head, answer
