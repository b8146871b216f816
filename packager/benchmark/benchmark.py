"""The stage: every variant, and the native model, on every target at every batch size.

A measurement that could not be made keeps its row, with null figures and the reason.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from packager.artifact import NATIVE, Measurement, Signature, Variant
from packager.benchmark.statistics import figures
from packager.errors import BenchmarkError
from packager.recipe.model import Target
from packager.recipe.providers import PROVIDERS

Ask = Callable[..., Any]

_ROUNDS = 3
_SECONDS_PER_ROUND = 0.12
# Distinct rows in every call, as far as this many rows go round: a repeated row flatters branch predictors.
ROWS_PER_LARGEST_BATCH = 4
MIN_ROWS = 4096
_WORKER_SECONDS = 900.0


@dataclass(frozen=True)
class Bench:
    """What is measured with: made rows in a file, and the batch sizes."""

    rows_file: Path
    signature: Signature
    batch_sizes: tuple[int, ...]


def measure_target(target: Target, variants: Sequence[Variant], bench: Bench) -> list[Measurement]:
    """Measure every variant that has a file on one target, in a process of its own."""
    provider = PROVIDERS[target.provider].onnxruntime_name
    request = {
        "models": {variant.name: str(variant.path) for variant in variants if variant.path is not None},
        "signature": asdict(bench.signature),
        "rows": str(bench.rows_file),
        "batch_sizes": bench.batch_sizes,
        "provider": provider,
        "threads": target.threads,
        "seconds": _SECONDS_PER_ROUND,
        "rounds": _ROUNDS,
    }
    rows = []
    for timing in _timings(request):
        for batch_size in bench.batch_sizes:
            samples = timing["samples_ns"].get(str(batch_size), [])
            rows.append(_measurement(target, timing, batch_size, samples))
    return rows


def measure_native(target: Target, bench: Bench, ask: Ask) -> list[Measurement]:
    """Measure the native model in its own worker, on as many threads as the target has."""
    rows = []
    for batch_size in bench.batch_sizes:
        samples: list[int] = ask(
            "time",
            rows=str(bench.rows_file),
            batch_size=batch_size,
            seconds=_SECONDS_PER_ROUND * _ROUNDS,
            threads=target.threads,
        )
        timing: dict[str, Any] = {"variant": NATIVE, "placement": {}, "reason": None}
        rows.append(_measurement(target, timing, batch_size, samples))
    return rows


def _measurement(target: Target, timing: dict[str, Any], batch_size: int, samples: list[int]) -> Measurement:
    provider = PROVIDERS[target.provider].onnxruntime_name
    ran = timing["placement"].get(provider, 0) > 0
    row = Measurement(
        target=target.name,
        provider=target.provider,
        provider_active=provider if ran else None,
        placement=timing["placement"],
        variant=timing["variant"],
        batch_size=batch_size,
        threads=target.threads,
        reason=timing["reason"],
    )
    if timing["reason"] is not None or len(samples) < 2:
        return Measurement(**{**vars(row), "reason": timing["reason"] or "too slow to be timed twice"})
    return Measurement(**{**vars(row), **vars(figures(samples, batch_size))})


def _timings(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the worker timed; where one variant takes the process with it, the others are timed without it."""
    models = request["models"]
    try:
        return _run_worker(request)
    except _WorkerEnded as error:
        if len(models) > 1:
            return [row for name in models for row in _timings({**request, "models": {name: models[name]}})]
        return _all_unmeasured(request, str(error))
    except subprocess.TimeoutExpired:
        return _all_unmeasured(request, f"the benchmark did not end within {_WORKER_SECONDS:.0f} s")


class _WorkerEnded(Exception):
    """The benchmark process ended without an answer; the message says how."""


def _run_worker(request: dict[str, Any]) -> list[dict[str, Any]]:
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-I", "-m", "packager.benchmark.worker"],
        input=json.dumps(request).encode(),
        capture_output=True,
        timeout=_WORKER_SECONDS,
        check=False,
        env=environment,
    )
    if done.returncode != 0:
        code = done.returncode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
        words = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise _WorkerEnded(": ".join([f"the benchmark process ended with {how}", *words])[:300])
    try:
        timings: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:  # a provider's library may end the process with 0
        raise _WorkerEnded("the benchmark process ended without an answer") from error
    return timings


def _all_unmeasured(request: dict[str, Any], reason: str) -> list[dict[str, Any]]:
    """A provider that crashes the process is a result, not a crash of the build."""
    return [{"variant": name, "placement": {}, "samples_ns": {}, "reason": reason} for name in request["models"]]


def require_measured(target_name: str, measurements: Sequence[Measurement], key: str) -> None:
    """Raise BenchmarkError when the target that decides the selection gave no figure."""
    rows = [row for row in measurements if row.target == target_name and row.variant != NATIVE]
    if not any(row.p50_us is not None for row in rows):
        reason = rows[0].reason if rows else "nothing was measured there"
        message = f"the target {target_name!r} decides the selection, and nothing could be measured on it: {reason}"
        raise BenchmarkError(message, key=key, hint="select by a target that is here, or by fidelity or size")
