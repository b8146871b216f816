"""`package benchmark`: how fast a bundle is on this machine, target by target. Needs no training library.

A bundle goes in and stays untouched; a BenchmarkResult comes out, on the screen and as a file.
"""

from __future__ import annotations

import difflib
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from packager import wording
from packager.artifact import Variant
from packager.benchmark.benchmark import MIN_ROWS, ROWS_PER_LARGEST_BATCH, Benchmarked, measure
from packager.benchmark.rows import distinct, draw_rows
from packager.benchmark.subjects import Bench
from packager.benchmark_result import MeasuredBundle, MeasuredMachine
from packager.binned.library import require_instruction_set
from packager.bundle.golden import read_golden
from packager.bundle.manifest import Manifest, check_digests
from packager.bundle.model_info import ModelInfo, read_info
from packager.bundle.samples import rows_of
from packager.commands.answering import Answering, find_answering
from packager.commands.benchmark_table import print_result
from packager.commands.outputs import require_file
from packager.commands.parts import CALLS, PROCESS, Parts
from packager.commands.served import ServedAsked, print_served, served_load
from packager.console import Console
from packager.errors import BenchmarkError, BundleError, RecipeError
from packager.files import pretty_json, write_text
from packager.recipe.model import Benchmark, Target
from packager.recipe.providers import PROVIDERS
from packager.report.steadiness import noise_said
from packager.runtime.machine import describe_machine
from packager.serving_process import measure_process

DEFAULT_BATCH_SIZES = (1, 10, 100, 1000)
_MOST_THREADS = 1024
# Of numbers some 400 MB, and drawing them takes a few times as much.
_MOST_CELLS = 50_000_000


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; targets and rows per call are the recipe's where it asks for none."""

    targets: tuple[str, ...] = ()
    batch_sizes: tuple[int, ...] = ()
    threads: tuple[int, ...] = ()
    instance_type: str | None = None
    served: ServedAsked | None = None


def benchmark_bundle(
    bundle: Path, asked: Asked, *, out: Path | None, pytest_benchmark: Path | None = None, as_json: bool
) -> int:
    """Measure a bundle, print what came of it; the files are written anew with each part. Return 0, 130 if interrupted.

    BenchmarkError (7) where the bundle fails its digests or a part cannot be measured, which is raised when the others
    are told; RecipeError (2) for a target that there is none of, or a file that cannot be written.
    """
    require_instruction_set()
    console = Console()
    files = _Files(out, pytest_benchmark, console)
    try:
        parts = measure_bundle(bundle, asked, console=console, keep=files.write)
    except KeyboardInterrupt:
        if not files.tell():
            raise
        console.warn("interrupted: what was measured until then is kept")
        return 130
    except BaseException:
        files.tell()
        raise
    files.tell()
    result = parts.result
    if result is None:
        raise parts.failure or BenchmarkError("nothing was measured")
    if as_json:
        print(result.model_dump_json(indent=2))
        if noisy := noise_said(result.noise.model_dump()):
            console.warn(noisy)
    else:
        print_result(Console(sys.stdout), result)
        print_served(Console(sys.stdout), result.served)
    if problem := files.problem or parts.failure:
        raise problem
    return 0


class _Files:
    """The files of a run: whole after each part, so that what took long is not lost to what comes after it."""

    def __init__(self, out: Path | None, pytest_benchmark: Path | None, console: Console) -> None:
        named = [(out, "--out"), (pytest_benchmark, "--pytest-benchmark")]
        for path, option in named:
            if path is not None:
                require_file(path, option)
        if out is not None and pytest_benchmark is not None and out.resolve() == pytest_benchmark.resolve():
            raise RecipeError(f"--out and --pytest-benchmark name the same file, {out}")
        self._out, self._pytest_benchmark, self._console = out, pytest_benchmark, console
        self._written: dict[str, Path] = {}
        self.problem: BenchmarkError | None = None

    def write(self, parts: Parts) -> None:
        """Write what there is; a failure of it ends no measuring, and is kept in `problem` until a write succeeds."""
        self.problem = None
        try:
            if self._out is not None and parts.result is not None:
                write_text(self._out, parts.result.model_dump_json(indent=2) + "\n")
                self._written["the result"] = self._out
            if self._pytest_benchmark is not None and parts.found is not None:
                write_text(self._pytest_benchmark, pretty_json(parts.pytest_benchmark()))
                self._written["pytest-benchmark's form of it"] = self._pytest_benchmark
        except OSError as error:
            self.problem = BenchmarkError(
                f"the result cannot be written: {error.strerror}", hint="free some disk space"
            )
            self._console.warn(self.problem.message)

    def tell(self) -> bool:
        """Say where the files lie, if any was written."""
        for what, path in self._written.items():
            self._console.note(f"{what} lies in {path}")
        return bool(self._written)


def measure_bundle(bundle: Path, asked: Asked, *, console: Console, keep: Callable[[Parts], None]) -> Parts:
    """Check the bundle and measure it, part by part; nothing is written into it. What fails alone is in `failure`."""
    manifest, info = _checked(bundle)
    settings = _recipe_settings(manifest)
    targets = targets_of(asked, settings.targets if settings else ())
    default = settings.batch_sizes if settings else DEFAULT_BATCH_SIZES
    batch_sizes = tuple(sorted(set(asked.batch_sizes or default)))
    _require_room(batch_sizes[-1], info)
    answering = find_answering(bundle, info)
    parts = Parts(_described(manifest, answering), _machine(asked.instance_type), keep)
    parts.notes += answering.notes
    for note in answering.notes:  # before all the time that measuring takes
        console.warn(note)
    if asked.served is not None:
        served_load(bundle, asked.served, console=console, keep=parts.add_load)
    with parts.attempt(CALLS), tempfile.TemporaryDirectory(prefix="packager-") as folder:
        bench, note = _bench(bundle, info, batch_sizes, scratch=Path(folder))
        parts.found = _measured(answering.variant, targets, bench, console=console)
        parts.notes.append(note)
    with parts.attempt(PROCESS), console.step("process") as step:
        process = measure_process(bundle)
        parts.add_process(process)
        step.detail(wording.latency(process.cold_start_ms.median * 1e3) + " from start to first answer")
    return parts


def _require_room(largest: int, info: ModelInfo) -> None:
    cells = ROWS_PER_LARGEST_BATCH * largest * len(info.signature.columns)
    if cells > _MOST_CELLS:
        raise RecipeError(
            f"calls of {wording.rows(largest)} need more cells than are drawn",
            measured=wording.count(cells),
            limit=wording.count(_MOST_CELLS),
            hint="fewer rows a call, with --batch-size",
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
    if dash and not (number.isdecimal() and len(number) <= 4 and 1 <= int(number) <= _MOST_THREADS):
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


def _measured(variant: Variant, targets: Sequence[Target], bench: Bench, *, console: Console) -> Benchmarked:
    with console.step("benchmark") as step:
        found = measure(targets, [variant], bench, tell=step.detail)
        made = sum(one.p50_us is not None for one in found.measurements)
        step.detail(f"{made} of {len(found.measurements)} measurements on {len(targets)} targets")
    return found


def _described(manifest: Manifest, answering: Answering) -> MeasuredBundle:
    return MeasuredBundle(
        name=manifest.name,
        version=manifest.version,
        digest=manifest.digest,
        size_bytes=manifest.size_bytes,
        variant=answering.variant.name,
        form=answering.form,
    )


def _machine(instance_type: str | None) -> MeasuredMachine:
    machine = describe_machine()
    return MeasuredMachine(**machine, instance_type=instance_type)
