"""Every client against the real server behind the platform's front: right answers, refusals, what is tried again.

curl sends a request as it is; the others take rows, and split them into batches.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from packager.bundle.golden import read_golden
from packager.bundle.model_info import read_info
from packager.front.exchange import Asked, Reply, forward
from packager.front.platform import Endpoint, Platform, as_platform
from packager.front.proxy import proxied
from tests.bundle import models

from .programs import LANGUAGES, Call, Outcome, ask

STATUS = "ms-azureml-model-error-statuscode"
# JSON so deep that a reader which calls itself runs out of stack.
DEEP = b'{"error":[' * 100_000
Ask = Callable[..., Outcome]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients")
    return models.bundled(models.with_settings(models.classifier(folder), max_batch=3), folder / "bundle")


@pytest.fixture(scope="module")
def endpoint(bundle: Path) -> Iterator[Endpoint]:
    with as_platform(bundle) as running:
        yield running


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("programs")


def sample(bundle: Path) -> tuple[list[Any], dict[str, Any]]:
    request, response = (
        json.loads((bundle / "samples" / f"{kind}.json").read_bytes()) for kind in ("request", "response")
    )
    return request["features"], response


@contextmanager
def before(url: str, *replies: Reply | None, seen: list[Asked] | None = None) -> Iterator[str]:
    """Yield a proxy that answers as scripted, request by request (None: forwarded), and forwards all that follow."""
    script = list(replies)

    def hook(asked: Asked) -> Reply | None:
        if seen is not None:
            seen.append(asked)
        return script.pop(0) if script else None

    with proxied(url, answer=hook) as scripted:
        yield scripted


@pytest.mark.parametrize("language", LANGUAGES)
def test_answers_are_the_models_own_to_the_last_digit(
    language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    rows, response = sample(bundle)
    assert ask(language, bundle, Call(endpoint.score_url, endpoint.key, rows), scratch).scores == response
    named = [dict(zip(("age", "hour", "amount"), row[::-1], strict=True)) for row in rows]
    call = Call(endpoint.score_url, endpoint.key, named, deployment="blue")
    assert ask(language, bundle, call, scratch).scores == response


@pytest.mark.parametrize("language", LANGUAGES[:3])
def test_rows_beyond_the_largest_request_go_in_batches(
    language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    golden = read_golden(bundle, read_info(bundle / "code"))
    rows = golden.cells * 2
    call = Call(endpoint.score_url, endpoint.key, rows)
    refused = ask(language, bundle, call, scratch)
    assert refused.told == ("too_many_rows", 424, 413, 1)
    seen: list[Asked] = []
    with before(endpoint.url, seen=seen) as url:
        found = ask(language, bundle, replace(call, uri=f"{url}/score", in_batches=True), scratch).scores
    assert found is not None
    assert [len(json.loads(asked.body)["features"]) for asked in seen] == [3, 3, 2]
    assert found["prediction"] == golden.outputs["label"].tolist() * 2
    assert found["probability"] == [
        pytest.approx(shares, abs=1e-12) for shares in golden.outputs["probabilities"].tolist() * 2
    ]
    late = ask(language, bundle, replace(call, rows=[*rows[:7], [1, "x", 2]], in_batches=True), scratch)
    assert (late.error["row"], late.error["column"]) == (7, "hour")
    assert late.error["message"] == "row 7, column hour: expected number, found string"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_rows_get_an_empty_answer(language: str, bundle: Path, endpoint: Endpoint, scratch: Path) -> None:
    call = Call(endpoint.score_url, endpoint.key, [], in_batches=True)
    assert ask(language, bundle, call, scratch).scores == {"prediction": [], "probability": []}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"key": "another"}, "unauthorized", 401),
        ({"key": ""}, "unauthorized", 401),
        ({"deployment": "green"}, "not_found", 404),
        ({"uri": "/elsewhere"}, "not_found", 404),
    ],
)
def test_a_refusal_of_the_endpoint_is_told_and_not_tried_again(
    change: dict[str, str], code: str, status: int, language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    change = {**change, **({"uri": endpoint.url + change["uri"]} if "uri" in change else {})}
    call = replace(Call(endpoint.score_url, endpoint.key, sample(bundle)[0]), **change)
    found = ask(language, bundle, call, scratch)
    assert (found.error["status"], found.error["attempts"]) == (status, 1)
    assert language == "curl" or found.error["code"] == code
    assert endpoint.key not in found.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_cell_is_told_with_row_and_column(
    language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    call = Call(endpoint.score_url, endpoint.key, [[1, 2, 3], [1, "27182818284", 3]])
    found = ask(language, bundle, call, scratch)
    assert found.told == ("schema_mismatch", 424, 400, 1)
    assert (found.error["row"], found.error["column"]) == (1, "hour")
    assert found.error["message"] == "row 1, column hour: expected number, found string"
    assert "27182818284" not in found.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("odd", ["NaN!", "Infinity!", "-Infinity!"])
def test_what_is_no_json_is_refused_before_it_is_sent(
    odd: str, language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    seen: list[Asked] = []
    with before(endpoint.url, seen=seen) as url:
        for row in ([1, 2, odd], {"amount": 1, "hour": 2, "age": odd}):
            found = ask(language, bundle, Call(f"{url}/score", endpoint.key, [[1, 2, 3], row]), scratch)
            assert found.error["code"] == "not_finite"
            assert language == "curl" or (found.error["row"], found.error["column"]) == (1, "age")
            assert language == "curl" or found.text.startswith("not_finite: row 1, column age: NaN")
    assert not seen


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("busy", [429, 503])
def test_a_busy_endpoint_is_asked_again_under_the_same_id(
    busy: int, language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    rows, response = sample(bundle)
    seen: list[Asked] = []
    replies = [Reply.of_text(busy, ""), Reply.of_text(busy, "", (("Retry-After", "0"),))]
    with before(endpoint.url, *replies, seen=seen) as url:
        found = ask(language, bundle, Call(f"{url}/score", endpoint.key, rows), scratch)
    assert found.scores == response
    assert len(seen) == 3
    ids = {asked.header("x-request-id") for asked in seen} | {asked.header("x-ms-client-request-id") for asked in seen}
    assert len(ids) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_client_waits_as_long_as_it_is_asked_to(
    language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    rows, response = sample(bundle)
    came: list[float] = []

    def hook(asked: Asked) -> Reply | None:
        came.append(time.monotonic())
        return Reply.of_text(429, "", (("Retry-After", "1"),)) if len(came) == 1 else None

    with proxied(endpoint.url, answer=hook) as url:
        assert ask(language, bundle, Call(f"{url}/score", endpoint.key, rows, backoff_ms=1), scratch).scores == response
    assert came[1] - came[0] >= 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("wrapped", [429, 503])
def test_a_424_that_wraps_a_busy_model_is_tried_again(
    wrapped: int, language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    """The front is the real stand-in; the container behind it is busy twice."""
    rows, response = sample(bundle)
    with before(endpoint.container.url, *[Reply.of_text(wrapped, "busy")] * 2) as container:
        front = Platform(endpoint.settings, endpoint.key, container)
        seen: list[int] = []

        def answer(asked: Asked) -> Reply:
            reply = front.answer(asked)
            seen.append(reply.status)
            return reply

        with proxied(container, answer=answer) as url:
            assert ask(language, bundle, Call(f"{url}/score", endpoint.key, rows), scratch).scores == response
    assert seen == [424, 424, 200]


@pytest.mark.parametrize("language", LANGUAGES)
def test_attempts_are_bounded_and_a_long_wait_is_not_waited_for(
    language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    call = Call("", endpoint.key, sample(bundle)[0], attempts=3)
    with before(endpoint.url, *[Reply.of_text(429, "")] * 9) as url:
        found = ask(language, bundle, replace(call, uri=f"{url}/score"), scratch)
        assert (found.error["status"], found.error["attempts"]) == (429, 3)
        assert language == "curl" or found.error["code"] == "too_many_requests"
    for wait in ("3600", "9" * 400, "9" * 5000):
        with before(endpoint.url, *[Reply.of_text(503, "", (("Retry-After", wait),))] * 9) as url:
            found = ask(language, bundle, replace(call, uri=f"{url}/score"), scratch)
            assert (found.error["status"], found.error["attempts"]) == (503, 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_requests_that_the_front_turns_away_succeed_when_there_is_room(
    language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    """All places are held by requests to a container that hangs; it goes on once the client was turned away."""
    rows, response = sample(bundle)
    container = psutil.Process(endpoint.container.process.pid)
    processes = [container, *container.children(recursive=True)]
    admitted, turned_away = threading.Semaphore(0), threading.Event()
    settings = replace(endpoint.settings, max_concurrent_requests_per_instance=1, instance_count=1)

    def note(line: str) -> None:
        if "429" in line and not turned_away.is_set():
            turned_away.set()
            for process in processes:
                process.resume()

    front = Platform(settings, endpoint.key, endpoint.container.url, note)

    def answer(asked: Asked) -> Reply:
        admitted.release()
        return front.answer(asked)

    with proxied(endpoint.container.url, answer=answer) as url:
        for process in processes:
            process.suspend()
        try:
            body = json.dumps({"features": rows}).encode()
            headers = (("Authorization", f"Bearer {endpoint.key}"), ("Content-Type", "application/json"))
            holding = [
                threading.Thread(target=forward, args=(Asked("POST", "/score", headers, body), url))
                for _ in range(settings.admitted)
            ]
            for thread in holding:
                thread.start()
                assert admitted.acquire(timeout=20)
            call = Call(f"{url}/score", endpoint.key, rows, attempts=8, backoff_ms=200)
            assert ask(language, bundle, call, scratch).scores == response
            assert turned_away.is_set()
        finally:
            for process in processes:
                process.resume()
            for thread in holding:
                thread.join(20)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_container_that_hangs_is_408_and_not_tried_again(
    language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    container = psutil.Process(endpoint.container.process.pid)
    processes = [container, *container.children(recursive=True)]
    front = Platform(replace(endpoint.settings, request_timeout_ms=300), endpoint.key, endpoint.container.url)
    with proxied(endpoint.container.url, answer=front.answer) as url:
        for process in processes:
            process.suspend()
        try:
            found = ask(language, bundle, Call(f"{url}/score", endpoint.key, sample(bundle)[0]), scratch)
        finally:
            for process in processes:
                process.resume()
    assert (found.error["status"], found.error["attempts"]) == (408, 1)
    assert language == "curl" or found.error["code"] == "request_timeout"


def drip(connection: socket.socket, ended: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not ended.wait(0.05):
        connection.sendall(b" ")


def say_nothing(connection: socket.socket, ended: threading.Event) -> None:
    ended.wait(30)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("manner", [drip, say_nothing])
def test_a_slow_endpoint_is_left_in_time(
    manner: Callable[[socket.socket, threading.Event], None], language: str, bundle: Path, scratch: Path
) -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def loop() -> None:
            try:
                connection, _ = listening.accept()
                with connection:
                    manner(connection, ended)
            except OSError:
                return

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        uri = f"http://127.0.0.1:{listening.getsockname()[1]}/score"
        found = ask(language, bundle, Call(uri, "k", sample(bundle)[0], timeout_ms=700), scratch)
        ended.set()
        thread.join(10)
    assert found.error["code"] == "timeout"
    assert found.error["attempts"] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_endpoint_that_is_not_there_is_tried_and_told(language: str, bundle: Path, scratch: Path) -> None:
    found = ask(language, bundle, Call("http://127.0.0.1:1/score", "k", sample(bundle)[0], attempts=2), scratch)
    assert (found.error["code"], found.error["attempts"]) == ("unreachable", 2)
    assert "status" not in found.error


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_key_follows_no_redirect(language: str, bundle: Path, endpoint: Endpoint, scratch: Path) -> None:
    seen: list[Asked] = []
    with before(endpoint.url, seen=seen) as elsewhere:
        for status in (302, 307):
            reply = Reply.of_text(status, "", (("Location", f"{elsewhere}/score"),))
            with before(endpoint.url, reply) as url:
                found = ask(language, bundle, Call(f"{url}/score", endpoint.key, sample(bundle)[0]), scratch)
            assert found.error["status"] == status
    assert not seen


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", ["a\nX-Evil: 1", "a\r", "\xe9"])
def test_a_key_that_no_header_holds_is_refused_and_not_shown(
    key: str, language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    found = ask(language, bundle, Call(endpoint.score_url, key, sample(bundle)[0]), scratch)
    assert "no header can hold" in found.text or "no header can hold" in found.error.get("message", "")
    assert "Evil" not in found.text


@pytest.mark.parametrize("language", LANGUAGES[:3])
@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"prediction":[1],"probability":[[0,1]]}', b"\xff", b"", DEEP])
def test_an_answer_of_something_else_is_told_as_that(
    body: bytes, language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    with before(endpoint.url, Reply(200, (), body)) as url:
        found = ask(language, bundle, Call(f"{url}/score", endpoint.key, sample(bundle)[0]), scratch)
    assert found.told == ("malformed_answer", 200, None, 1)


@pytest.mark.parametrize("language", LANGUAGES[:3])
@pytest.mark.parametrize("told", ["\xb2", "9" * 5000, "x"])
def test_a_refusal_by_something_else_is_told_with_what_is_known(
    told: str, language: str, bundle: Path, endpoint: Endpoint, scratch: Path
) -> None:
    with before(endpoint.url, Reply(424, ((STATUS, told),), DEEP)) as url:
        found = ask(language, bundle, Call(f"{url}/score", endpoint.key, sample(bundle)[0]), scratch)
    assert found.told[:2] == ("model_error", 424)


@pytest.mark.parametrize("language", [LANGUAGES[0], LANGUAGES[1], LANGUAGES[3]])
def test_a_file_that_can_not_be_read_is_named(language: str, bundle: Path, tmp_path: Path) -> None:
    programs = {
        "python": [sys.executable, str(bundle / "clients/python/scoring_client.py")],
        "javascript": ["node", str(bundle / "clients/javascript/scoring-client.mjs")],
        "curl": ["sh", str(bundle / "clients/curl/score.sh")],
    }
    environ = {**os.environ, "SCORING_URI": "http://127.0.0.1:1/score", "PYTHONDONTWRITEBYTECODE": "1"}
    for path in (tmp_path / "missing.json", tmp_path):
        command = [*programs[language], str(path)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        (line,) = done.stderr.splitlines()
        assert (done.returncode, done.stdout) == (2, "")
        assert str(path) in line
        assert re.search("no such file|can't be read|is a directory", line, re.IGNORECASE)


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl: apt-get install curl")
def test_a_users_own_settings_of_curl_change_nothing(
    bundle: Path, endpoint: Endpoint, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".curlrc").write_text("fail\ninclude\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    rows, response = sample(bundle)
    assert ask("curl", bundle, Call(endpoint.score_url, endpoint.key, rows), scratch).scores == response
    refused = ask("curl", bundle, Call(endpoint.score_url, endpoint.key, [[1, "x", 3]]), scratch)
    assert refused.told == ("schema_mismatch", 424, 400, 1)


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl: apt-get install curl")
def test_the_key_is_on_no_command_line(
    bundle: Path, endpoint: Endpoint, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A curl that notes what it is called with stands before the real one."""
    wrapper = tmp_path / "curl"
    wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>"{tmp_path}/seen"\nexec {shutil.which("curl")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    rows, response = sample(bundle)
    assert ask("curl", bundle, Call(endpoint.score_url, endpoint.key, rows), scratch).scores == response
    seen = (tmp_path / "seen").read_text()
    assert endpoint.score_url in seen
    assert endpoint.key not in seen
