"""environment/conda.yml as the platform reads it: a Python and exact pins, or the finding that it is no such thing.

An installer is given nothing but names, versions and hashes: options and addresses of a bundle are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from packager.bundle.finding import Finding
from packager.errors import RecipeError
from packager.recipe.document import Document, Place, read_document
from packager.wording import clip, printable

CONDA_FILE = "environment/conda.yml"
_PYTHON = re.compile(r"python\s*==?\s*(3\.\d{1,2}(?:\.\d{1,3})?)(?:\.\*)?")
_HASH = re.compile(r"\s--hash[= ]sha256:([0-9a-f]{64})")
_ANEW = "build the bundle anew, or write NAME==VERSION"


@dataclass(frozen=True)
class Pin:
    """One exact requirement; `hashes` are the SHA-256 that its files may have, none where any will do."""

    requirement: str
    name: str
    hashes: frozenset[str]


@dataclass(frozen=True)
class Conda:
    """The environment that is asked for: `python` as 3.12 or 3.12.4."""

    python: str
    pins: tuple[Pin, ...]


def read_conda(bundle: Path) -> Conda | list[Finding]:
    """Return what the environment is to hold, or why the platform could not build it as it was verified."""
    try:
        document = read_document(bundle / CONDA_FILE, "conda file", "dependencies")
    except RecipeError as error:
        line, message = _placed(error.message.removeprefix(f"{bundle / CONDA_FILE}"))
        where = f"{CONDA_FILE}:{line}"
        return [Finding("ImageBuildFailure", "environment", printable(message), "build the bundle anew", where)]
    listed = document.values.get("dependencies")
    parts: list[JsonValue] = listed if isinstance(listed, list) else []
    texts = [part for part in parts if isinstance(part, str)]
    pythons = [found[1] for text in texts if (found := _PYTHON.fullmatch(text.strip()))]
    findings = [] if len(pythons) == 1 else [_unpinned_python(document)]
    for index, text in enumerate(parts):
        if isinstance(text, str) and not re.match(r"(python|pip)\b", text.strip()):
            message = "a package of conda's own channels: the bundle was verified with pip's alone"
            findings.append(_finding(message, "move it to the pip part", clip(printable(text), 80), document, index))
    pins, unfit = _pins(parts, document)
    findings += unfit
    return findings or Conda(pythons[0], tuple(pins))


def _placed(told: str) -> tuple[str, str]:
    """Return the line that an error about the file begins with, else 1, and what it says."""
    found = re.match(r":(\d+): (.*)", told, re.DOTALL)
    return ("1", told.lstrip(": ")) if found is None else (found[1], found[2])


def _pins(parts: list[JsonValue], document: Document) -> tuple[list[Pin], list[Finding]]:
    pins, findings = [], []
    for place, line in _pip_lines(parts):
        pin = _pin(line)
        if pin is None:
            findings.append(_finding("not an exact pin", _ANEW, clip(printable(line), 80), document, *place))
        else:
            pins.append(pin)
    if not pins and not findings:
        findings.append(_finding("there is no pip part, so that the server would be missing", "build the bundle anew"))
    return pins, findings


def _pip_lines(parts: list[JsonValue]) -> Iterator[tuple[Place, JsonValue]]:
    for index, part in enumerate(parts):
        if isinstance(part, dict):
            lines = part.get("pip")
            for number, line in enumerate(lines if isinstance(lines, list) else [lines]):
                yield (index, "pip", number), line


def _pin(line: JsonValue) -> Pin | None:
    from packaging.requirements import InvalidRequirement, Requirement

    if not isinstance(line, str):
        return None
    try:
        wanted = Requirement(_HASH.sub("", line).strip())
    except InvalidRequirement:
        return None
    specifiers = list(wanted.specifier)
    exact = len(specifiers) == 1 and specifiers[0].operator == "==" and "*" not in specifiers[0].version
    if wanted.url is not None or not exact:
        return None
    return Pin(str(wanted), re.sub(r"[-_.]+", "-", wanted.name).lower(), frozenset(_HASH.findall(line)))


def _unpinned_python(document: Document) -> Finding:
    hint = "write one such as python=3.12 under dependencies"
    return _finding("the Python of the environment is not pinned", hint, None, document)


def _finding(
    message: str, hint: str, measured: str | None = None, document: Document | None = None, *place: str | int
) -> Finding:
    line = 1 if document is None else document.line(("dependencies", *place))
    return Finding("ImageBuildFailure", "environment", message, hint, f"{CONDA_FILE}:{line}", measured)
