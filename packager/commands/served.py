"""`package benchmark --served`: the bundle on the real inference server, under load that does not wait for it.

One ServedLoad comes out for each arrangement of processors and workers that is asked for, with the machine's noise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from packager import wording
from packager.benchmark.noise import NoiseWatch
from packager.benchmark_result import LoadPoint, Noise, ServedLoad
from packager.bundle.manifest import Json, Manifest, check_digests
from packager.bundle.model_info import ModelInfo, read_info
from packager.bundle.serve import served
from packager.console import Console, Style
from packager.errors import BenchmarkError, BundleError, RecipeError
from packager.front.form import answering_form
from packager.load.arrivals import Arrivals
from packager.load.measure import LoadPlan, Offer, Server, measure_load
from packager.load.processors import Split, most_processors, running_on, split_processors, usable_processors
from packager.offered import offered
from packager.report.load_charts import arrangement, held, holds, point_cells, workers_on
from packager.runtime.cgroup import cpu_limit, threads_within

# Workers of a processor take turns on it: from a few on, more only take memory.
_MOST_WORKERS_A_PROCESSOR = 16
_HEADER = ("requests/s", "answered/s", "p50 ms", "p95 ms", "p99 ms", "errors", "waiting", "held")


@dataclass(frozen=True)
class ServedAsked:
    """What the command line asks for; SLO and rate come from the bundle's recipe where they are None.

    Every number of `workers` is tried on every number of `cpus`: by default one worker a processor, on all processors.
    """

    qps: float | None = None
    slo_p95_ms: float | None = None
    rows: int = 1
    workers: tuple[int, ...] = ()
    cpus: tuple[int, ...] = ()
    seconds: float | None = None
    arrivals: Arrivals = "poisson"

    def __post_init__(self) -> None:
        """Refuse what is no number: it lies within any bounds."""
        for name, value in (("qps", self.qps), ("slo-p95-ms", self.slo_p95_ms), ("seconds", self.seconds)):
            if value is not None and not math.isfinite(value):
                raise RecipeError(f"--{name} has to be a number", measured=value)


def served_load(
    bundle: Path, asked: ServedAsked, *, console: Console, keep: Callable[[ServedLoad, Noise], None]
) -> None:
    """Serve and load the bundle in each arrangement; `keep` is given each load as it ends, and the noise meanwhile.

    BenchmarkError (7) where the bundle is not whole or does not answer, where there are fewer processors than asked
    for, and where no rate at all meets an SLO that was asked for here.
    """
    try:
        manifest, info = check_digests(bundle), read_info(bundle / "code")
        requests, note = _offered(bundle, info, asked.rows)
    except BundleError as error:
        raise BenchmarkError(error.message, hint=error.hint) from error
    plan = _plan(manifest, asked)
    utilization = _recipe_slo(manifest).get("utilization")
    loads = []
    for split, workers in arrangements(asked, usable_processors(), cpu_limit()):
        load, noise = _loaded(bundle, split, workers, offered=requests, plan=plan, console=console)
        notes = (*load.notes, *_quota(load.cpus), note)
        loads.append(load.model_copy(update={"notes": notes, "utilization": utilization}))
        keep(loads[-1], noise)
    if asked.slo_p95_ms is not None and all(load.knee_qps is None for load in loads):
        raise _impossible(asked.slo_p95_ms, loads)


def arrangements(asked: ServedAsked, usable: frozenset[int], quota: float | None) -> list[tuple[Split, int]]:
    """Return processors and workers to measure; BenchmarkError where there are not so many, or workers for nothing."""
    cpus = sorted(set(asked.cpus)) or [most_processors(usable, quota)]
    splits = {count: split_processors(count, usable, quota=quota) for count in cpus}
    arranged = [(count, workers) for count in cpus for workers in sorted(set(asked.workers)) or [count]]
    for count, workers in arranged:
        if workers > _MOST_WORKERS_A_PROCESSOR * count:
            raise BenchmarkError(
                f"So many workers only take memory: {workers_on(workers, count)}",
                measured=f"--workers {workers}",
                limit=_MOST_WORKERS_A_PROCESSOR * count,
            )
    return [(splits[count], workers) for count, workers in arranged]


def print_served(console: Console, loads: Sequence[ServedLoad]) -> None:
    """Print each arrangement: a table of its rates, one sentence on what it holds, and what that is worth."""
    for load in loads:
        console.write((f"served: {arrangement(load)}, {load.arrivals} arrivals", "strong"))
        console.table(_HEADER, [_row(load, runs) for runs in _by_rate(load)], left=0)
        console.paragraph(("✗", "bad") if load.knee_qps is None else ("✓", "good"), _told(load), style="strong")
        for note in load.notes:
            console.note(note)


def _loaded(
    bundle: Path, split: Split, workers: int, *, offered: Offer, plan: LoadPlan, console: Console
) -> tuple[ServedLoad, Noise]:
    """Start the server on its processors and load it from the others, saying each point; watch the machine between.

    No live line meanwhile: whoever draws it takes turns with the load generator, which must not be late.
    """
    console.note(f"serving with {workers_on(workers, len(split.server))}")
    watch = NoiseWatch()

    def say(point: LoadPoint) -> None:
        watch.look()
        due, _, _, p95, *_ = point_cells(point)
        console.write((f"  {due:>7} requests/s  p95 {p95:>7} ms  {held(point)}", "quiet"))

    with ExitStack() as stack:
        try:
            with running_on(split.server):
                running = stack.enter_context(served(bundle, workers=workers))
                threads = threads_within(read_info(bundle / "code").session.threads)  # as the server counts them there
        except BundleError as error:
            raise BenchmarkError(error.message, measured=error.measured, hint=error.hint) from error
        server = Server(
            url=running.score_url,
            pid=running.process.pid,
            on=split.server,
            workers=workers,
            threads=threads,
            shares_cpus=split.is_shared,
        )
        with running_on(split.client):
            form = answering_form(bundle, running.url)
            load = measure_load(server, offered, plan, say=say)
            return load.model_copy(update={"form": form}), watch.verdict()


def _plan(manifest: Manifest, asked: ServedAsked) -> LoadPlan:
    """Return what to measure against: what was asked for here, else what the recipe said."""
    slo = _recipe_slo(manifest)
    return LoadPlan(
        slo_p95_ms=asked.slo_p95_ms or slo.get("p95_ms"),
        target_qps=asked.qps or slo.get("qps"),
        utilization=slo.get("utilization"),
        seconds=asked.seconds,
        arrivals=asked.arrivals,
    )


def _recipe_slo(manifest: Manifest) -> dict[str, float]:
    """Return benchmark.slo of the bundle's recipe; nothing where it had none, or where an earlier tool built it."""
    found: Json = manifest.lineage
    for key in ("recipe", "benchmark", "slo"):
        found = found.get(key) if isinstance(found, dict) else None
    slo = found if isinstance(found, dict) else {}
    return {key: value for key, value in slo.items() if isinstance(value, int | float)}


