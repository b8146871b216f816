"""A bundle under the real server of Azure ML's endpoints, in an environment made from its own conda.yml, over HTTP."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from packager.bundle.serve import BOOT_FAILED, Served, served, stay
from packager.errors import BundleError
from tests.bundle import models
from tests.bundle.test_score import INVALID, ROW, VALID

JSON = "application/json"
# Digits that no timing, port or digest is likely to hold.
SECRET = "27182818284"
GOOD = json.dumps({"features": [ROW]}).encode()


@dataclass(frozen=True)
class Running:
    bundle: Path
    server: Served
    log: Path


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="session")
def serving_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the interpreter of a fresh environment that holds conda.yml's pip part and nothing else."""
    folder = tmp_path_factory.mktemp("serving")
    bundle = models.bundled(models.classifier(folder), folder / "bundle")
    conda = yaml.safe_load((bundle / "environment" / "conda.yml").read_text())
    pins = conda["dependencies"][-1]["pip"]
    python = folder / "venv" / "bin" / "python"
    if uv := shutil.which("uv"):
        commands = [[uv, "venv", "-q", "-p", sys.executable, str(folder / "venv")]]
        commands += [[uv, "pip", "install", "-q", "-p", str(python), *pins]]
    else:
        commands = [[sys.executable, "-m", "venv", str(folder / "venv")]]
        commands += [[str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *pins]]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stderr
    return str(python)


