"""`package benchmark`: how fast a bundle is on this machine, target by target. Needs no training library.

A bundle goes in and stays untouched; a BenchmarkResult comes out, on the screen and as a file.
"""

from __future__ import annotations

import difflib
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from packager import wording
from packager.artifact import Variant
from packager.benchmark.benchmark import MIN_ROWS, ROWS_PER_LARGEST_BATCH, Benchmarked, measure
from packager.benchmark.rows import distinct, draw_rows
from packager.benchmark.subjects import Bench
from packager.benchmark_result import (
    BenchmarkResult,
    MeasuredBundle,
    MeasuredMachine,
    TargetMeasurement,
)
from packager.bundle.golden import read_golden
from packager.bundle.manifest import Manifest, check_digests
from packager.bundle.model_info import MODEL_FILE, ModelInfo, read_info
from packager.bundle.samples import rows_of
from packager.commands.benchmark_table import print_result
from packager.commands.served import ServedAsked, print_served, served_load
from packager.console import Console
from packager.errors import BenchmarkError, BundleError, RecipeError
from packager.files import write_text
from packager.lock import LOCK_FILE
from packager.recipe.model import Benchmark, Target
from packager.recipe.providers import PROVIDERS
from packager.report.steadiness import noise_said
from packager.runtime.machine import describe_machine, library_versions
from packager.serving_process import measure_process

DEFAULT_BATCH_SIZES = (1, 10, 100, 1000)
_MOST_THREADS = 1024


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; targets and rows per call are the recipe's where it asks for none."""

    targets: tuple[str, ...] = ()
    batch_sizes: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()
    instance_type: str | None = None
    served: ServedAsked | None = None


def benchmark_bundle(bundle: Path, asked: Asked, *, out: Path | None, as_json: bool) -> int:
    """Measure a bundle, print what came of it, write it to `out`; return 0.

    BenchmarkError (7) where the bundle fails its digests; RecipeError (2) for a target that there is none of.
    """
    console = Console()
    result = measure_bundle(bundle, asked, console=console)
    text = result.model_dump_json(indent=2) + "\n"
    if out is not None:
        write_text(out, text)
        console.note(f"the result lies in {out}")
    if as_json:
        print(text, end="")
        if noisy := noise_said(result.noise.model_dump()):
            console.warn(noisy)
    else:
        print_result(Console(sys.stdout), result)
        print_served(Console(sys.stdout), result.served)
    return 0


def measure_bundle(bundle: Path, asked: Asked, *, console: Console) -> BenchmarkResult:
    """Check the bundle and measure its model on every target; nothing is written into the bundle."""
    manifest, info = _checked(bundle)
    settings = _recipe_settings(manifest)
    targets = targets_of(asked, settings.targets if settings else ())
    default = settings.batch_sizes if settings else DEFAULT_BATCH_SIZES
    batch_sizes = tuple(sorted(set(asked.batch_sizes or default)))
    served = () if asked.served is None else served_load(bundle, asked.served, console=console)
    with tempfile.TemporaryDirectory(prefix="packager-") as folder:
        bench, note = _bench(bundle, info, batch_sizes, scratch=Path(folder))
        found = _measured(bundle, targets, bench, console=console)
    with console.step("process") as step:
        process = measure_process(bundle)
        step.detail(wording.latency(process.cold_start_ms.median * 1e3) + " from start to first answer")
    return BenchmarkResult(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        bundle=_described(bundle, manifest),
        machine=_machine(asked.instance_type),
        versions=library_versions(),
        noise=found.noise,
        measurements=tuple(TargetMeasurement(**asdict(one)) for one in found.measurements),
        environments=found.environments,
        process=process,
        served=served,
        notes=(note, *found.notes),
    )


def targets_of(asked: Asked, known: Sequence[Target] = ()) -> list[Target]:
    """Return the targets that were asked for; RecipeError for one that there is not.

    By name the bundle's own, which are `known`; else a provider, on each of `--threads` or, as `cpu-4`, on four. Where
    neither targets nor threads are asked for, all of the known ones.
    """
    named = {target.name: target for target in known}
    if not asked.targets and not asked.threads and known:
        return list(known)
    targets: list[Target] = []
    for name in asked.targets or ("cpu",):
        targets += [named[name]] if name in named else _targets(name, asked.threads or (1,), named)
    return list({target.name: target for target in targets}.values())


