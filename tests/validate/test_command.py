"""`package validate`: what it prints, as a table and as JSON, its exit codes, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from packager import cli
from packager.validate import gate
from packager.validate.clean import CleanEnvironment

from .bundles import copied, deployed, scripted

INIT = "    global SESSION\n"


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["package", "validate", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    told = capsys.readouterr()
    return int(left.value.code or 0), told.out, told.err


def test_a_true_bundle_under_load_as_json(
    true_bundle: Path,
    environment: CleanEnvironment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for short, value in (("_RUN_OF_LIMIT", 0), ("_FEWEST", 1), ("_SHORTEST_S", 2.0)):
        monkeypatch.setattr(gate, short, value)
    code, out, err = run(monkeypatch, capsys, str(true_bundle), "--json", "--load", "p95 <= 10000 ms at 2 rps")
    told = json.loads(out)
    assert (code, told["ok"], told["exit_code"], told["findings"]) == (0, True, 0, []), told
    assert "load" in [check["name"] for check in told["checks"]]
    assert "starting the server with 2 workers" in err
    assert "Traceback" not in err


def test_findings_are_told_with_what_to_do(
    bundle: Path,
    environment: CleanEnvironment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deployed(scripted(bundle, (INIT, INIT + '    raise OSError("no warehouse")\n')), name="1")
    code, out, err = run(monkeypatch, capsys, str(bundle))
    assert code == 8
    for words in ("BadArgument  deployment.name: name: Azure ML refuses this name (deploy/deployment.yml:1)",
                  "ResourceNotReady  start-up: score.py's init() fails: OSError: no warehouse (code/score.py)",
                  "hint: ", "contract     not made", "2 findings"):  # fmt: skip
        assert words in out
    assert "bundle: " in err
    assert "(1 x BadArgument, 1 x ResourceNotReady)" in err


def test_what_is_no_bundle_and_no_gate(
    tmp_path: Path, true_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(monkeypatch, capsys, str(tmp_path / "mistyped"))
    assert (code, out) == (8, "")
    assert "mistyped is not a bundle: it has no manifest.json" in err
    assert "hint: name the bundle folder of a build" in err
    code, out, err = run(monkeypatch, capsys, str(true_bundle), "--load", "fast")
    assert (code, out) == (2, "")
    assert "p95 <= 250 ms at 100 rps" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_validation_leaves_nothing(
    number: signal.Signals, true_bundle: Path, environment: CleanEnvironment, tmp_path: Path
) -> None:
    slow = scripted(copied(true_bundle, tmp_path), (INIT, INIT + "    time.sleep(60)\n"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "packager", "validate", str(slow)],
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        servers = _awaited(process.pid)
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in servers)
    assert list(scratch.iterdir()) == []


def _awaited(pid: int) -> list[int]:
    """Return the server and its workers, once they run."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [
            one.pid for one in psutil.Process(pid).children(recursive=True) if "gunicorn" in " ".join(one.cmdline())
        ]
        if len(found) >= 3:
            return found
        time.sleep(0.1)
    raise AssertionError("no server was started")
