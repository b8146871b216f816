"""What was measured, sorted for planning: per machine and set of processors the arrangement that holds most, and needs.

Loads of other rows per request than those planned for are left out: they are another service.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packager.benchmark_result import ServedLoad
from packager.sku.knees import Knee, Latency, best_p95_ms, knee, latencies, p95_at
from packager.sku.model import MeasuredLoad, Target
from packager.sku.results import Result
from packager.sku.scaling import Throughput


@dataclass(frozen=True)
class Held:
    """The arrangement that holds most on one set of processors."""

    load: ServedLoad
    knee: Knee
    latencies: tuple[tuple[float, Latency], ...]


@dataclass(frozen=True)
class Evidence:
    """One machine: what each of its sets of processors holds, fewest processors first."""

    result: Result
    held: tuple[Held, ...]

    def throughputs(self) -> list[Throughput]:
        """Return what each set holds, for the law of scaling."""
        return [
            Throughput(one.load.cpus, one.knee.qps, one.knee.low, one.knee.high, is_open=one.knee.is_open)
            for one in self.held
        ]

    def nearest(self, cpus: int) -> Held:
        """Return the largest set of at most `cpus` processors, else the smallest there is."""
        fitting = [one for one in self.held if one.load.cpus <= cpus]
        return fitting[-1] if fitting else self.held[0]


@dataclass(frozen=True)
class Needs:
    """What one worker, one instance and one request take; None where nothing measured it."""

    worker_bytes: int | None
    disk_bytes: int | None
    request_bytes: int
    response_bytes: int


def evidence(results: Sequence[Result], target: Target) -> list[Evidence]:
    """Return the machines on which some rate held the SLO."""
    found = []
    for result in results:
        best: dict[int, Held] = {}
        for load in loads(result, target):
            at = knee(load, target.slo_p95_ms)
            if at is not None and (load.cpus not in best or at.qps > best[load.cpus].knee.qps):
                best[load.cpus] = Held(load, at, latencies(load))
        if best:
            found.append(Evidence(result, tuple(best[cpus] for cpus in sorted(best))))
    return found


def loads(result: Result, target: Target) -> list[ServedLoad]:
    """Return the loads of the requests that are planned for."""
    return [load for load in result.served if load.rows_per_request == target.rows_per_request]


def measured_loads(results: Sequence[Result], target: Target, used: Sequence[Evidence]) -> Iterator[MeasuredLoad]:
    """Yield every load with its knee, as the report tells it."""
    chosen = {id(one.load) for each in used for one in each.held}
    for result in results:
        for load in loads(result, target):
            at = knee(load, target.slo_p95_ms)
            latency = None if at is None else p95_at(latencies(load), at.qps)
            yield MeasuredLoad(
                file=result.file,
                cpus=load.cpus,
                workers=load.workers,
                threads=load.threads,
                knee_qps=None if at is None else at.qps,
                knee_interval_qps=None if at is None else (at.low, at.high),
                knee_is_open=at is not None and at.is_open,
                p95_ms_at_knee=None if latency is None else latency.value,
                best_p95_ms=best_p95_ms(load),
                used=id(load) in chosen,
                reason=load.reason if at is None else "no higher rate was tried" if at.is_open else None,
            )


def needs(results: Sequence[Result], target: Target) -> Needs:
    """Return what was measured of memory, disk and bytes: the most that any machine showed.

    A worker takes its share of the server, at the rows of a request, and what the largest batch adds to score.py alone.
    """
    of_target = [load for result in results for load in loads(result, target)]
    alone = [result.process for result in results if result.process is not None]
    grown = max((max(0, one.resident_largest_bytes - one.resident_bytes) for one in alone), default=0)
    resident = [one.resident_largest_bytes for one in alone]
    resident += [load.resident_bytes // load.workers + grown for load in of_target if load.resident_bytes is not None]
    disk = [result.bundle.size_bytes + result.environment_bytes for result in results if result.environment_bytes]
    return Needs(
        max(resident, default=None),
        max(disk, default=None),
        max(load.request_bytes for load in of_target),
        max(load.response_bytes for load in of_target),
    )