@pytest.fixture(scope="module")
def running(serving_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    bundle = models.bundled(models.with_settings(models.classifier(folder), max_batch=8), folder / "bundle")
    with (folder / "log").open("wb") as log, served(bundle, python=serving_python, log=log) as server:
        yield Running(bundle, server, folder / "log")


def send(
    server: Served, body: bytes | None = None, *, method: str = "POST", path: str = "/score", **headers: str
) -> Reply:
    """Send one request with exactly these headers, `content_type` for Content-Type, and Content-Length."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=30)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=names)
    answer = connection.getresponse()
    found = Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    connection.close()
    return found


def as_bytes(request: object) -> bytes:
    if isinstance(request, bytes):
        return request
    text = request if isinstance(request, str) else json.dumps(request)
    return text.encode("utf-8", "surrogatepass")


def test_the_environment_holds_no_training_library(serving_python: str) -> None:
    code = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
    found = subprocess.run([serving_python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "onnxruntime" in found
    assert not {"scikit-learn", "lightgbm", "skl2onnx", "onnxmltools", "pandas", "packager"} & set(found)


def test_health(running: Running) -> None:
    assert send(running.server, method="GET", path="/").status == 200


@pytest.mark.parametrize("form", VALID)
def test_valid_requests(running: Running, form: str) -> None:
    reply = send(running.server, as_bytes(VALID[form]), content_type=JSON)
    assert reply.status == 200
    assert reply.headers["content-type"] == JSON
    body = json.loads(reply.body)
    assert body.keys() == {"prediction", "probability"}
    assert len(body["prediction"]) == len(body["probability"]) == 2


@pytest.mark.parametrize("case", INVALID)
def test_invalid_requests(running: Running, case: str) -> None:
    request, status, code, where = INVALID[case]
    reply = send(running.server, as_bytes(request), content_type=JSON)
    assert reply.status == status
    assert reply.headers["content-type"] == JSON
    error = json.loads(reply.body)["error"]
    assert error["code"] == code
    assert error.items() >= where.items()


def test_content_types(running: Running) -> None:
    for kind in (JSON, "application/json; charset=utf-8", "text/plain", "application/vnd.api+json"):
        assert send(running.server, GOOD, content_type=kind).status == 200
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        reply = send(running.server, GOOD, content_type=kind)
        assert (reply.status, json.loads(reply.body)["error"]["code"]) == (400, "content_type")


def test_a_compressed_body_is_refused(running: Running) -> None:
    reply = send(running.server, gzip.compress(GOOD), content_type=JSON, content_encoding="gzip")
    assert (reply.status, json.loads(reply.body)["error"]["code"]) == (400, "content_encoding")


def test_other_methods(running: Running) -> None:
    reply = send(running.server, method="GET", path=f"/score?features=[[{SECRET},2,3]]")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    for method in ("PUT", "DELETE", "PATCH", "HEAD"):
        assert send(running.server, method=method).status == 405
    assert send(running.server, method="OPTIONS").status == 200


def test_a_query_changes_nothing(running: Running) -> None:
    assert send(running.server, GOOD, path=f"/score?x={SECRET}&y=%ff", content_type=JSON).status == 200


def test_a_body_sent_in_chunks_is_taken(running: Running) -> None:
    port = int(running.server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        head = (
            b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        client.sendall(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD))
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_a_half_sent_body_is_no_fault_of_ours(running: Running) -> None:
    port = int(running.server.url.rpartition(":")[2])
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    for sent in (b"Content-Length: 99\r\n\r\n" + GOOD, b"Transfer-Encoding: chunked\r\n\r\n63\r\n" + GOOD):
        with socket.create_connection(("127.0.0.1", port), 30) as client:
            client.sendall(head + sent)
            client.shutdown(socket.SHUT_WR)
            assert b" 400 " in client.recv(100).partition(b"\r\n")[0]
    assert send(running.server, GOOD, content_type=JSON).status == 200


def test_golden_and_sample_rows(running: Running) -> None:
    samples = running.bundle / "samples"
    reply = send(running.server, (samples / "request.json").read_bytes(), content_type=JSON)
    assert reply.body == (samples / "response.json").read_bytes()
    golden = json.loads((samples / "golden.json").read_bytes())
    (request,) = golden["requests"]
    answer = json.loads(send(running.server, as_bytes(request), content_type=JSON).body)
    assert answer["prediction"] == golden["outputs"]["label"]
    for row, native in zip(answer["probability"], golden["outputs"]["probabilities"], strict=True):
        assert row == pytest.approx(native, rel=1e-12)


def test_the_server_shows_our_api_description(running: Running) -> None:
    document = json.loads((running.bundle / "openapi.json").read_bytes())
    for query in ("", "?version=2", "?version=3", "?version=3.1"):
        reply = send(running.server, method="GET", path=f"/swagger.json{query}")
        assert reply.status == 200
        assert json.loads(reply.body) == document


def test_no_input_value_reaches_a_log_a_body_or_a_header(running: Running) -> None:
    bodies = [
        f'{{"features": [[{SECRET}, 2, 3]]}}',
        f'{{"features": [["{SECRET}", 2, 3]]}}',
        f'{{"features": [[{SECRET}, 2, null]]}}',
        f'{{"{SECRET}": [[1, 2, 3]]}}',
        f'{{"features": [{{"{SECRET}": 1}}]}}',
        f'{{"data": {{"columns": ["{SECRET}"], "data": []}}}}',
        f"{SECRET} is no JSON",
    ]
    raw = [*(body.encode() for body in bodies), b'{"features": "\xff' + SECRET.encode() + b'"}']
    for path in ("/score", f"/score?secret={SECRET}"):
        for body in raw:
            reply = send(running.server, body, path=path, content_type=JSON)
            assert SECRET.encode() not in reply.body
            assert SECRET not in str(reply.headers)
    log = running.log.read_text(encoding="utf-8", errors="replace")
    assert SECRET not in log
    assert re.search(
        r"scored status=200 rows=1( (parse|validate|infer|serialize)_ms=\d+\.\d{3}){4} bundle=fraud/3 ", log
    )
    assert "refused status=400 code=schema_mismatch" in log
    assert "Traceback" not in log


def test_serving_leaves_the_bundle_as_it_is(running: Running) -> None:
    from packager.bundle.manifest import check_digests

    check_digests(running.bundle)


@pytest.mark.parametrize("kind", ["missing", "text", "outliers", "transformer"])
def test_other_kinds_are_served_too(kind: str, serving_python: str, tmp_path: Path) -> None:
    bundle = models.bundled(models.KINDS[kind](tmp_path), tmp_path / "bundle")
    samples = bundle / "samples"
    with served(bundle, python=serving_python) as server:
        reply = send(server, (samples / "request.json").read_bytes(), content_type=JSON)
    assert (reply.status, reply.body) == (200, (samples / "response.json").read_bytes())


@pytest.mark.parametrize("mount", ["model", "."])
def test_the_model_folder_with_and_without_its_name(mount: str, serving_python: str, tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = "azureml_inference_server_http.server.entry:app"
    code = {"AML_APP_ROOT": str(bundle / "code"), "AZUREML_ENTRY_SCRIPT": "score.py"}
    process = subprocess.Popen(
        [serving_python, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", app],
        env={"PATH": os.environ["PATH"], **code, "AZUREML_MODEL_DIR": str(bundle / mount)},
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert _first_reply(Served(f"http://127.0.0.1:{port}", process)).status == 200
    finally:
        process.terminate()
        process.wait(10)


def _first_reply(server: Served) -> Reply:
    deadline = time.monotonic() + 60
    while True:
        try:
            return send(server, GOOD, content_type=JSON)
        except ConnectionRefusedError:
            if time.monotonic() > deadline or server.process.poll() is not None:
                raise
            time.sleep(0.05)


def test_a_changed_model_is_not_served(serving_python: str, tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    model = bundle / "model" / "model.onnx"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    with pytest.raises(BundleError, match="init\\(\\) refused") as caught, served(bundle, python=serving_python):
        pass
    assert caught.value.measured == f"exit code {BOOT_FAILED}"


def test_the_serve_command_announces_itself_and_ends_on_interrupt(tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    code = "import pathlib, sys; from packager.front.page import serve_with_page as serve; "
    code += "serve(pathlib.Path(sys.argv[1]), port=0)"
    for ending in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code, str(bundle)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(3)]
        url = re.search(r"http://127\.0\.0\.1:\d+", told[0])
        assert url is not None
        assert told[2].startswith("curl -X POST ")
        curl = subprocess.run(told[2], shell=True, capture_output=True, timeout=30, check=True)
        assert curl.stdout == (bundle / "samples" / "response.json").read_bytes()
        process.send_signal(ending)
        assert process.wait(20) == 0
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", int(url.group().rpartition(":")[2])), 1)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    bundle = models.bundled(models.classifier(tmp_path), tmp_path / "bundle")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BundleError, match=f"Can't listen on port {port}"), served(bundle, port=port):
            pass


def test_a_server_that_ends_by_itself_is_a_failure() -> None:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    with pytest.raises(BundleError, match="ended by itself with code 7"):
        stay(Served("http://127.0.0.1:9", process))
