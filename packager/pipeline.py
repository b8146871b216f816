"""The story of a build: a recipe goes in, a verified and measured bundle comes out, or a refusal with its report.

Every stage adds its section to one BuildReport. Only files pass to the source worker and back.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from packager import bundling, deciding, stages, telling
from packager.artifact import Bundle
from packager.baseline import find_baseline
from packager.bundle.deploy import check_deploy
from packager.console import Console, Step
from packager.errors import BundleError, PackagerError
from packager.files import replaced_folder
from packager.lock import find_lock
from packager.recipe.model import Recipe
from packager.report.model import BuildReport
from packager.report.write import write_report
from packager.runtime.machine import describe_machine, library_versions
from packager.sizing import find_size
from packager.source.child import source_worker
from packager.verify.oracle import Oracle


@dataclass(frozen=True)
class Options:
    """What the command line adds to a recipe."""

    out: Path
    locked: bool = False
    publish: bool = True
    show_values: bool = False
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)


def build(recipe: Recipe, options: Options, console: Console) -> BuildReport:
    """Build one recipe; return its report, which also lies beside the bundle, written for a failure too.

    A failure is not raised but told: `ok` is false, `exit_code` and `error` say what happened, there is no new bundle.
    """
    report = BuildReport(recipe.name, recipe.version, machine=describe_machine(), versions=library_versions())
    report.shows_values = options.show_values
    _require_writable(options.out)
    with tempfile.TemporaryDirectory(prefix="packager-") as folder:
        scratch = Path(folder)
        try:
            _run(recipe, options, console, report=report, scratch=scratch)
        except (PackagerError, OSError) as problem:
            error = problem if isinstance(problem, PackagerError) else _refused_by_system(problem)
            report.ok, report.bundle, report.exit_code, report.error = False, None, error.exit_code, str(error)
            console.error(error)
        _write_report(report, options.out)  # while the models that it may need to show a mismatch are there
    return report


def _run(recipe: Recipe, options: Options, console: Console, *, report: BuildReport, scratch: Path) -> None:
    """The seven stages, in order."""
    check_deploy(recipe)  # as much as can be found out now, before minutes of work
    bundling.require_environment(recipe)
    if not options.locked:
        find_size(recipe)
    elif recipe.version is not None:
        find_lock(recipe, bundle_folder(report, options.out))  # found out now, not after the benchmark
    baseline = find_baseline(recipe, environ=options.environ)
    with source_worker(scratch) as worker:
        with _stage("source", console, report) as step:
            source = stages.source(recipe, worker, scratch, report=report, environ=options.environ)
            if baseline is not None:
                baseline.check(source.model.signature, report.machine, recipe.where("benchmark.baseline"))
            step.detail(telling.source(source))
        with _stage("convert", console, report) as step:
            forms = stages.convert(recipe, worker, source, scratch)
            step.detail(telling.forms(forms))
        with _stage("optimize", console, report) as step:
            report.variants = stages.optimize(recipe, forms, source, scratch)
            step.detail(telling.variants(report.variants))
        bundling.require_fast_path(recipe, report.variants)
        oracle = Oracle(worker.ask, scratch)
        with _stage("verify", console, report) as step:
            proof = stages.verify(
                recipe, oracle, source, report=report, progress=step.progress, environ=options.environ
            )
            step.detail(telling.verdicts(report))
        bundling.require_fast_path(recipe, report.variants)
        with _stage("benchmark", console, report) as step:
            rows = stages.benchmark(recipe, oracle, proof, report=report, tell=step.detail)
            target = bundle_folder(report, options.out)
            given = deciding.Given(rows, baseline, locked=target if options.locked else None)
            decision = deciding.decide(recipe, source, proof, report=report, given=given)
            step.detail(telling.measurements(report, decision.settings))
    plan = bundling.plan_bundle(recipe, source, proof, report=report, decision=decision)
    with replaced_folder(target) as staging:
        with _stage("bundle", console, report) as step:
            digest = bundling.write_and_replay(plan, staging, proof=proof, recipe=recipe, report=report)
            stages.serving_process(recipe, staging, deploy=plan.deploy, report=report)
            step.detail(telling.bundle(report, digest))
        if options.publish and recipe.publish:
            with _stage("publish", console, report) as step:
                report.published = stages.publish(recipe, Bundle(staging, digest), environ=options.environ)
                step.detail(", ".join(report.published))
    report.ok, report.exit_code, report.bundle = True, 0, Bundle(target, digest)


def _write_report(report: BuildReport, out: Path) -> None:
    try:
        with replaced_folder(report_folder(report, out)) as staging:
            write_report(report, staging)
    except OSError as problem:
        raise _refused_by_system(problem) from problem


def bundle_folder(report: BuildReport, out: Path) -> Path:
    """Return where the bundle of a build goes."""
    return out / f"{report.name}-{report.version or 'unresolved'}" / "bundle"


def report_folder(report: BuildReport, out: Path) -> Path:
    """Return where the report of a build goes."""
    return bundle_folder(report, out).with_name("report")


@contextmanager
def _stage(name: str, console: Console, report: BuildReport) -> Iterator[Step]:
    """One stage: a line on the console, its time in the report."""
    started = time.perf_counter()
    try:
        with console.step(name) as step:
            yield step
    finally:
        report.timings_s[name] = time.perf_counter() - started


def _refused_by_system(error: OSError) -> BundleError:
    place = f" ({error.filename})" if error.filename else ""
    message = f"the system refused to write or read{place}: {error.strerror or type(error).__name__}"
    return BundleError(message, hint="free some disk space, or choose another --out")


def _require_writable(out: Path) -> None:
    """Find out at once, not after all the work, whether the out folder can be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise BundleError(
            f"cannot write to {out}: {error.strerror}", hint="choose another folder with --out"
        ) from error
