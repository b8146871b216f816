"""What measurements decide: the variant, how its session runs, and whether the build is slower than it may be.

In: the report with its measurements, or the lock that replays an earlier choice. Out: one Decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from packager.artifact import VERIFIED_SETTINGS, SessionSettings, Signature, Variant, Verdict
from packager.baseline import Baseline
from packager.benchmark import regression
from packager.benchmark.contest import Contestant, Rows
from packager.benchmark.environments import environment_for
from packager.benchmark.tuning import Tuned, tune
from packager.binned.library import library_sha256
from packager.errors import BenchmarkError, RecipeError
from packager.lock import Lock, check_library, check_lock, find_lock
from packager.recipe.model import Recipe, Target
from packager.recipe.providers import PROVIDERS
from packager.report.model import BuildReport
from packager.report.verdicts import measured_and_limit
from packager.runtime.cgroup import threads_within
from packager.runtime.session import ExecutionProvider
from packager.runtime.virtual_environment import EnvironmentUnavailable
from packager.select import select
from packager.sizing import find_size
from packager.stages import Proof, Source
from packager.verify import gate

_THREADS_ALONE = "those of a binned form are its threads alone, and there is one"


@dataclass(frozen=True)
class Decision:
    """The variant to bundle, which passed every verdict, how its session runs, and the lock that replays both."""

    variant: Variant
    signature: Signature
    settings: SessionSettings
    lock: Lock


@dataclass(frozen=True)
class Given:
    """What is there to decide by: the file of timed rows, the recipe's baseline, where an earlier bundle is locked."""

    rows: Path
    baseline: Baseline | None
    locked: Path | None


def decide(recipe: Recipe, source: Source, proof: Proof, *, report: BuildReport, given: Given) -> Decision:
    """Select the variant and tune its session, or take what is locked; BenchmarkError where that is too slow."""
    decision = _selected(recipe, source, report=report, locked=given.locked)
    if given.locked is None:
        decision = tune_session(recipe, decision, proof, report=report, rows=given.rows)
    if given.baseline is not None:
        hold_against_baseline(recipe, decision, given.baseline, report=report, rows=given.rows)
    return decision


def _selected(recipe: Recipe, source: Source, *, report: BuildReport, locked: Path | None) -> Decision:
    """Select the variant, or take the locked one."""
    model = source.model
    lock = Lock(recipe.name, model.version, recipe.digest, model.sha256, selected="")
    if locked is None:
        lock = replace(lock, selected=select(report.variants, report.measurements, recipe), size=find_size(recipe))
    else:
        found = find_lock(recipe, locked)
        check_lock(found, lock)
        lock = found
    report.selected = lock.selected
    gate.gate(report.verdicts, report.selected, recipe)
    variant = next((one for one in report.variants if one.name == report.selected and one.status == "ok"), None)
    if variant is None:
        raise _not_ok(report)
    if variant.precision == "binned":
        library = library_sha256()
        lock = replace(lock, library_sha256=library) if locked is None else lock
        check_library(lock, library)
    return Decision(variant, model.signature, lock.session or VERIFIED_SETTINGS, lock)


def _not_ok(report: BuildReport) -> RecipeError:
    """Say why a locked variant can't be had: a binned one needs its compiled library on every machine that builds."""
    found = next((one for one in report.variants if one.name == report.selected), None)
    why = "" if found is None else f": {found.status.replace('_', ' ')}, {found.reason}"
    message = f"--locked: the variant {report.selected!r} did not come out of this build as ok{why}"
    return RecipeError(message, hint="build without --locked to decide anew")


def tune_session(recipe: Recipe, decision: Decision, proof: Proof, *, report: BuildReport, rows: Path) -> Decision:
    """Return the decision with the fastest settings that change no bit; every trial goes into the report.

    All of the recipe's CPU targets are tried, for score.py serves on the CPU; the one that decides gives the settings.
    """
    objective, targets = recipe.select.objective, recipe.benchmark.targets
    wanted = recipe.benchmark.tuning
    by_clock = objective in ("latency", "throughput")
    if wanted == "off" or (wanted == "auto" and not by_clock) or decision.variant.path is None:
        return decision
    deciding = recipe.select.target or targets[0].name
    batch_sizes = tuple(sorted(recipe.benchmark.batch_sizes))
    decides = max(batch_sizes) if objective == "throughput" else min(batch_sizes)
    chosen = VERIFIED_SETTINGS
    for target in targets:
        if target.provider != "cpu":
            report.notes.append(f"Session settings were not tuned on {target.name}: score.py serves on the CPU.")
            continue
        threads = threads_within(target.threads)
        if threads == 1 and decision.variant.precision == "binned":
            report.notes.append(f"Session settings were not tuned on {target.name}: {_THREADS_ALONE}.")
            continue
        tuned = Tuned(decision.variant.path, decision.signature, target.name, threads, decides, recipe.bundle.max_batch)
        settings, trials = tune(tuned, Rows(rows, batch_sizes), proof.probes.rows)
        report.tuning += trials
        if target.name == deciding:
            chosen = settings
    return replace(decision, settings=chosen, lock=replace(decision.lock, session=chosen))


