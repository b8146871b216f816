"""A bundle's clients as programs under test: the same question to each, in its own language, and what became of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
LANGUAGES = [
    pytest.param("python"),
    pytest.param(
        "javascript", marks=pytest.mark.skipif(not shutil.which("node"), reason="no node: apt-get install nodejs")
    ),
    pytest.param(
        "csharp",
        marks=pytest.mark.skipif(
            not (shutil.which("mcs") and shutil.which("mono")),
            reason="no mcs: apt-get install mono-mcs libmono-system-net-http4.0-cil libmono-system-numerics4.0-cil",
        ),
    ),
    pytest.param("curl", marks=pytest.mark.skipif(not shutil.which("curl"), reason="no curl: apt-get install curl")),
]
LIBRARIES = ("-r:System.Net.Http.dll", "-r:System.Numerics.dll")
_TIMEOUT_S = 60
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


@dataclass(frozen=True)
class Call:
    """What a client is asked; the strings NaN!, Infinity! and -Infinity! stand for these numbers."""

    uri: str
    key: str
    rows: list[Any]
    deployment: str | None = None
    timeout_ms: int = 20_000
    attempts: int = 4
    backoff_ms: int = 20
    in_batches: bool = False


@dataclass(frozen=True)
class Outcome:
    """Scores, or an error's parts and its text as a person reads it."""

    scores: dict[str, Any] | None
    error: dict[str, Any]
    text: str

    @property
    def told(self) -> tuple[Any, ...]:
        """Return what most tests look at: code, status, the model's status and how often it was tried."""
        return tuple(self.error.get(name) for name in ("code", "status", "model_status", "attempts"))


class Driver:
    """A program that goes on from one call to the next, as services do: a line of JSON in, a line of JSON out."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=_kept(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def ask(self, line: str) -> str:
        """Return the answer to one line; a driver that is silent for too long is ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        watch = threading.Timer(_TIMEOUT_S, self._process.kill)
        watch.start()
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        finally:
            watch.cancel()
        assert answer, "the driver ended, or was silent for too long: standard error tells more"
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


_DRIVERS: dict[tuple[str, Path], Driver] = {}


def end_drivers() -> None:
    """End all drivers that run."""
    while _DRIVERS:
        _DRIVERS.popitem()[1].end()


def compiled(bundle: Path, scratch: Path) -> Path:
    """Return the C# client with its driver as a program."""
    target = scratch / "driver.exe"
    client = bundle / "clients" / "csharp" / "ScoringClient.cs"
    command = ["mcs", "-nologo", "-warnaserror", *LIBRARIES, f"-out:{target}", client, HERE / "Driver.cs"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def ask(language: str, bundle: Path, call: Call, scratch: Path) -> Outcome:
    """Ask the bundle's client in that language; `scratch` keeps what is compiled."""
    if language == "curl":
        return _ask_curl(bundle, call, scratch)
    folder = bundle / "clients" / language
    if language == "csharp" and not (scratch / "driver.exe").exists():
        compiled(bundle, scratch)
    commands = {
        "python": [sys.executable, str(HERE / "driver.py"), str(folder)],
        "javascript": ["node", str(HERE / "driver.mjs"), str(folder)],
        "csharp": ["mono", str(scratch / "driver.exe")],
    }
    driver = _DRIVERS.get((language, bundle))
    if driver is None:
        driver = _DRIVERS[language, bundle] = Driver(commands[language])
    document = json.loads(driver.ask(json.dumps({k: v for k, v in vars(call).items() if v is not None})))
    error = {name: value for name, value in document.get("error", {}).items() if value is not None}
    return Outcome(document.get("scores"), error, document.get("text", ""))


def _ask_curl(bundle: Path, call: Call, scratch: Path) -> Outcome:
    key = json.loads((bundle / "code" / "model_info.json").read_bytes())["request_key"]
    body = re.sub(r'"(NaN|-?Infinity)!"', r"\1", json.dumps({key: call.rows}))
    script = bundle / "clients" / "curl" / "score.sh"
    settings = {
        "SCORING_URI": call.uri,
        "SCORING_KEY": call.key,
        "SCORING_DEPLOYMENT": call.deployment or "",
        "SCORING_TIMEOUT_S": f"{call.timeout_ms / 1e3:g}",
        "SCORING_ATTEMPTS": str(call.attempts),
        "SCORING_BACKOFF_MS": str(call.backoff_ms),
        "TMPDIR": str(scratch),
    }
    done = _run(["sh", str(script), "-"], body, settings)
    assert not list(scratch.glob("tmp.*")), "the script leaves files behind"
    if done.returncode == 0:
        return Outcome(json.loads(done.stdout), {}, "")
    assert done.stdout == ""
    return Outcome(None, _parts(done.stderr), done.stderr)


def _parts(text: str) -> dict[str, Any]:
    """Return what a line of score.sh tells, and what the body in it tells."""
    found: dict[str, Any] = {}
    if match := re.match(r"score\.sh: (\d{3})(?: \(model: (\d+)\))? ", text):
        found["status"] = int(match[1])
        found |= {} if match[2] is None else {"model_status": int(match[2])}
    elif match := re.match(r"score\.sh: (\w+): ", text):
        found["code"] = match[1]
    if match := re.search(r"\[request (\w+), attempts: (\d+)\]", text):
        found |= {"request_id": match[1], "attempts": int(match[2])}
    if match := re.search(r"It said: (\{.*\})", text):
        found |= json.loads(match[1])["error"]
    return found


def _kept() -> dict[str, str]:
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def _run(command: list[str], given: str, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        input=given,
        env={**_kept(), **settings},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=_TIMEOUT_S,
        check=False,
    )
