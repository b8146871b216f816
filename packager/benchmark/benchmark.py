"""The stage: every variant, and the native model, on every target at every batch size, in interleaved rounds.

All are asked in turn, round by round, so that drift of the machine hits all alike. A measurement that could not be made
keeps its row, with null figures and the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from packager.artifact import NATIVE, Measurement, Variant
from packager.benchmark.environments import Environment, environment_for
from packager.benchmark.limits import within_limits
from packager.benchmark.noise import NoiseWatch
from packager.benchmark.statistics import figures
from packager.benchmark.subjects import Ask, Bench, Series, Subject, native_subject, open_subject
from packager.benchmark_result import Noise, TargetEnvironment
from packager.errors import BenchmarkError
from packager.recipe.model import Target
from packager.recipe.providers import PROVIDERS
from packager.runtime.virtual_environment import EnvironmentUnavailable

# The least and the greatest of six medians hold the true one between them in 31 of 32 cases, whatever their law.
_ROUNDS = 6
_SECONDS_PER_ROUND = 0.06
# What is so slow that its calls alone have taken this long is not asked again: two rounds are its interval.
_LONG_ENOUGH_S, _FEWEST_ROUNDS = 8.0, 2
# Distinct rows in every call, as far as this many rows go round: a repeated row flatters branch predictors.
ROWS_PER_LARGEST_BATCH = 4
MIN_ROWS = 4096
# Open sessions hold a model several times over. What would fill more of the memory is measured target by target.
_COPIES, _MEMORY_SHARE = 4, 0.25
_INSTRUCTIONS = {
    "avx512": "AVX-512; processors without it take longer",
    "avx2": "AVX2; processors with AVX-512 are faster, those with neither slower",
    "plain": "plain instructions; x86-64 processors with AVX2 or AVX-512 are faster",
}


@dataclass(frozen=True)
class Benchmarked:
    """What came of it; `notes` are what a reader of the figures should know besides."""

    measurements: tuple[Measurement, ...]
    noise: Noise
    environments: tuple[TargetEnvironment, ...]
    notes: tuple[str, ...]


def measure(
    targets: Sequence[Target],
    variants: Sequence[Variant],
    bench: Bench,
    *,
    ask: Ask | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Benchmarked:
    """Measure every variant that has a file on every target; with `ask`, the native model beside those on the CPU.

    `tell` is told what is being done.
    """
    watch = NoiseWatch()
    measurements: list[Measurement] = []
    environments: list[TargetEnvironment] = []
    targets, notes = within_limits(targets)
    with_file = [variant for variant in variants if variant.path is not None]
    for group in _groups(targets, with_file):
        prepared = {target.name: _prepared(target, tell) for target in group}
        environments += [_told(target, prepared[target.name]) for target in group]
        with ExitStack() as open_ones:
            subjects: list[Subject] = []
            for subject in _subjects(group, with_file, bench, ask=ask, prepared=prepared):
                open_ones.callback(subject.end)
                subjects.append(subject)
            _run_rounds(subjects, bench.batch_sizes, look=watch.look, tell=tell)
        measurements += [_measurement(subject, batch_size) for subject in subjects for batch_size in bench.batch_sizes]
        notes += _unsettled(subjects)
        notes += [note for note in dict.fromkeys(_instructions(subjects)) if note not in notes]
    return Benchmarked(tuple(measurements), watch.verdict(), tuple(environments), tuple(notes))


def _groups(targets: Sequence[Target], variants: Sequence[Variant]) -> list[Sequence[Target]]:
    """Return which targets are measured in one go: all, unless their open models would fill the memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    needed = _COPIES * len(targets) * sum(variant.path.stat().st_size for variant in variants if variant.path)
    return [targets] if needed <= memory * _MEMORY_SHARE else [[target] for target in targets]


def _prepared(target: Target, tell: Callable[[str], None]) -> Environment | str:
    """Return the target's environment, or why there is none."""
    provider = PROVIDERS[target.provider]
    if provider.requirement is not None:
        tell(f"making an environment of {provider.requirement}, unless it is there")
    try:
        return environment_for(provider)
    except EnvironmentUnavailable as error:
        return f"unavailable: {error}"