def hold_against_baseline(
    recipe: Recipe, decision: Decision, baseline: Baseline, *, report: BuildReport, rows: Path
) -> None:
    """Add a verdict for each target and batch size; BenchmarkError where the build is slower, or nothing can tell.

    A baseline that has its model is timed here, in turns with the new one. Of one that is figures alone, only those of
    this very machine count, with the allowance that two runs need.
    """
    key = recipe.where("benchmark.baseline")
    found = list(_compared(recipe, decision, baseline, report=report, rows=rows))
    deciding = recipe.select.target or recipe.benchmark.targets[0].name
    reasons = [one for one in found if isinstance(one, str)]
    report.notes += reasons
    ratios = [one for one in found if not isinstance(one, str)]
    if not any(one.target == deciding for one in ratios):
        why = f": {reasons[0]}" if reasons else ", which has no figure of it"
        raise BenchmarkError(
            f"nothing tells whether {decision.variant.name} is slower on {deciding!r} than the baseline{why}",
            key=key,
            hint="name the bundle as the baseline, and a target that runs here",
        )
    limit = recipe.benchmark.max_slowdown
    if baseline.model is None:
        limit = max(limit, regression.BETWEEN_RUNS)
    verdicts = [regression.judge(one, decision.variant.name, most_slowdown=limit) for one in ratios]
    report.verdicts += verdicts
    _refuse_slower(verdicts, baseline, key)


def _compared(
    recipe: Recipe, decision: Decision, baseline: Baseline, *, report: BuildReport, rows: Path
) -> Iterator[regression.Compared | str]:
    """Yield a ratio for each target and batch size, or a note in words why a target has none."""
    if baseline.model is None:
        mine = [row for row in report.measurements if row.variant == decision.variant.name]
        yield from regression.compare_figures(mine, baseline.measurements)
        return
    if decision.variant.path is None:
        return
    for target in recipe.benchmark.targets:
        now = Contestant("now", decision.variant.path, decision.signature, _settings(decision.settings, target))
        earlier = Contestant(
            "earlier", baseline.model.path, baseline.signature, _settings(baseline.model.settings, target)
        )
        found: list[regression.Compared] | str
        try:
            place = _place(target, rows, tuple(sorted(recipe.benchmark.batch_sizes)))
            found = regression.measure_again(now, earlier, place, target=target.name)
        except EnvironmentUnavailable as error:
            found = str(error)
        if isinstance(found, str):
            yield f"Not held against the baseline on {target.name}: {found}"
        else:
            yield from found


def _place(target: Target, rows: Path, batch_sizes: tuple[int, ...]) -> Rows:
    """Return what is timed on a target, and where; EnvironmentUnavailable where the provider is not to be had."""
    provider = PROVIDERS[target.provider]
    runs_on = ExecutionProvider(
        provider.onnxruntime_name, provider.options_for(threads_within(target.threads)), target.fallback == "allow"
    )
    return Rows(rows, batch_sizes, runs_on, environment_for(provider).python)


def _settings(settings: SessionSettings, target: Target) -> SessionSettings:
    """Return how a session runs on a target: as it is served, with the target's threads where no other were chosen.

    score.py serves on the CPU; elsewhere nothing was tuned.
    """
    if target.provider != "cpu":
        return SessionSettings(threads=threads_within(target.threads))
    threads = target.threads if settings.threads == 1 else settings.threads
    return replace(settings, threads=threads_within(threads))


def _refuse_slower(verdicts: list[Verdict], baseline: Baseline, key: str) -> None:
    slower = [one for one in verdicts if not one.ok]
    if not slower:
        return
    first = max(slower, key=lambda one: float(one.measured or 0))
    more = f" ({len(slower) - 1} more, see the report)" if len(slower) > 1 else ""
    measured, limit = measured_and_limit(first)
    raise BenchmarkError(
        f"{first.subject} is slower than the baseline {baseline.shown}: {measured} the time ({first.note}){more}",
        measured=measured,
        limit=limit,
        key=key,
        hint="the report lists every target and batch size; raise benchmark.max_slowdown if the model may take longer",
    )
