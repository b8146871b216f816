"""What was measured of a bundle so far: parts come in as they end, a BenchmarkResult can be made after each of them.

A part that fails leaves its reason, and the others stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from packager.benchmark.benchmark import Benchmarked
from packager.benchmark.noise import NoiseWatch
from packager.benchmark_result import (
    BenchmarkResult,
    MeasuredBundle,
    MeasuredMachine,
    Noise,
    ServedLoad,
    ServingProcess,
    TargetMeasurement,
)
from packager.errors import BenchmarkError, PackagerError
from packager.report.model import BuildReport
from packager.report.pytest_benchmark import benchmark_document
from packager.runtime.machine import library_versions

CALLS, PROCESS = "Single calls", "The serving process"
_NOT_YET = "the run ended before"


@dataclass
class Parts:
    """The parts as they are gathered; after each `result` is made anew and `keep` is called.

    `failure` is the first that there was.
    """

    bundle: MeasuredBundle
    machine: MeasuredMachine
    keep: Callable[[Parts], None]
    loads: list[ServedLoad] = field(default_factory=list)
    found: Benchmarked | None = None
    process: ServingProcess | None = None
    notes: list[str] = field(default_factory=list)
    failure: PackagerError | None = None
    result: BenchmarkResult | None = None
    _noises: list[Noise] = field(default_factory=list)
    _watch: NoiseWatch = field(default_factory=NoiseWatch)
    _missing: dict[str, str] = field(default_factory=lambda: dict.fromkeys((CALLS, PROCESS), _NOT_YET))

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was measured."""
        return not self.loads and self.found is None and self.process is None

    def add_load(self, load: ServedLoad, noise: Noise) -> None:
        """Take a load, and how noisy the machine was meanwhile; BenchmarkError where another form has answered it."""
        self._require_form("the server", load.form)
        self.loads.append(load)
        reason = noise.reason and f"under load, {noise.reason}"
        self._noises.append(noise.model_copy(update={"reason": reason}))
        self._end_part()

    def add_process(self, process: ServingProcess) -> None:
        """Take what a process costs; BenchmarkError where it answered with another form of the model."""
        self._require_form("score.py", process.form)
        self.process = process

    def _require_form(self, who: str, form: str | None) -> None:
        if form != self.bundle.form and None not in (form, self.bundle.form):
            raise BenchmarkError(
                f"{who} answered with another form of the model than the one that was found first",
                measured=form,
                limit=self.bundle.form,
                hint="leave the bundle and this machine alone while it is measured",
            )

    @contextmanager
    def attempt(self, name: str) -> Iterator[None]:
        """Measure a part in the block; a failure of it is kept as its reason and not raised."""
        try:
            yield
            del self._missing[name]
        except (PackagerError, OSError, MemoryError) as problem:
            failure = problem if isinstance(problem, PackagerError) else _refused_by_system(problem)
            self._missing[name] = failure.message
            self.failure = self.failure or failure
        if not self.is_empty:
            self._end_part()

    def _end_part(self) -> None:
        self.result = self._made()
        self.keep(self)

    def _made(self) -> BenchmarkResult:
        """Return what there is, with a note on what there is not."""
        found = self.found
        noises = [*self._noises, *([found.noise] if found else [])] or [self._watch.verdict()]
        missing = [f"{name} not measured: {reason}" for name, reason in self._missing.items()]
        return BenchmarkResult(
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            bundle=self.bundle,
            machine=self.machine,
            versions=library_versions(),
            noise=worst(noises),
            measurements=tuple(TargetMeasurement(**asdict(one)) for one in found.measurements) if found else (),
            environments=found.environments if found else (),
            process=self.process,
            served=tuple(self.loads),
            notes=(*self.notes, *(found.notes if found else ()), *missing),
        )

    def pytest_benchmark(self) -> dict[str, Any]:
        """Return the calls in the form of pytest-benchmark, named as a build names them."""
        report = BuildReport(
            self.bundle.name,
            self.bundle.version,
            source={"sha256": self.bundle.digest},
            measurements=list(self.found.measurements) if self.found else [],
            measured_at=None if self.result is None else self.result.measured_at,
            machine=self.machine.model_dump(mode="json"),
            versions=library_versions(),
        )
        return benchmark_document(report)


def worst(noises: Sequence[Noise]) -> Noise:
    """Return one verdict on several stretches of a run: each figure at its worst, every reason."""
    steals = [noise.steal_share for noise in noises if noise.steal_share is not None]
    reasons = dict.fromkeys(noise.reason for noise in noises if noise.reason)
    return Noise(
        steal_share=max(steals, default=None),
        spread=max(noise.spread for noise in noises),
        harness_us=noises[-1].harness_us,
        too_noisy=any(noise.too_noisy for noise in noises),
        reason="; ".join(reasons) or None,
    )


def _refused_by_system(problem: OSError | MemoryError) -> BenchmarkError:
    if isinstance(problem, MemoryError):
        return BenchmarkError("there is not enough memory", hint="fewer rows a call, with --batch-size")
    place = f" ({problem.filename})" if problem.filename else ""
    return BenchmarkError(f"the system refused to write or read{place}: {problem.strerror or type(problem).__name__}")