def _told(target: Target, prepared: Environment | str) -> TargetEnvironment:
    package = PROVIDERS[target.provider].package or "onnxruntime"
    if isinstance(prepared, str):
        return TargetEnvironment(target=target.name, package=package, version=None, own=False, reason=prepared)
    return TargetEnvironment(
        target=target.name,
        package=prepared.package,
        version=prepared.version,
        own=prepared.folder is not None,
        size_bytes=prepared.size_bytes,
    )


def _subjects(
    targets: Sequence[Target],
    variants: Sequence[Variant],
    bench: Bench,
    *,
    ask: Ask | None,
    prepared: Mapping[str, Environment | str],
) -> Iterator[Subject]:
    """Yield the variants on each target; the native model once for each number of threads on the CPU."""
    native_threads: set[int] = set()
    for target in targets:
        found = prepared[target.name]
        for variant in variants:
            if isinstance(found, str):
                yield Subject(target, variant.name, reason=found)
            else:
                yield open_subject(target, variant, bench, found.python)
        if ask is not None and target.provider == "cpu" and target.threads not in native_threads:
            native_threads.add(target.threads)
            yield native_subject(target, bench, ask)


def _run_rounds(
    subjects: Sequence[Subject],
    batch_sizes: Sequence[int],
    *,
    look: Callable[[], None],
    tell: Callable[[str], None],
) -> None:
    """Ask all in turn, in each round beginning with another one.

    Half-way every model is opened in a new process: where its memory happens to lie changes its times, and an interval
    of one process alone would know nothing of that.
    """
    look()
    for number in range(_ROUNDS):
        tell(f"round {number + 1} of {_ROUNDS}")
        if number == _ROUNDS // 2:
            for subject in subjects:
                subject.reopen()
        for batch_size in batch_sizes:
            first = number % max(len(subjects), 1)
            for subject in (*subjects[first:], *subjects[:first]):
                if subject.reason is None and _wants_more(subject.series.get(batch_size)):
                    subject.time(batch_size, _SECONDS_PER_ROUND)
            look()


def _wants_more(series: Series | None) -> bool:
    if series is None:
        return True
    return series.reason is None and (len(series.rounds) < _FEWEST_ROUNDS or series.spent_s < _LONG_ENOUGH_S)


def _measurement(subject: Subject, batch_size: int) -> Measurement:
    target, series = subject.target, subject.series.get(batch_size, Series(reason=subject.reason))
    provider = PROVIDERS[target.provider].onnxruntime_name
    row = Measurement(
        target=target.name,
        provider=target.provider,
        provider_active=provider if subject.operators.get(provider) else None,
        placement={name: sum(counts.values()) for name, counts in subject.operators.items()},
        variant=subject.variant,
        batch_size=batch_size,
        threads=target.threads,
        operators=subject.operators,
        reason=series.reason,
    )
    if series.reason is not None or sum(map(len, series.rounds)) < _FEWEST_ROUNDS:
        return Measurement(**{**vars(row), "reason": series.reason or "too slow to be timed twice"})
    return Measurement(**{**vars(row), **vars(figures(series.rounds, batch_size))})


def _unsettled(subjects: Sequence[Subject]) -> Iterator[str]:
    for subject in subjects:
        sizes = [size for size, series in subject.series.items() if 2 * series.unsettled > len(series.rounds)]
        if sizes:
            rows = ", ".join(f"{size:,}" for size in sizes)
            yield (
                f"{subject.variant} on {subject.target.name}: calls of {rows} rows were still getting faster when "
                "they were counted."
            )


def _instructions(subjects: Sequence[Subject]) -> Iterator[str]:
    """Say what binned trees were scored with: figures of one set of instructions are not those of another."""
    for subject in subjects:
        if subject.instruction_set is not None and subject.reason is None:
            yield f"{subject.variant}: trees were scored with {_INSTRUCTIONS[subject.instruction_set]}."


def require_measured(target_name: str, measurements: Sequence[Measurement], key: str) -> None:
    """Raise BenchmarkError when the target that decides the selection gave no figure."""
    rows = [row for row in measurements if row.target == target_name and row.variant != NATIVE]
    if not any(row.p50_us is not None for row in rows):
        reason = rows[0].reason if rows else "nothing was measured there"
        message = f"the target {target_name!r} decides the selection, and nothing could be measured on it: {reason}"
        raise BenchmarkError(message, key=key, hint="select by a target that is here, or by fidelity or size")
