"""Each stage of a build as one function: what it takes from recipe and earlier stages, what it adds to the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from packager.artifact import Bundle, Signature, SourceModel, Variant, signature_from
from packager.benchmark.benchmark import MIN_ROWS, ROWS_PER_LARGEST_BATCH, measure
from packager.benchmark.subjects import Bench
from packager.bundle.deploy import keys_told
from packager.bundle.deploy_lint import require_memory
from packager.bundle.manifest import read_manifest
from packager.bundle.plan import Golden
from packager.champion import open_champion
from packager.convert.forms import Forms, make_forms
from packager.convert.steps import StepFinding, find_steps
from packager.dataset.names import named
from packager.dataset.read import Dataset, open_dataset
from packager.dataset.rows import Rows
from packager.errors import ConvertError, VerifyError
from packager.optimize import binned as binned_stage
from packager.optimize import optimize as optimize_stage
from packager.publish.publish import publish as publish_bundle
from packager.recipe.deploy import Deploy
from packager.recipe.model import Recipe
from packager.report.crossover import crossovers
from packager.report.model import BuildReport
from packager.serving_process import measure_process
from packager.source.child import SourceWorker, memory_limit_bytes
from packager.source.modules import ENTRY_POINTS, locate, own_converters
from packager.source.resolve import Artifact, accept, copy_artifact
from packager.structure import Structure, load
from packager.verify import gate
from packager.verify.golden import servable
from packager.verify.invariance import ask_otherwise
from packager.verify.made_rows import made_rows
from packager.verify.mismatches import Origin, folder_of, reproduction, worst_rows
from packager.verify.oracle import Oracle
from packager.verify.probes import KINDS, Probes, ordinary_rows
from packager.verify.verify import Findings, Outputs, Progress, Subject, open_subjects, verify_data, verify_made_rows

# Every answer has a time limit of its own; this one ends what runs on unasked. Ten million rows may take hours.
_CPU_S = 24 * 3600
# With `verify.golden: data`, golden rows are chosen among so many of the verification rows.
_GOLDEN_CANDIDATES = 2_000


@dataclass(frozen=True)
class Source:
    """What the source stage found: the model, where rows to verify with lie, the structure that rows are made from."""

    model: SourceModel
    artifact: Artifact
    structure: Structure
    dataset: Dataset | None
    converters: dict[str, str]
    calls: dict[str, Any]


@dataclass(frozen=True)
class Proof:
    """What verification leaves for later stages: made rows that the native model takes, and its answers."""

    probes: Probes
    native: Outputs
    structure: Structure
    signature: Signature
    data_rows: Golden | None


def source(
    recipe: Recipe, worker: SourceWorker, scratch: Path, *, report: BuildReport, environ: Mapping[str, str]
) -> Source:
    """Resolve, audit and load the artifact; describe the model and find the rows to verify with."""
    copied = copy_artifact(recipe, scratch, environ=environ)
    report.version = copied.version
    artifact = accept(recipe, copied)
    with _told_at(recipe.where("data.verification")):  # before the model is loaded: that takes seconds
        dataset = _dataset(recipe, artifact)
    converters = own_converters(recipe.convert.converters, artifact.audit.globals)
    modules = locate([*recipe.source.trust, *converters, *converters.values()], recipe.path.parent)
    confinement = worker.ask(
        "confine",
        scratch=str(scratch),
        memory_bytes=memory_limit_bytes(artifact.size_bytes),
        cpu_s=_CPU_S,
        modules={name: asdict(place) for name, place in modules.items()},
    )
    worker.ask("load", path=str(artifact.path), file_format=artifact.audit.format)
    structure_file = scratch / "structure.npz"
    described = worker.ask("describe", structure=str(structure_file))
    signature = named(signature_from(described["signature"]), described["names_are_own"], recipe, dataset)
    if dataset is not None:
        with _told_at(recipe.where("data.verification")):
            dataset.require(signature.columns, label=recipe.data.label, segment=recipe.verify.segment)
    model = SourceModel(
        path=artifact.path,
        uri=artifact.uri,
        sha256=artifact.sha256,
        version=artifact.version,
        framework=described["framework"],
        versions=artifact.audit.versions or described["versions"],
        estimators=tuple(described["estimators"]),
        signature=signature,
    )
    report.source = {**asdict(model), "size_bytes": artifact.size_bytes, "confinement": confinement}
    del report.source["path"]
    return Source(model, artifact, load(structure_file), dataset, converters, described["calls"])


def convert(recipe: Recipe, worker: SourceWorker, source: Source, scratch: Path) -> Forms:
    """Convert in double and in float."""
    _register_converters(recipe, worker, source)
    return make_forms(worker.ask, source.model.signature, recipe.convert, scratch)


def lint(recipe: Recipe, worker: SourceWorker, source: Source, scratch: Path) -> list[StepFinding]:
    """Find out how each step of the model converts."""
    _register_converters(recipe, worker, source)
    settings = recipe.convert
    opset = None if settings.opset == "auto" else settings.opset
    return find_steps(worker.ask, scratch / "steps", opset=opset, engine=settings.engine)


def _register_converters(recipe: Recipe, worker: SourceWorker, source: Source) -> None:
    """Have the worker import the user's own converters; doing so twice changes nothing."""
    for name, module in source.converters.items():
        key = f"convert.converters.{name}"
        own = name in recipe.convert.converters
        with _told_at(recipe.where(key) if own else f"entry point {name} = {module} of {ENTRY_POINTS}"):
            worker.ask("register", name=name, module=module)


