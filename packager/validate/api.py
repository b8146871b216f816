"""The API description: the server gives out exactly openapi.json, which is valid and whose examples keep to it.

A validator of OpenAPI is no part of this program: where it is not installed beside it, it is installed apart and kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib import util
from pathlib import Path

from packager.bundle.finding import Finding
from packager.runtime.virtual_environment import (
    EnvironmentUnavailable,
    cache_folder,
    create,
    install,
    keep,
    python_of,
)
from packager.validate.client import get
from packager.wording import clip, printable

API_FILE = "openapi.json"
# The versions that azmlinfsrv looks for files of, as a client asks for them.
_VERSIONS = {"2": "code/swagger2.json", "3": "code/swagger3.json", "3.1": "code/swagger3.1.json"}
_VALIDATOR = "openapi-spec-validator==0.9.0"
_DRIVER = Path(__file__).with_name("api_process.py")
_CHECK_S = 60.0
_HINT = "build the bundle anew: it is made from the same facts as score.py"


def served_findings(url: str, bundle: Path) -> list[Finding]:
    """Return where the server describes another API than openapi.json."""
    try:
        written = json.loads((bundle / API_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return [Finding("424", "api", "the API description is missing or no JSON", _HINT, API_FILE)]
    findings = []
    for path in ("/swagger.json", *(f"/swagger.json?version={version}" for version in _shipped(bundle))):
        reply = get(url, path)
        if reply.status != 200:
            message = f"the server has no API description at {path}"
            findings.append(Finding("424", "api", message, _HINT, "code", reply.status or "no answer", 200))
        elif reply.json() != written:
            message = f"the server describes another API at {path} than {API_FILE}: clients made from it would fail"
            findings.append(Finding("424", "api", message, _HINT, _file_of(path)))
    return findings


def document_findings(bundle: Path, *, environ: Mapping[str, str] = os.environ) -> list[Finding] | str:
    """Return what is wrong with openapi.json itself; a text where no validator is to be had."""
    try:
        python = _validator(environ)
        command = [str(python), "-I", "-B", str(_DRIVER), str(bundle / API_FILE)]
        done = subprocess.run(command, capture_output=True, timeout=_CHECK_S, check=False, stdin=subprocess.DEVNULL)
        problems = json.loads(done.stdout)
    except EnvironmentUnavailable as error:
        return f"openapi.json itself: {printable(error)}"
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return [Finding("424", "api", "the API description can't be read by a validator", _HINT, API_FILE)]
    return [Finding("424", "api", f"not valid: {clip(printable(one), 300)}", _HINT, API_FILE) for one in problems]


def _shipped(bundle: Path) -> list[str]:
    return [version for version, name in _VERSIONS.items() if (bundle / name).is_file()]


def _file_of(path: str) -> str:
    return _VERSIONS.get(path.rpartition("=")[2], "code/swagger.json")


def _validator(environ: Mapping[str, str]) -> Path:
    """Return a Python that has the validator."""
    if util.find_spec("openapi_spec_validator") is not None:
        return Path(sys.executable)
    folder = cache_folder(environ) / _VALIDATOR.replace("==", "-")

    def fill(staging: Path, deadline: float) -> None:
        create(staging, Path(sys.executable), deadline=deadline, environ=environ)
        install(staging, [_VALIDATOR], deadline=deadline, environ=environ)

    keep(folder, fill)
    return python_of(folder)
