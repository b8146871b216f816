"""Which form of a bundle's model the running server answers with: as it tells, or in a line for who started it."""

from __future__ import annotations

import json
from pathlib import Path

from packager.bundle.fast_path import FORM_HEADER
from packager.bundle.model_info import read_info
from packager.front.exchange import Asked, UpstreamGoneError, UpstreamSilentError, forward, header


def answering_form(bundle: Path, upstream: str) -> str | None:
    """Ask the server with no rows and return what its header says; None for a bundle whose model has one form."""
    info = read_info(bundle / "code")
    if info.fast_path is None:
        return None
    body = json.dumps({info.request_key: []}).encode()
    try:
        reply = forward(Asked("POST", "/score", (("Content-Type", "application/json"),), body), upstream)
    except (UpstreamGoneError, UpstreamSilentError):
        return None  # whoever waits for the server is told that it ended
    return header(reply.headers, FORM_HEADER)


def model_form(bundle: Path, upstream: str) -> str | None:
    """Return it in a sentence."""
    form = answering_form(bundle, upstream)
    return None if form is None else f"answers are from the model's form {form} ({FORM_HEADER} of every answer)"
