"""The files that a report joins: results of `package benchmark`, and reports of builds for what they measured.

All must be of one bundle. What is no such file, or not of the same bundle, is a mistake of the command line (exit 2);
measurements that do not carry a report are the benchmark's failure (exit 7), and the message says what to run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from packager.benchmark_result import (
    BenchmarkResult,
    MeasuredBundle,
    MeasuredMachine,
    Noise,
    Part,
    ServedLoad,
    ServingProcess,
    TargetEnvironment,
    TargetMeasurement,
)
from packager.errors import BenchmarkError, RecipeError
from packager.wording import clip, digest, printable

PartT = TypeVar("PartT", bound=Part)
# A result of many targets and rates has a few hundred kilobytes.
_MOST_BYTES = 64 << 20
SERVED_COMMAND = "package benchmark BUNDLE --served --out FILE"


@dataclass(frozen=True)
class Result:
    """One file: what was measured of the bundle on one machine."""

    file: str
    kind: Literal["benchmark", "build report"]
    bundle: MeasuredBundle
    machine: MeasuredMachine
    measured_at: str | None
    measurements: tuple[TargetMeasurement, ...]
    served: tuple[ServedLoad, ...]
    process: ServingProcess | None
    noise: Noise | None
    environments: tuple[TargetEnvironment, ...]
    notes: tuple[str, ...]

    @property
    def environment_bytes(self) -> int | None:
        """Return the size of the packages that the bundle needs, where it was measured."""
        return None if self.process is None else self.process.environment_bytes

    @property
    def noisy(self) -> str | None:
        """Return why the machine was too noisy, where it was."""
        if self.noise is None or not self.noise.too_noisy:
            return None
        return self.noise.reason or "too noisy"


def read_results(paths: Sequence[Path]) -> list[Result]:
    """Return the files' results; RecipeError where one is none, or they are not of one bundle.

    BenchmarkError where none of them loaded the served bundle.
    """
    seen: dict[Path, Path] = {}
    for path in paths:
        if path.resolve() in seen:
            raise RecipeError(f"{path} is named twice", hint="each measurement counts once")
        seen[path.resolve()] = path
    results = [_read(path) for path in paths]
    _require_one_bundle(results)
    if not any(result.served for result in results):
        files = ", ".join(result.file for result in results)
        raise BenchmarkError(
            f"no rate that the served bundle holds is in {clip(files, 600)}: nothing tells how many instances it takes",
            hint=f"run {SERVED_COMMAND} and name FILE too",
        )
    return results


def _read(path: Path) -> Result:
    document = _document(path)
    kind = document.get("kind")
    if kind == "packager.benchmark":
        return _benchmark(path, document)
    if "report_version" in document and "measurements" in document and kind is None:
        return _build_report(path, document)
    if kind == "packager.sku":
        raise RecipeError(f"{path} is a report that this command wrote", hint="name the results it was made from")
    raise RecipeError(
        f"{path} is no result of package benchmark and no report.json of a build", hint=f"run {SERVED_COMMAND}"
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"cannot read {path}: {(error.strerror or 'unreadable').lower()}") from None
    if len(content) > _MOST_BYTES:
        raise RecipeError(f"{path} is no result: it is larger than {_MOST_BYTES >> 20} MiB")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:  # of ValueErrors: no JSON, no UTF-8, a number of 5,000 digits
        place = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise RecipeError(f"{path}{place} is not valid JSON", hint=f"write it anew: {SERVED_COMMAND}") from None
    if not isinstance(document, dict):
        raise RecipeError(f"{path} is no result of package benchmark: expected a JSON object")
    return document


def _benchmark(path: Path, document: dict[str, Any]) -> Result:
    if document.get("result_version") != 1:
        found = clip(printable(document.get("result_version")), 40)
        raise RecipeError(f"{path} is of version {found}, this program reads 1", hint=f"run {SERVED_COMMAND} with it")
    try:
        result = BenchmarkResult.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise RecipeError(f"{path} is a damaged result: {_first(error)}", hint=f"run {SERVED_COMMAND} again") from None
    return Result(
        str(path),
        "benchmark",
        result.bundle,
        result.machine,
        result.measured_at,
        _measured(path, result.measurements),
        _loaded(path, result.served),
        result.process,
        result.noise,
        result.environments,
        result.notes,
    )


def _build_report(path: Path, document: dict[str, Any]) -> Result:
    """A build tells latencies of its variants and its machine, but no load: that is `package benchmark --served`."""
    bundle = document.get("bundle")
    if not isinstance(bundle, dict) or not document.get("ok"):
        raise RecipeError(
            f"{path} is the report of a build that left no bundle", hint="name the report of one that did"
        )
    try:
        measurements = tuple(_known(TargetMeasurement, one) for one in _listed(path, document["measurements"]))
        machine = _known(MeasuredMachine, document["machine"])
        measured = MeasuredBundle(
            name=document["name"],
            version=document["version"],
            digest=bundle["digest"],
            size_bytes=0,
            variant=document["selected"],
        )
    except (ValidationError, KeyError) as error:
        told = _first(error) if isinstance(error, ValidationError) else f"{error.args[0]} is missing"
        raise RecipeError(f"{path} is a report that does not tell enough: {told}", hint="build again") from None
    rows = _measured(path, measurements)
    return Result(str(path), "build report", measured, machine, None, rows, (), None, None, (), ())


def _listed(path: Path, value: object) -> list[object]:
    if isinstance(value, list):
        return value
    raise RecipeError(
        f"{path} is a report that does not tell enough: measurements: expected a list", hint="build again"
    )


def _known(kind: type[PartT], document: object) -> PartT:
    """Read a part that a build tells with more beside it."""
    if not isinstance(document, dict):
        return kind.model_validate(document)
    return kind.model_validate({key: value for key, value in document.items() if key in kind.model_fields})


def _measured(path: Path, measurements: tuple[TargetMeasurement, ...]) -> tuple[TargetMeasurement, ...]:
    """Return them; BenchmarkError where figures stand that no row was scored for."""
    for one in measurements:
        if one.p50_us is not None and (one.runs < 1 or one.rows_per_s == 0):
            raise BenchmarkError(
                f"{path}: {one.variant} on {one.target} has figures of zero rows", hint=f"run {SERVED_COMMAND} again"
            )
    return measurements


def _loaded(path: Path, served: tuple[ServedLoad, ...]) -> tuple[ServedLoad, ...]:
    """Return the loads; BenchmarkError for one that has points, none of which asked anything."""
    for load in served:
        if load.points and not any(point.requests for point in load.points):
            raise BenchmarkError(
                f"{path}: the load on {load.cpus} processors is of zero requests", hint=f"run {SERVED_COMMAND} again"
            )
    return served


def _require_one_bundle(results: Sequence[Result]) -> None:
    first, *others = results
    for other in others:
        if _plain(other.bundle.digest) != _plain(first.bundle.digest):
            lines = [
                f"{result.file}: {result.bundle.name} {result.bundle.version}, digest {digest(result.bundle.digest)}"
                for result in (first, other)
            ]
            raise RecipeError(
                "these files measured different bundles:\n  " + "\n  ".join(map(printable, lines)),
                hint="join results of one bundle; make a report of each",
            )


def _plain(text: str) -> str:
    return text.rpartition(":")[2].lower()


def _first(error: ValidationError) -> str:
    detail = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in detail["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return clip(printable(f"{place}: {detail['msg'].lower()}{more}"), 300)