def optimize(recipe: Recipe, forms: Forms, source: Source, scratch: Path) -> list[Variant]:
    """Make the precisions that the recipe asks for."""
    return optimize_stage.optimize(
        forms.fp64, forms.fp32, signature=source.model.signature, recipe=recipe, folder=scratch
    )


def bin_trees(recipe: Recipe, forms: Forms, source: Source, scratch: Path) -> Variant | None:
    """Make the variant binned alone; None where the recipe does not ask for it."""
    if binned_stage.PRECISION not in recipe.optimize.precisions:
        return None
    return binned_stage.bin_trees(forms.fp64, source.model.signature, scratch)


def verify(
    recipe: Recipe,
    oracle: Oracle,
    source: Source,
    *,
    report: BuildReport,
    progress: Progress,
    environ: Mapping[str, str],
) -> Proof:
    """Judge every variant; reject those that fail a verdict, stop when the baseline does."""
    signature = source.model.signature
    champion = open_champion(recipe, signature, environ=environ)
    probes = made_rows(source.structure, signature, oracle.answers)
    native, taken = oracle.answers(probes.rows)
    if not taken.any():
        raise VerifyError("the registered model answers none of the rows made from its structure")
    subjects = open_subjects(report.variants, signature, recipe)
    verify_made_rows(subjects, probes, native, taken)
    findings = Findings()
    if source.dataset is not None:
        with _told_at(recipe.where("data.verification")):
            findings = verify_data(
                subjects, source.dataset, oracle, recipe=recipe, progress=progress, champion=champion
            )
    report.notes += _limits_of_rows(source, subjects[0].variant)
    judged = Probes(probes.rows.take(taken), probes.kinds[taken])
    for subject in subjects:
        report.verdicts += gate.judge(subject, findings, recipe)
        report.verdicts += ask_otherwise(subject, judged, recipe.verify.parity)
        tally = subject.data if subject.data.rows else subject.made
        report.distributions += tally.distributions(subject.variant.name)
    _add_findings(report, findings)
    report.variants = [gate.rejected(variant, report.verdicts) for variant in report.variants]
    _tell_rows(subjects, probes, source, report)
    kinds = {kind: int(np.count_nonzero(probes.kinds[taken] == index)) for index, kind in enumerate(KINDS)}
    report.verification |= {
        "rows": subjects[0].data.rows,
        "made_rows": int(taken.sum()),
        "made_rows_refused_by_native": int((~taken).sum()),
        "made_rows_by_kind": kinds,
        **_splits_shown(probes),
        "label": recipe.data.label,
    }
    gate.gate(report.verdicts, report.variants[0].name, recipe)
    data_rows = _data_golden(source.dataset, oracle, signature) if recipe.verify.golden == "data" else None
    return Proof(judged, native, source.structure, signature, data_rows)


def _splits_shown(probes: Probes) -> dict[str, int]:
    """Return how many thresholds of the model's trees would be caught if they moved by one step, and of how many."""
    return {} if probes.splits is None else dict(zip(("splits_shown", "splits"), probes.splits, strict=True))


def _tell_rows(subjects: Sequence[Subject], probes: Probes, source: Source, report: BuildReport) -> None:
    """Add what is told of single rows and of scores, and what the script needs that shows the mismatches."""
    for subject in subjects:
        if subject.scores is not None:
            report.scores += subject.scores.score_maps(subject.variant.name)
            curves = subject.scores.calibrations(subject.variant.name)
            report.calibration += curves[1:] if report.calibration else curves  # the native one is the same for all
    report.worst_rows = worst_rows(subjects, probes, source.dataset, shows_values=report.shows_values)
    artifact, dataset = source.artifact, source.dataset
    data = None if dataset is None else folder_of(dataset)
    origin = Origin(artifact.origin, data, artifact.sha256, artifact.audit.format, source.calls)
    rejected = {variant.name for variant in report.variants if variant.status == "rejected"}
    mismatches = [row for row in report.worst_rows if row.variant in rejected and row.is_beyond]
    report.reproduction = reproduction(mismatches, subjects, probes, origin=origin) if mismatches else None


