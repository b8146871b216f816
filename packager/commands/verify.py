"""`package verify`: a bundle's digests, then its golden rows through its own scoring script. No training library."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from packager import wording
from packager.binned.library import require_instruction_set
from packager.bundle.fast_path import is_binned
from packager.bundle.golden import read_golden
from packager.bundle.model_info import read_info
from packager.bundle.replay import ReplayResult, replay
from packager.console import Console
from packager.errors import VerifyError
from packager.files import pretty_json

_LISTED = 10
# Of what golden rows reach, what a reader knows the model by; `--json` tells all.
_TOLD = ("classes", "categories", "splits on both sides", "splits with a missing cell")


def verify_bundle(bundle: Path, *, show_values: bool, as_json: bool) -> int:
    """Replay the bundle and print what came of it; return 0, or 6 when an answer differs."""
    require_instruction_set()
    result = replay(bundle)
    if as_json:
        cells = _cells(bundle, result) if show_values else None
        document: dict[str, Any] = {"bundle": str(bundle), **asdict(result), "on_other_cpu": result.on_other_cpu}
        print(pretty_json({**document, **({"differing_cells": cells} if show_values else {})}), end="")
    else:
        print(*_said(result), sep="\n")
    if result.ok:
        return 0
    failure = VerifyError(
        f"{bundle} does not answer as the registered model did: {result.failures[0]}", hint=_hint(result)
    )
    Console().error(failure)
    for line in _differing(bundle, result, show_values=show_values):
        print(line, file=sys.stderr)
    return failure.exit_code


def _said(result: ReplayResult) -> Iterator[str]:
    differ = f"{result.label_mismatches} labels differ, largest error {wording.error(result.max_abs_error)}"
    yield f"{result.rows} golden rows answered in {wording.seconds(result.seconds)}: {differ}"
    told = ((name, *result.coverage[name]) for name in _TOLD if name in result.coverage)
    if reached := [f"{wording.count(covered)} of {wording.count(of)} {name}" for name, covered, of in told]:
        yield f"  they reach {', '.join(reached)}"
    if result.form is not None:
        yield from _forms_said(result)
    if result.gap is not None:
        yield f"  not checked: {result.gap}"
    yield f"  this processor: {_features(result.cpu_features)}"
    if result.on_other_cpu:
        yield f"  built on another kind: {_features(result.built_on or ())}"
        yield "  int8 answers depend on the processor: the figures above were measured here, not taken from the build"
    elif result.built_on is not None:
        yield "  int8 answers depend on the processor: this one is of the kind that built the bundle"


def _forms_said(result: ReplayResult) -> Iterator[str]:
    """Tell which form of the model has answered, and how the ONNX model did that stands by."""
    can_not = "" if is_binned(result.form or "") else ": the binned form can't serve here"
    yield f"  answered by {result.form}{can_not}"
    if result.onnx_max_abs_error is not None:
        error = wording.error(result.onnx_max_abs_error)
        yield f"  model.onnx, which stands by: {result.onnx_label_mismatches} labels differ, largest error {error}"


def _features(features: tuple[str, ...]) -> str:
    return ", ".join(features) or "tells no features"


def _hint(result: ReplayResult) -> str:
    if not result.differing_rows:
        return "build or fetch the bundle anew"
    if result.on_other_cpu:
        lacks = sorted({*(result.built_on or ())} - {*result.cpu_features})
        what = f"which lacks {', '.join(lacks)}" if lacks else "which has other instructions"
        return f"int8 answers depend on the processor: build on this kind, {what}, or choose another precision"
    return "build or fetch the bundle anew; --show-values shows the rows that differ"


def _cells(bundle: Path, result: ReplayResult) -> dict[int, list[Any]]:
    """Return the cells of the golden rows that differ, by position."""
    cells = read_golden(bundle, read_info(bundle / "code")).cells
    return {row: cells[row] for row in result.differing_rows}


def _differing(bundle: Path, result: ReplayResult, *, show_values: bool) -> Iterator[str]:
    """Yield a line per differing golden row, with its cells only where they were asked for."""
    cells = _cells(bundle, result) if show_values else {}
    for row in result.differing_rows[:_LISTED]:
        yield f"  golden row {row}" + (f": {wording.printable(cells[row])}" if show_values else "")
    if more := len(result.differing_rows[_LISTED:]):
        yield f"  and {more} more"