def _offered(bundle: Path, info: ModelInfo, rows: int) -> tuple[Offer, str]:
    """Return the requests to send, drawn anew from the golden rows, and what is to be said of them."""
    if rows > info.max_batch:
        raise BenchmarkError(
            "The bundle does not take so many rows in one request", measured=f"--rows {rows}", limit=info.max_batch
        )
    drawn = offered(bundle, info, rows)
    note = (
        f"{wording.count(len(drawn.bodies))} requests were sent in turn; of their {wording.rows(drawn.rows)} "
        f"{wording.count(drawn.distinct)} are distinct, drawn column by column from the bundle's golden rows."
    )
    return Offer(drawn.bodies, rows), note


def _quota(cpus: int) -> tuple[str, ...]:
    """Return what is to be said where the container may use less than the server's processors and the generator's."""
    limit = cpu_limit()
    if limit is None or limit >= cpus + 1:
        return ()
    return (f"The container's quota of {limit:g} processors holds for the server and the load generator together.",)


def _impossible(slo_p95_ms: float, loads: Sequence[ServedLoad]) -> BenchmarkError:
    points = [point for load in loads for point in load.points]
    fastest = min((point.p95_ms for point in points if point.p95_ms is not None), default=None)
    alone = ", not even one request at a time" if fastest is not None and fastest > slo_p95_ms else ""
    return BenchmarkError(
        f"No rate keeps the SLO{alone or f': {loads[-1].reason}'}",
        measured=None if fastest is None else f"p95 {fastest:.3g} ms at best",
        limit=f"{slo_p95_ms:g} ms",
        key="--slo-p95-ms",
        hint="allow more time, send fewer rows a request, or choose a faster variant in `select`",
    )


def _told(load: ServedLoad) -> str:
    memory = "" if load.resident_bytes is None else f", with {wording.size(load.resident_bytes)} of memory"
    return f"{holds(load)}{memory}"


def _by_rate(load: ServedLoad) -> list[list[LoadPoint]]:
    """Return the runs at each rate, in the order of rates; the result itself keeps every one."""
    ordered = sorted(load.points, key=lambda point: point.rate_qps)
    return [list(runs) for _, runs in itertools.groupby(ordered, key=lambda point: point.rate_qps)]


def _row(load: ServedLoad, runs: Sequence[LoadPoint]) -> tuple[Style, list[str]]:
    """Return one line for the runs at a rate: the one whose p95 is in the middle, and how many of them were held."""
    middle = sorted(runs, key=lambda run: run.p95_ms or math.inf)[(len(runs) - 1) // 2]
    yes = sum(bool(run.meets_slo) for run in runs)
    said = held(middle) if yes in (0, len(runs)) else f"{yes} of {len(runs)}"
    style: Style = "chosen" if middle.rate_qps == load.knee_qps else "quiet" if 2 * yes < len(runs) else ""
    return style, [*point_cells(middle), said]
