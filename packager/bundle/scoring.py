"""The platform's side of a bundle: code and model folders where a server expects them, and a child process without
anything of ours in its environment. Only code/ and model/ are there, as on the platforms.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packager.binned.library import INSTRUCTION_SET
from packager.errors import BundleError

# What a child needs to find its libraries and speak its language; everything else, secrets above all, stays here.
# Instructions that binned trees are told to be scored with hold for every process that scores.
_KEPT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", INSTRUCTION_SET)
# Loading a model of two gigabytes takes a minute; scoring some golden rows takes none.
_TIMEOUT_S = 600
_DRIVER = Path(__file__).with_name("score_process.py")
# Of a failed child, the error's own line is enough to act on; more could be a dump.
_MOST_CHARACTERS = 500


@dataclass(frozen=True)
class Answers:
    """Status and body for each request, and the top-level packages that scoring loaded.

    `forms`: what the answers say of the form of the model that gave them; "" is one that says nothing.
    """

    answers: tuple[tuple[int, str], ...]
    modules: frozenset[str]
    forms: tuple[str, ...] = ("",)


def child_environment(code: Path, model: Path, scratch: Path) -> dict[str, str]:
    """Return the environment variables of a scoring process: those of the platform and next to nothing else."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "AML_APP_ROOT": str(code),
        "AZUREML_ENTRY_SCRIPT": "score.py",
        "AZUREML_MODEL_DIR": str(model),
        "AML_APP_INSIGHTS_ENABLED": "false",
        # A bundle is read only: not even a cache of compiled code is left in it.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def lay_out(bundle: Path, scratch: Path, *, without: str | None = None) -> tuple[Path, Path]:
    """Return code and model folder as the platform mounts them: the model's folder keeps its name inside another.

    `without` is the name of a file that code/ then lacks.
    """
    code, mount = scratch / "azureml-app" / "code", scratch / "azureml-models" / "1"
    code.parent.mkdir()
    mount.mkdir(parents=True)
    if without is None:
        code.symlink_to(bundle.resolve() / "code", target_is_directory=True)
    else:
        code.mkdir()
        for path in (bundle.resolve() / "code").iterdir():
            if path.name != without:
                (code / path.name).symlink_to(path)
    (mount / "model").symlink_to(bundle.resolve() / "model", target_is_directory=True)
    return code, mount


def score(bundle: Path, requests: Sequence[str], scratch: Path, *, without: str | None = None) -> Answers:
    """Return the answers of the bundle's own score.py; BundleError where it does not start or end.

    `without` is the name of a file that its code/ lacks.
    """
    code, mount = lay_out(bundle, scratch, without=without)
    asked, answered = scratch / "requests.json", scratch / "answers.json"
    asked.write_text(json.dumps(list(requests)), encoding="utf-8")
    command = [sys.executable, "-I", "-B", str(_DRIVER), str(code), str(asked), str(answered)]
    try:
        done = subprocess.run(
            command,
            env=child_environment(code, mount, scratch),
            cwd=scratch,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BundleError("score.py did not answer the golden rows", limit=f"{_TIMEOUT_S} s") from None
    if done.returncode != 0 or not answered.is_file():
        why = _last_line(done.stderr) or f"exit code {done.returncode}"
        raise BundleError(f"score.py does not run: {why}", hint="build or fetch the bundle anew")
    found = json.loads(answered.read_bytes())
    answered_with = tuple((status, body) for status, body in found["answers"])
    return Answers(answered_with, frozenset(found["modules"]), tuple(found["forms"]))


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:_MOST_CHARACTERS] if lines else ""
