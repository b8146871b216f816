"""Which form of a bundle's model the running server answers with, in a line for whoever has started it."""

from __future__ import annotations

import json
from pathlib import Path

from packager.bundle.fast_path import FORM_HEADER
from packager.bundle.model_info import read_info
from packager.front.exchange import Asked, UpstreamGoneError, UpstreamSilentError, forward, header


def model_form(bundle: Path, upstream: str) -> str | None:
    """Ask the server with no rows and return what its header says; None for a bundle whose model has one form."""
    info = read_info(bundle / "code")
    if info.fast_path is None:
        return None
    body = json.dumps({info.request_key: []}).encode()
    try:
        reply = forward(Asked("POST", "/score", (("Content-Type", "application/json"),), body), upstream)
    except (UpstreamGoneError, UpstreamSilentError):
        return None  # whoever waits for the server is told that it ended
    return f"answers are from the model's form {header(reply.headers, FORM_HEADER)} ({FORM_HEADER} of every answer)"
