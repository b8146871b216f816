"""A bundle's score.py, loaded as the server loads it, and asked directly."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any


@contextmanager
def model_folder(path: Path) -> Iterator[None]:
    """Set AZUREML_MODEL_DIR for the block."""
    before = os.environ.get("AZUREML_MODEL_DIR")
    os.environ["AZUREML_MODEL_DIR"] = str(path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["AZUREML_MODEL_DIR"]
        else:
            os.environ["AZUREML_MODEL_DIR"] = before


def load(bundle: Path, *, model_dir: Path | None = None) -> ModuleType:
    """Return the bundle's script after its init()."""
    spec = importlib.util.spec_from_file_location("entry_module", bundle / "code" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # nothing is written into a bundle
    try:
        spec.loader.exec_module(script)
    finally:
        sys.dont_write_bytecode = before
    with model_folder(model_dir or bundle / "model"):
        script.init()
    return script


def ask(script: ModuleType, request: object) -> tuple[int, Any]:
    """Return status and parsed body; text and bytes are sent as they are, other values as JSON."""
    body = request if isinstance(request, str | bytes) else json.dumps(request)
    answer = script.run(body)
    assert answer.headers["Content-Type"] == "application/json"
    return answer.status_code, json.loads(answer.get_data(), parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")
