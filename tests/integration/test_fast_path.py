"""A binned bundle under the real server: every answer of the script says which form gave it, and so does the log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from packager.bundle.serve import Served, served
from packager.front.form import model_form
from packager.validate.client import Reply, get, post
from tests.bundle import binned, models

pytestmark = binned.needs_library


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fast")
    return models.bundled(binned.plan(folder, max_batch=8), folder / "bundle")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "server.log"


@pytest.fixture(scope="module")
def server(bundle: Path, log: Path) -> Iterator[Served]:
    """Serve from folders that let nobody write, as the platform mounts them."""
    for path in [*(bundle / "code").iterdir(), *(bundle / "model").iterdir()]:
        path.chmod(0o444)
    for name in ("code", "model"):
        (bundle / name).chmod(0o555)
    with log.open("wb") as stream, served(bundle, log=stream) as running:
        yield running
    for name in ("code", "model"):
        (bundle / name).chmod(0o755)


def form_of(reply: Reply) -> str | None:
    return dict(reply.headers).get("x-model-form")


def test_every_answer_of_the_script_tells_its_form(server: Served, bundle: Path, log: Path) -> None:
    sample = (bundle / "samples" / "request.json").read_bytes()
    replies = [
        (200, post(server.url, sample)),
        (200, post(server.url, b'{"features": []}')),
        (400, post(server.url, b"{")),
        (400, post(server.url, b'{"features": [["a", 1, 2]]}')),
        (400, post(server.url, sample, headers={"Content-Type": "application/x-www-form-urlencoded"})),
        (413, post(server.url, json.dumps({"features": [[1, 2, 3]] * 9}).encode())),
        (405, get(server.url, "/score")),
    ]
    forms = {form_of(reply) for _, reply in replies}
    assert [reply.status for _, reply in replies] == [status for status, _ in replies]
    assert len(forms) == 1
    assert str(forms.pop()).startswith("binned ")
    assert dict(replies[-1][1].headers)["Allow"] == "POST"
    assert json.loads(replies[0][1].body) == json.loads((bundle / "samples" / "response.json").read_bytes())
    (ready,) = [line for line in log.read_text().splitlines() if " ready bundle=" in line]
    assert 'model_form="binned ' in ready


def test_whoever_serves_it_is_told(server: Served, bundle: Path, tmp_path: Path) -> None:
    told = model_form(bundle, server.url)
    assert str(told).startswith("answers are from the model's form binned ")
    plain = models.bundled(models.classifier(tmp_path), tmp_path / "plain")
    assert model_form(plain, "http://127.0.0.1:9") is None


def test_a_server_without_its_library_answers_from_onnx(bundle: Path, tmp_path: Path) -> None:
    other = shutil.copytree(bundle, tmp_path / "other")
    (other / "code").chmod(0o755)
    (other / "code" / "_binned.abi3.so").unlink()
    with (tmp_path / "log").open("wb") as stream, served(other, log=stream) as running:
        reply = post(running.url, (bundle / "samples" / "request.json").read_bytes())
        assert (reply.status, form_of(reply)) == (200, "onnx; missing")
        assert model_form(other, running.url) == (
            "answers are from the model's form onnx; missing (x-model-form of every answer)"
        )
    assert (
        json.loads(reply.body)["prediction"]
        == json.loads((bundle / "samples" / "response.json").read_bytes())["prediction"]
    )
    (warned,) = [line for line in (tmp_path / "log").read_text().splitlines() if "can't serve here" in line]
    assert "reason=missing _binned.abi3.so can't be read" in warned