def _add_findings(report: BuildReport, findings: Findings) -> None:
    report.drift, report.segments = list(findings.drifts), list(findings.segments)
    report.champion, report.flips = list(findings.gains), list(findings.flips)
    counts: dict[str, dict[str, int]] = {}
    for one in findings.flips:
        counts.setdefault(one.variant, {})[str(one.threshold)] = one.yes_to_no + one.no_to_yes
    if counts:
        report.verification["threshold_flips"] = counts


def _limits_of_rows(source: Source, baseline: Variant) -> list[str]:
    """Say what the rows that a build is judged on leave out."""
    notes = []
    if source.dataset is None:
        notes.append("No verification rows: parity was judged on rows made from the model's structure alone.")
    if source.structure.gap:
        instead = "rows beside jumps that were found by asking the model stand in for them"
        notes.append(f"No rows at split thresholds: {source.structure.gap}; {instead}.")
    if baseline.precision == "fp32":
        notes.append("The baseline computes in float32: numbers too large or too small for it were not judged.")
    return notes


def benchmark(
    recipe: Recipe, oracle: Oracle, proof: Proof, *, report: BuildReport, tell: Callable[[str], None]
) -> Path:
    """Measure every variant that has a file, and the native model, on every target; return the file of timed rows."""
    batch_sizes = tuple(sorted(recipe.benchmark.batch_sizes))
    count = max(MIN_ROWS, ROWS_PER_LARGEST_BATCH * max(batch_sizes))
    rows = _rows_to_time(proof, oracle, count)
    rows_file = oracle.scratch / "benchmark_rows.npz"
    rows.save(rows_file)
    bench = Bench(rows_file, proof.signature, batch_sizes)
    report.measured_at = datetime.now(UTC).isoformat(timespec="seconds")
    found = measure(recipe.benchmark.targets, report.variants, bench, ask=oracle.ask, tell=tell)
    report.measurements += found.measurements
    report.crossovers = crossovers(report.measurements)
    report.noise = found.noise.model_dump(mode="json")
    report.environments = [one.model_dump(mode="json") for one in found.environments]
    report.notes += found.notes
    if recipe.benchmark.slo is not None:
        report.notes.append(
            "benchmark.slo travels in the bundle and is not judged here: calls were timed, not a server under load. "
            "`package benchmark BUNDLE --served` judges it."
        )
    call = "predict_proba" if any(output.role == "probability" for output in proof.signature.outputs) else "predict"
    report.notes.append(f"Latency is of one call on {count:,} made rows in turn; native is the model's own {call}.")
    return rows_file


def serving_process(recipe: Recipe, bundle: Path, *, deploy: Deploy, report: BuildReport) -> None:
    """Measure what one serving process of the bundle costs, unless the recipe leaves that out."""
    report.bundle_bytes = read_manifest(bundle).size_bytes
    if recipe.benchmark.process == "measure":
        report.process = measure_process(bundle)
        with keys_told(recipe):
            require_memory(deploy, report.process.resident_largest_bytes)


def publish(recipe: Recipe, bundle: Bundle, *, environ: Mapping[str, str]) -> list[str]:
    """Publish to every registry of the recipe; return their URIs."""
    base = recipe.path.parent
    for entry in recipe.publish:  # all or none: find out first whether every registry would take it
        publish_bundle(bundle, entry.to, base=base, environ=environ, dry_run=True)
    return [publish_bundle(bundle, entry.to, base=base, environ=environ).uri for entry in recipe.publish]


def _rows_to_time(proof: Proof, oracle: Oracle, count: int) -> Rows:
    """Return ordinary rows that the native model takes; where it takes none, made rows that it took, in turn."""
    rows = ordinary_rows(proof.structure, proof.signature, count)
    _, taken = oracle.answers(rows)
    if taken.all():
        return rows
    fit = rows.take(taken) if taken.any() else proof.probes.rows
    return fit.take(np.resize(np.arange(len(fit)), count))


@contextmanager
def _told_at(key: str) -> Iterator[None]:
    """Add the recipe key to an error about rows or converters, which knows only the file."""
    try:
        yield
    except (VerifyError, ConvertError) as error:
        error.key = error.key or key
        raise


def _dataset(recipe: Recipe, artifact: Artifact) -> Dataset | None:
    """Open the recipe's verification rows, else those that were registered with the artifact."""
    if recipe.data.verification is not None:
        return open_dataset(recipe.resolve(recipe.data.verification))
    return open_dataset(artifact.data_files[0]) if artifact.data_files else None


def _data_golden(dataset: Dataset | None, oracle: Oracle, signature: Signature) -> Golden:
    """Take the first verification rows as those that golden rows are chosen among, as the recipe asks."""
    if dataset is None:
        raise VerifyError("verify.golden is `data`, and there are no verification rows", hint="name data.verification")
    rows = next(iter(dataset.batches(signature.columns, label=None, batch_rows=_GOLDEN_CANDIDATES))).rows
    native, _ = oracle.answers(rows)
    fit = servable(rows, native, signature=signature, precision="fp32")
    return Golden(rows.take(fit), {name: values[fit] for name, values in native.items()})