def _targets(name: str, threads: Sequence[int], known: Mapping[str, Target]) -> list[Target]:
    provider, dash, number = name.partition("-")
    if provider not in PROVIDERS:
        there_are = [*known, *PROVIDERS]
        close = difflib.get_close_matches(name, there_are, 1) or difflib.get_close_matches(provider, there_are, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(there_are)}"
        raise RecipeError(f"--target {name}: there is no such target", hint=hint)
    if dash and not (number.isdecimal() and 1 <= int(number) <= _MOST_THREADS):
        hint = f"{provider}-2 is {provider} with two threads"
        raise RecipeError(f"--target {name}: {number!r} is no number of threads", hint=hint)
    counts = [int(number)] if dash else threads
    return [Target(name=f"{provider}-{count}", provider=provider, threads=count) for count in counts]


def _recipe_settings(manifest: Manifest) -> Benchmark | None:
    """Return the benchmark settings of the recipe that built the bundle; None where it does not hold them."""
    recipe = manifest.lineage.get("recipe")
    settings = recipe.get("benchmark") if isinstance(recipe, dict) else None
    try:
        return Benchmark.model_validate_json(json.dumps(settings)) if settings else None
    except ValidationError:  # of a later version of this tool: the command line decides
        return None


def _checked(bundle: Path) -> tuple[Manifest, ModelInfo]:
    """Return what the bundle says of itself; BenchmarkError where it is not whole."""
    try:
        return check_digests(bundle), read_info(bundle / "code")
    except BundleError as error:
        raise BenchmarkError(error.message, hint=error.hint) from error
    except OSError as error:
        raise BenchmarkError(f"{error.filename or bundle} cannot be read: {error.strerror}") from None


def _bench(bundle: Path, info: ModelInfo, batch_sizes: tuple[int, ...], *, scratch: Path) -> tuple[Bench, str]:
    """Write the rows to measure with, and say what they are."""
    try:
        golden = rows_of(read_golden(bundle, info).cells, info.signature)
    except BundleError as error:
        raise BenchmarkError(error.message, hint=error.hint) from error
    rows = draw_rows(golden, info.signature, max(MIN_ROWS, ROWS_PER_LARGEST_BATCH * max(batch_sizes)))
    rows.save(scratch / "rows.npz")
    note = (
        f"Latency is of one call on {wording.rows(len(rows))} in turn, {wording.count(distinct(rows))} of them "
        f"distinct, drawn column by column from the bundle's {wording.count(len(golden))} golden rows."
    )
    return Bench(scratch / "rows.npz", info.signature, batch_sizes, info.session), note


def _measured(bundle: Path, targets: Sequence[Target], bench: Bench, *, console: Console) -> Benchmarked:
    path = (bundle / "model" / MODEL_FILE).absolute()
    variant = Variant(_served_variant(bundle), "fp64", "ok", path=path)
    with console.step("benchmark") as step:
        found = measure(targets, [variant], bench, tell=step.detail)
        made = sum(one.p50_us is not None for one in found.measurements)
        step.detail(f"{made} of {len(found.measurements)} measurements on {len(targets)} targets")
    return found


def _served_variant(bundle: Path) -> str:
    """Return the name of the variant that the bundle serves, as its lock tells it."""
    import yaml

    lock = yaml.safe_load((bundle / LOCK_FILE).read_text(encoding="utf-8"))
    return str(lock.get("selected", "served")) if isinstance(lock, dict) else "served"


def _described(bundle: Path, manifest: Manifest) -> MeasuredBundle:
    return MeasuredBundle(
        name=manifest.name,
        version=manifest.version,
        digest=manifest.digest,
        size_bytes=manifest.size_bytes,
        variant=_served_variant(bundle),
    )


def _machine(instance_type: str | None) -> MeasuredMachine:
    machine = describe_machine()
    return MeasuredMachine(**machine, instance_type=instance_type)
