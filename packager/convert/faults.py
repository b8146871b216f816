"""Exceptions of other libraries in a few words: their kind, what they say without any array, where they were raised."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

_MAX_CHARACTERS = 200
_UNKNOWN = re.compile(r"Unable to find a shape calculator for type '<class '([\w.]+)'>'")
NO_CONVERTER = "no converter for"
# Some failures print the whole model: what follows an array's beginning tells nobody anything.
_ARRAY = re.compile(r"array\(|\[\[|\[-?\d+\.?\d*(?:[ ,]+-?\d+\.?\d*){5}|ints: |floats: ")


def brief(error: BaseException) -> str:
    """Return an exception in one line."""
    words = " ".join(str(error).split())
    if unknown := _UNKNOWN.search(words):
        return f"{NO_CONVERTER} {unknown[1]}"
    if array := _ARRAY.search(words):
        words = f"{words[: array.start()].rstrip()} …"
    cut = words if len(words) <= _MAX_CHARACTERS else f"{words[:_MAX_CHARACTERS]}…"
    return f"{type(error).__name__}: {cut}" if cut else type(error).__name__


def where(error: BaseException) -> str:
    """Return `FILE:LINE` of where an exception was raised."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
