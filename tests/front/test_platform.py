"""The platform's front before the real server: its statuses and headers, for a container that works, hangs or left."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from packager.errors import BundleError, RecipeError
from packager.front.exchange import Reply, header
from packager.front.platform import PAYLOAD_BYTES, Endpoint, Platform, PlatformSettings, as_platform, read_settings
from packager.front.proxy import proxied
from tests.bundle import models

REASON, STATUS = "ms-azureml-model-error-reason", "ms-azureml-model-error-statuscode"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("platform")
    return models.bundled(models.with_settings(models.classifier(folder), max_batch=8), folder / "bundle")


@pytest.fixture(scope="module")
def endpoint(bundle: Path) -> Iterator[Endpoint]:
    with as_platform(bundle) as running:
        yield running


def send(url: str, body: bytes = b"", *, method: str = "POST", path: str = "/score", **headers: str) -> Reply:
    """Send one request with exactly these headers; an underscore in a name stands for a hyphen."""
    connection = http.client.HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]), timeout=30)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return Reply(answer.status, tuple(answer.getheaders()), answer.read())
    finally:
        connection.close()


def score(endpoint: Endpoint, body: bytes, **headers: str) -> Reply:
    return send(endpoint.url, body, Authorization=f"Bearer {endpoint.key}", Content_Type="application/json", **headers)


def sample(bundle: Path, kind: str) -> bytes:
    return (bundle / "samples" / f"{kind}.json").read_bytes()


@contextmanager
def front(endpoint: Endpoint, settings: PlatformSettings) -> Iterator[Endpoint]:
    """Yield another front before the same container."""
    url = endpoint.container.url
    with proxied(url, answer=Platform(settings, endpoint.key, url).answer) as front:
        yield replace(endpoint, url=front, settings=settings)


@contextmanager
def hung(endpoint: Endpoint) -> Iterator[None]:
    """Stop every process of the container for the block."""
    master = psutil.Process(endpoint.container.process.pid)
    processes = [master, *master.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_a_good_request_gets_the_containers_answer_byte_for_byte(bundle: Path, endpoint: Endpoint) -> None:
    reply = score(endpoint, sample(bundle, "request"))
    assert (reply.status, reply.body) == (200, sample(bundle, "response"))
    assert header(reply.headers, "content-type") == "application/json"
    assert header(reply.headers, "azureml-model-deployment") == "blue"
    ids = [value for name, value in reply.headers if name.lower() == "x-ms-request-id"]
    assert [len(one) for one in ids] == [36]
    assert score(endpoint, sample(bundle, "request"), azureml_model_deployment="blue").status == 200


@pytest.mark.parametrize("path", ["/swagger.json?version=3", "/"])
def test_other_ways_of_the_server_are_open_with_the_key(path: str, endpoint: Endpoint) -> None:
    assert send(endpoint.url, method="GET", path=path, Authorization=f"Bearer {endpoint.key}").status == 200
    assert send(endpoint.url, method="GET", path=path).status == 401


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        (None, "key_auth_bad_header_forbidden"),
        ("", "key_auth_bad_header_forbidden"),
        ("Bearer", "key_auth_bad_header_forbidden"),
        ("Basic {key}", "key_auth_bad_header_forbidden"),
        ("Bearer {key}x", "key_auth_access_denied"),
        ("Bearer \xff", "key_auth_access_denied"),
    ],
)
def test_without_the_key_nothing_reaches_the_container(
    authorization: str | None, said: str, bundle: Path, endpoint: Endpoint
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.format(key=endpoint.key)}
    reply = send(endpoint.url, sample(bundle, "request"), **headers)
    assert (reply.status, reply.body) == (401, said.encode())
    assert header(reply.headers, "ms-azureml-model-time") is None


@pytest.mark.parametrize("where", [{"path": "/predict"}, {"azureml_model_deployment": "green"}])
def test_an_unknown_place_is_404(where: dict[str, str], endpoint: Endpoint) -> None:
    reply = send(endpoint.url, b"{}", Authorization=f"bearer {endpoint.key}", **where)
    assert reply.status == 404
    assert header(reply.headers, "ms-azureml-model-time") is None


def test_the_containers_refusal_is_wrapped_and_keeps_its_body(endpoint: Endpoint) -> None:
    reply = score(endpoint, json.dumps({"features": [[1, 2, 3], [1, "x", 3]]}).encode())
    assert reply.status == 424
    assert (header(reply.headers, STATUS), header(reply.headers, REASON)) == ("400", "model_error")
    error = json.loads(reply.body)["error"]
    assert (error["code"], error["row"], error["column"]) == ("schema_mismatch", 1, "hour")


def test_more_than_the_payload_limit_is_413(endpoint: Endpoint) -> None:
    assert score(endpoint, b" " * (PAYLOAD_BYTES + 1)).status == 413
    assert score(endpoint, b" " * PAYLOAD_BYTES).status == 424  # let through, and refused by the script


def test_a_container_that_hangs_is_408_and_answers_again_afterwards(bundle: Path, endpoint: Endpoint) -> None:
    settings = replace(read_settings(bundle), request_timeout_ms=400)
    with front(endpoint, settings) as hasty, hung(hasty):
        assert score(hasty, sample(bundle, "request")).status == 408
    assert score(endpoint, sample(bundle, "request")).status == 200


def test_requests_beyond_those_admitted_are_429(bundle: Path, endpoint: Endpoint) -> None:
    """Four are let in: they wait for a container that hangs, and are answered when it goes on."""
    settings = replace(read_settings(bundle), max_concurrent_requests_per_instance=2, instance_count=1, retry_after_s=7)
    assert settings.admitted == 4
    replies: list[Reply] = []
    with front(endpoint, settings) as narrow:
        with hung(narrow):
            threads = [
                threading.Thread(target=lambda: replies.append(score(narrow, sample(bundle, "request"))))
                for _ in range(10)
            ]
            for thread in threads:
                thread.start()
            for _ in range(600):
                if len(replies) == 6:
                    break
                threading.Event().wait(0.05)
        for thread in threads:
            thread.join(60)
    assert sorted(reply.status for reply in replies) == [200] * 4 + [429] * 6
    refused = replies[0]
    assert (refused.status, refused.body) == (429, b"")
    assert header(refused.headers, REASON) == "too_many_pending_request"
    assert header(refused.headers, "Retry-After") == "7"


def test_a_container_that_is_gone_is_424_not_ready(endpoint: Endpoint) -> None:
    gone = replace(endpoint.container, url="http://127.0.0.1:1")
    with front(replace(endpoint, container=gone), endpoint.settings) as ended:
        reply = score(ended, b"{}")
    assert reply.status == 424
    assert (header(reply.headers, STATUS), header(reply.headers, REASON)) == ("503", "model_not_ready")


def test_the_key_stays_at_the_front_and_nothing_sent_is_noted(bundle: Path) -> None:
    """A second proxy stands in for the container, to see what would reach it."""
    seen: list[tuple[str, ...]] = []
    notes: list[str] = []

    def container(asked: object) -> Reply:
        seen.append(tuple(name.lower() for name, _ in asked.headers))  # type: ignore[attr-defined]
        return Reply(503, (), b"busy")

    with proxied("http://127.0.0.1:1", answer=container) as behind:
        before = Platform(read_settings(bundle), "secret-key", behind, notes.append)
        with proxied(behind, answer=before.answer) as url:
            reply = send(
                url, b"31415926", path="/score?q=31415926", Authorization="Bearer secret-key", X_Request_Id="a"
            )
    assert reply.status == 424
    assert header(reply.headers, STATUS) == "503"
    assert reply.body == b"busy"
    assert "authorization" not in seen[0]
    assert "x-request-id" in seen[0]
    assert notes == ["platform: 424 (503)"]


@pytest.mark.parametrize(
    "text", ["", "[]", "name: a", "{name: a, endpoint_name: b, instance_count: 0}", "{a: [", "\x00"]
)
def test_a_deployment_file_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "deployment.yml").write_text(text)
    with pytest.raises(BundleError, match="does not describe a deployment"):
        read_settings(tmp_path)


@pytest.mark.parametrize("key", ["two words", "a\nb", "clé"])
def test_a_key_that_no_header_holds_is_refused_at_once(key: str, bundle: Path) -> None:
    with pytest.raises(RecipeError, match="printable ASCII"), as_platform(bundle, key=key):
        pass


def test_a_port_that_is_taken_is_named_before_anything_starts(bundle: Path, endpoint: Endpoint) -> None:
    port = int(endpoint.url.rpartition(":")[2])
    with pytest.raises(BundleError, match=f"Can't listen on port {port}"), as_platform(bundle, port=port):
        pass


def test_settings_come_from_the_bundles_deployment_file(bundle: Path, tmp_path: Path) -> None:
    settings = read_settings(bundle)
    assert (settings.deployment, settings.workers, settings.request_timeout_ms) == ("blue", 2, 20_000)
    assert settings.admitted == 2 * 2 * settings.instance_count


def test_the_command_tells_where_to_score_and_with_which_key(bundle: Path) -> None:
    command = [sys.executable, "-m", "packager", "serve", str(bundle), "--port", "0", "--platform"]
    environment = {name: value for name, value in os.environ.items() if name != "SCORING_KEY"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment) as process:
        try:
            said, told = b"", {}
            assert process.stderr is not None
            while len(told) < 2 and (line := process.stderr.readline()):
                said += line
                told = dict(re.findall(r"export (SCORING_\w+)=(\S+)", said.decode()))
            assert set(told) == {"SCORING_URI", "SCORING_KEY"}, said.decode()
            url, key = told["SCORING_URI"].removesuffix("/score"), told["SCORING_KEY"]
            assert send(url, b"{}", Authorization="Bearer another").status == 401
            reply = send(url, sample(bundle, "request"), Authorization=f"Bearer {key}", Content_Type="application/json")
            assert reply.body == sample(bundle, "response")
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0
