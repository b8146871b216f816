"""Golden rows and the sample request over HTTP, against what the registered model and the build answered."""

from __future__ import annotations

import json
from pathlib import Path

from packager.bundle.compare import compare, served_outputs
from packager.bundle.fast_path import FORM_HEADER
from packager.bundle.finding import Finding
from packager.bundle.golden import GOLDEN_FILE, GoldenSet, Limits
from packager.bundle.model_info import ModelInfo
from packager.bundle.plan import Outputs
from packager.errors import BundleError
from packager.runtime.machine import cpu_features
from packager.validate.client import Reply, post

SAMPLE, RESPONSE = "samples/request.json", "samples/response.json"
# The largest batch of a slow model; what the deployment allows is another check's matter.
_TIMEOUT_S = 120.0
_HINT = "build or fetch the bundle anew"


def golden_findings(url: str, info: ModelInfo, golden: GoldenSet) -> list[Finding]:
    """Return where the golden rows are not answered as the registered model did, within their limits."""
    bodies, limits = list[str](), list[Limits]()
    for number, cells in enumerate(golden.requests):
        reply = post(url, json.dumps({info.request_key: cells}).encode(), timeout_s=_TIMEOUT_S)
        if reply.status != 200:
            message = f"golden request {number} is not answered"
            return [Finding("424", "golden", message, _HINT, GOLDEN_FILE, reply.status or "no answer", 200)]
        bodies.append(reply.body.decode("utf-8", "replace"))
        # Each worker has opened the model by itself, and a form that stands by has limits of its own.
        limits += [golden.limits_of(_form(reply))] * len(cells)
    try:
        served = served_outputs(bodies, info, len(golden.cells))
    except BundleError as error:
        return [Finding("424", "golden", error.message, _HINT, GOLDEN_FILE)]
    hint = _HINT
    if golden.cpu_features is not None and golden.cpu_features != cpu_features():
        hint = "int8 answers depend on the processor, and this is another kind than built it: build on this kind"
    said = []
    for one in dict.fromkeys(limits):
        rows = [row for row, own in enumerate(limits) if own == one]
        found, native = ({name: values[rows] for name, values in of.items()} for of in (served, golden.outputs))
        said += _beyond(found, native, info, one)
    return [
        Finding("424", "golden", f"not the registered model's answers: {failure}", hint, GOLDEN_FILE)
        for failure in said
    ]


def sample_findings(url: str, bundle: Path, info: ModelInfo, golden: GoldenSet) -> list[Finding]:
    """Return where the sample request is not answered as samples/response.json says, within the golden limits."""
    try:
        reply = post(url, (bundle / SAMPLE).read_bytes(), timeout_s=_TIMEOUT_S)
        recorded = (bundle / RESPONSE).read_text(encoding="utf-8")
        rows = len(json.loads(recorded)[info.outputs[0].field])
        if reply.status != 200:
            message = f"{SAMPLE} is not answered"
            return [Finding("424", "sample", message, _HINT, SAMPLE, reply.status or "no answer", 200)]
        expected = served_outputs([recorded], info, rows)
        served = served_outputs([reply.body.decode("utf-8", "replace")], info, rows)
    except (BundleError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        message = (
            error.message if isinstance(error, BundleError) else f"no sample of this model ({type(error).__name__})"
        )
        return [Finding("424", "sample", message, _HINT, RESPONSE)]
    said = _beyond(served, expected, info, golden.from_recorded(_form(reply)))
    return [
        Finding("424", "sample", f"another answer than the recorded one: {failure}", _HINT, RESPONSE)
        for failure in said
    ]


def _form(reply: Reply) -> str:
    return reply.header(FORM_HEADER) or ""


def _beyond(served: Outputs, expected: Outputs, info: ModelInfo, limits: Limits) -> list[str]:
    """Say what is beyond the limits. The serving environment's own runtime answered: no other session's bits count."""
    compared = compare(served, served, expected, info=info, limits=limits)
    return [failure for one in compared for failure in one.failures(limits)]
