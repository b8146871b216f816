"""One environment a contender, made by uv from pins and kept: a change of the pins makes it anew."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

PINS = Path(__file__).parent / "pins"
_TIMEOUT_S = 600


class NotToBeHad(Exception):
    """An environment that can't be made here: the contender is left out."""


def pins_of(name: str, bundle: Path) -> str:
    """Return a contender's requirements; the bundles' are those that they ship."""
    if name in ("bundle", "onnx"):
        conda = yaml.safe_load((bundle / "environment" / "conda.yml").read_text())
        return "".join(f"{pin}\n" for pin in conda["dependencies"][-1]["pip"])
    return (PINS / f"{name}.txt").read_text()


def interpreter(name: str, pins: str, cache: Path) -> Path:
    """Return the interpreter of the contender's environment, which is made where it is not there yet."""
    digest = hashlib.sha256(f"{sys.version}\n{pins}".encode()).hexdigest()[:12]
    home = cache / f"{name}-{digest}"
    python = home / "bin" / "python"
    if (home / ".complete").exists():
        return python
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise NotToBeHad("uv is missing: pip install uv")
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    listed = home.with_suffix(".txt")
    listed.write_text(pins)
    _run([uv, "venv", "-q", "--python", sys.executable, str(home)])
    _run([uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python), "-r", str(listed)])
    (home / ".complete").touch()
    return python


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        raise NotToBeHad(lines[-1].strip()) from None
    except subprocess.TimeoutExpired:
        raise NotToBeHad(f"not installed after {_TIMEOUT_S} s") from None
