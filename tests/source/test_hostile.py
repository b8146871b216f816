"""Hostile artifacts are refused, and nothing of them runs. That they would run is proved by really loading them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from packager.errors import SourceError
from packager.source.audit import audit
from tests.source.hostile import Payload, Workshop

MARKER = "marker"

# Loads every live payload, and prints which of them did not leave the marker.
_LOADER = """
import json, os, shutil, sys, time, warnings
from pathlib import Path
import joblib
from tests.source.hostile import Workshop
warnings.simplefilter("ignore")
marker, artifact, quiet = Path(sys.argv[1]), Path(sys.argv[2]), []
for name, payload in Workshop(marker).all().items():
    if not payload.live:
        continue
    artifact.write_bytes(payload.data)
    try:
        joblib.load(artifact)
    except BaseException:
        pass
    for _ in range(200):
        if marker.exists():
            break
        time.sleep(0.01)
    else:
        quiet.append(name)
    shutil.rmtree(marker) if marker.is_dir() else marker.unlink(missing_ok=True)
print("quiet:" + json.dumps(quiet))
"""


def _payloads(folder: Path) -> dict[str, Payload]:
    return Workshop(folder / MARKER).all()


def _refusal(folder: Path, payload: Payload, trust: tuple[str, ...] = ()) -> str | None:
    (folder / "artifact").write_bytes(payload.data)
    try:
        audit(folder / "artifact", trust=trust)
    except SourceError as error:
        return str(error)
    return None


def test_every_hostile_artifact_is_refused_and_none_runs(tmp_path: Path) -> None:
    payloads = _payloads(tmp_path)
    assert len(payloads) > 150
    said = {name: _refusal(tmp_path, payload) for name, payload in payloads.items()}
    assert [name for name, message in said.items() if message is None] == []
    for name, message in said.items():
        assert len(str(message).encode()) < 2000, name
        assert str(message).isascii(), name
        assert str(message).replace("\n", "").isprintable(), name
    assert not (tmp_path / MARKER).exists()


def test_the_live_ones_do_run_when_they_are_loaded(tmp_path: Path) -> None:
    live = [name for name, payload in _payloads(tmp_path).items() if payload.live]
    assert len(live) > 60
    done = subprocess.run(
        [sys.executable, "-c", _LOADER, str(tmp_path / MARKER), str(tmp_path / "artifact")],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2], timeout=120,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("quiet:")]
    assert lines, done.stderr[-2000:]
    assert json.loads(lines[-1].removeprefix("quiet:")) == []


@pytest.mark.parametrize("name", ["os.system", "eval", "protocol 0", "dotted runstring", "joblib, in an object array"])
def test_an_attack_is_named_without_a_hint_to_trust_it(tmp_path: Path, name: str) -> None:
    artifact = tmp_path / "artifact"
    artifact.write_bytes(_payloads(tmp_path)[name].data)
    with pytest.raises(SourceError) as caught:
        audit(artifact)
    assert any(word in caught.value.message for word in ("os.system", "builtins.eval", "runstring"))
    assert "trust" not in str(caught.value)


def test_at_most_ten_names_are_listed(tmp_path: Path) -> None:
    artifact = tmp_path / "artifact"
    artifact.write_bytes(_payloads(tmp_path)["a thousand names"].data)
    with pytest.raises(SourceError) as caught:
        audit(artifact)
    assert str(caught.value).count("\n  pkg.f") == 10
    assert "more" in str(caught.value)


def test_old_joblib_files_are_told_apart(tmp_path: Path) -> None:
    artifact = tmp_path / "artifact"
    for name in ("joblib, NDArrayWrapper", "joblib, ZNDArrayWrapper", "joblib, file before 0.10"):
        artifact.write_bytes(_payloads(tmp_path)[name].data)
        with pytest.raises(SourceError) as caught:
            audit(artifact)
        assert "joblib before 0.10" in str(caught.value)


def test_trusting_one_name_leaves_the_attack_beside_it_refused(tmp_path: Path) -> None:
    trust = ("my_pkg.Transformer", "os", "os.*", "builtins", "*", "")
    said = {name: _refusal(tmp_path, payload, trust) for name, payload in _payloads(tmp_path).items()}
    assert [name for name, message in said.items() if message is None] == []
    assert not (tmp_path / MARKER).exists()
