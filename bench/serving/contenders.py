"""Who is measured: how each server is started, what a request to it looks like, and where its answer has the numbers.

Every one serves the same ONNX model with one worker and one thread of ONNX Runtime, but for the script that needs none.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packager.bundle.scoring import child_environment

PEERS = Path(__file__).parent / "peers"
HOST = "127.0.0.1"
_APP = "azureml_inference_server_http.server.entry:app"


@dataclass(frozen=True)
class Place:
    """What a server is started from: its interpreter, a folder of its own, our bundle and the trained model."""

    python: Path
    folder: Path
    bundle: Path
    joblib: Path

    @property
    def onnx(self) -> Path:
        """Return the model that all serve."""
        return self.bundle / "model" / "model.onnx"


@dataclass(frozen=True)
class Start:
    """A command, its environment, and the port that it will answer at."""

    command: list[str]
    environment: dict[str, str]
    port: int


@dataclass(frozen=True)
class Contender:
    """One server. `encode` makes a body of rows' JSON text; `probabilities` finds them in a parsed answer."""

    name: str
    label: str
    start: Callable[[Place], Start]
    path: str = "/score"
    prepare: Callable[[Place], None] | None = None
    encode: Callable[[str, int], str] = lambda rows, count: f'{{"features": {rows}}}'
    probabilities: Callable[[Any], Any] = lambda answer: answer["probability"]


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        found: int = probe.getsockname()[1]
        return found


def _plain(place: Place) -> dict[str, str]:
    """Return the environment of a server that is no bundle: next to nothing, one thread, no calls home."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG") if name in os.environ}
    quiet = {"BENTOML_DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    own = {"HOME": str(place.folder), "BENTOML_HOME": str(place.folder), "OMP_NUM_THREADS": "1"}
    path = f"{place.python.parent}:{kept.get('PATH', '')}"
    return {**kept, **quiet, **own, "PATH": path, "MODEL": str(place.onnx)}


def _gunicorn(place: Place, code: Path, mount: Path) -> Start:
    """Return azmlinfsrv as its own command starts it, but on loopback alone."""
    port = free_port()
    command = [str(place.python), "-m", "gunicorn", "-b", f"{HOST}:{port}", "-w", "1", "--access-logfile", "-", _APP]
    return Start(command, {**child_environment(code, mount, place.folder), "OMP_NUM_THREADS": "1"}, port)


def _bundle(place: Place) -> Start:
    return _gunicorn(place, place.bundle / "code", place.bundle)


def _onnx_bundle(place: Place) -> Start:
    bundle = place.bundle.with_name("onnx-bundle")
    return _gunicorn(place, bundle / "code", bundle)


def _prepare_joblib(place: Place) -> None:
    for folder, source, name in (("code", PEERS / "joblib_score.py", "score.py"), ("model", place.joblib, None)):
        (place.folder / folder).mkdir()
        shutil.copy(source, place.folder / folder / (name or source.name))


def _joblib(place: Place) -> Start:
    return _gunicorn(place, place.folder / "code", place.folder / "model")


def _prepare_mlserver(place: Place) -> None:
    model = {
        "name": "model",
        "implementation": "mlserver_runtime.OnnxRuntime",
        "parameters": {"uri": str(place.onnx)},
    }
    (place.folder / "model-settings.json").write_text(json.dumps(model))
    shutil.copy(PEERS / "mlserver_runtime.py", place.folder)


def _mlserver(place: Place) -> Start:
    port = free_port()
    settings = {
        "host": HOST,
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_endpoint": None,
        "parallel_workers": 0,  # in the server's own process: a second one adds a queue between them
        "debug": False,
    }
    (place.folder / "settings.json").write_text(json.dumps(settings))
    environment = {**_plain(place), "PYTHONPATH": str(place.folder)}
    return Start([str(place.python.parent / "mlserver"), "start", str(place.folder)], environment, port)


def _encode_mlserver(rows: str, count: int) -> str:
    flat = rows[2:-2].replace("], [", ", ")
    width = (flat.count(",") + 1) // count
    one = f'{{"name": "features", "shape": [{count}, {width}], "datatype": "FP64", "data": [{flat}]}}'
    return f'{{"inputs": [{one}]}}'


def _mlserver_probabilities(answer: Any) -> Any:
    found = next(output for output in answer["outputs"] if output["name"] == "probabilities")
    rows, width = found["shape"]
    return [found["data"][row * width : (row + 1) * width] for row in range(rows)]


def _prepare_mlflow(place: Place) -> None:
    command = [str(place.python), str(PEERS / "save_mlflow.py"), str(place.onnx), str(place.folder / "model")]
    subprocess.run(command, env=_plain(place), cwd=place.folder, check=True, capture_output=True, timeout=180)


def _mlflow(place: Place) -> Start:
    port = free_port()
    options = ["--env-manager", "local", "--host", HOST, "--port", str(port), "--workers", "1"]
    command = [str(place.python.parent / "mlflow"), "models", "serve", "-m", str(place.folder / "model"), *options]
    return Start(command, _plain(place), port)


def _bentoml(place: Place) -> Start:
    port = free_port()
    command = [
        str(place.python.parent / "bentoml"),
        "serve",
        "bento_service:Scorer",
        "--host",
        HOST,
        "--port",
        str(port),
    ]
    return Start([*command, "--working-dir", str(PEERS)], _plain(place), port)


def _litserve(place: Place) -> Start:
    port = free_port()
    environment = {**_plain(place), "PORT": str(port)}
    return Start([str(place.python), str(PEERS / "litserve_server.py")], environment, port)


# Ours first: all others are told as ratios to it.
CONTENDERS = (
    Contender("bundle", "azmlinfsrv, our bundle, binned", _bundle),
    Contender("onnx", "azmlinfsrv, our bundle, exact ONNX", _onnx_bundle),
    Contender("joblib", "azmlinfsrv, joblib + LightGBM, well written", _joblib, prepare=_prepare_joblib),
    Contender(
        "mlserver",
        "MLServer, custom runtime",
        _mlserver,
        path="/v2/models/model/infer",
        prepare=_prepare_mlserver,
        encode=_encode_mlserver,
        probabilities=_mlserver_probabilities,
    ),
    Contender(
        "mlflow",
        "MLflow, onnx flavour",
        _mlflow,
        path="/invocations",
        prepare=_prepare_mlflow,
        encode=lambda rows, count: f'{{"inputs": {{"features": {rows}}}}}',
        probabilities=lambda answer: answer["predictions"]["probabilities"],
    ),
    Contender("bentoml", "BentoML", _bentoml),
    Contender("litserve", "LitServe", _litserve),
)
