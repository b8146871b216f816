"""One running server under rising load: idle, at the rate to plan for, up to its knee, and a step or two past it."""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from packager.benchmark_result import LoadPoint, ServedLoad
from packager.errors import BenchmarkError
from packager.load.arrivals import Arrivals, due_times
from packager.load.family import busy_s, cpu_s, resident_bytes
from packager.load.figures import load_point
from packager.load.generator import Floats, Trace, offer
from packager.load.http import Address
from packager.load.search import Knee, find_knee

# Longer than any client waits; the bundle's own deployment gives a request as long.
_TIMEOUT_S = 20.0
# A run of twenty times the limit shows a queue that grows by a few per cent of the time; shorter ones are all start-up.
_RUN_OF_LIMIT = 20
_SHORTEST_S, _LONGEST_S = 4.0, 20.0
# The 95th percentile has an upper bound from about 75 requests on.
_FEWEST = 100
# So many requests a worker warm it up; a burst of about a second then tells how fast it is, one of this many at most.
_WARM_UP, _LARGEST_BURST = 10, 1_000
_IDLE_RUNS = 3
_IDLE_SHARE, _START_SHARE = 0.05, 0.5
# The capacity is a rough one: evenly spaced requests at three tenths of it still don't meet.
_LARGEST_IDLE_SHARE = 0.3
# A server that takes seconds for a request is given longer runs rather than fewer than this.
_FEWEST_OF_SLOW = 10
# So far past the capacity nothing is left to see, and the generator would hold millions of requests in its memory.
_FAR_PAST_CAPACITY = 10
# Without an SLO, the knee is where requests take ten times as long as they do alone: past it there is only the queue.
_LIMIT_OF_IDLE = 10
_PAST_KNEE = (1.1, 1.3)
# A generator that is busier than this, or sends later than this part of the limit, may itself be what is slow.
_BUSY_CLIENT, _LATE_OF_LIMIT = 0.8, 0.1
# The kernel's own work for some hundred connections a second takes less of a processor.
_BUSY_OTHERS = 0.25


@dataclass(frozen=True)
class Server:
    """A server that runs: where it scores, its first process, the processors it is on, and how it was arranged."""

    url: str
    pid: int
    on: frozenset[int]
    workers: int
    threads: int
    shares_cpus: bool


@dataclass(frozen=True)
class Offer:
    """What is sent: the bodies of requests, all distinct, sent in turn."""

    bodies: Sequence[bytes]
    rows_per_request: int


@dataclass(frozen=True)
class LoadPlan:
    """What is asked: the p95 to keep, the rate and the share to plan with, the seconds of each run.

    `seconds` None: as the limit asks for. `utilization` is told on, not measured.
    """

    slo_p95_ms: float | None = None
    target_qps: float | None = None
    utilization: float | None = None
    seconds: float | None = None
    arrivals: Arrivals = "poisson"


def measure_load(server: Server, offered: Offer, plan: LoadPlan, *, say: Callable[[LoadPoint], None]) -> ServedLoad:
    """Load one server and say each point; BenchmarkError where it refuses what it is sent."""
    run = _Run(server, offered, plan, say)
    capacity_qps = run.capacity_qps()
    idle = run.idle(idle_rate_qps(capacity_qps))
    if not idle.meets_slo:
        return run.result(None, None, reason=_too_slow(idle, plan))
    if plan.target_qps is not None:
        run.at_target(plan.target_qps, capacity_qps)
    knee = find_knee(run.at, capacity_qps * _START_SHARE)
    if knee.qps is not None and _goes_on(run, knee.qps):
        knee = run.agreed(knee, find_knee(run.at, knee.qps * _PAST_KNEE[-1]))
    reason = None if knee.qps is not None else "each rate that was tried failed, but for one request at a time"
    return run.result(knee.qps, knee.interval_qps, reason=reason)


def idle_rate_qps(capacity_qps: float) -> float:
    """Return a rate at which no request waits for another, and that gives a percentile in one run where it can."""
    return min(max(capacity_qps * _IDLE_SHARE, _FEWEST / _LONGEST_S), capacity_qps * _LARGEST_IDLE_SHARE)


def _goes_on(run: _Run, knee_qps: float) -> bool:
    """Measure past the knee, to see its queue; tell whether the rate is held there, against what was found before."""
    return [run.at(knee_qps * factor).meets_slo for factor in _PAST_KNEE] == [True] * len(_PAST_KNEE)


class _Run:
    """The points of one server, as they are gathered."""

    def __init__(self, server: Server, offered: Offer, plan: LoadPlan, say: Callable[[LoadPoint], None]) -> None:
        self._server, self._offered, self._plan, self._say = server, offered, plan, say
        self._address = Address.of(server.url)
        self._requests = itertools.cycle([self._address.request(body) for body in offered.bodies])
        self._points: list[LoadPoint] = []
        self._seen = _Seen()
        self._unsteady = self._is_far = False
        self._limit_ms = plan.slo_p95_ms

    def capacity_qps(self) -> float:
        """Return about how many requests a second the server answers: a burst that warms it up, and one of a second."""
        first = _WARM_UP * self._server.workers
        guess_qps = self._burst(first)
        return self._burst(min(max(first, round(guess_qps)), _LARGEST_BURST))

    def idle(self, rate_qps: float) -> LoadPoint:
        """Return a rate at which no request waits for another; best of three, for it decides whether to go on."""
        runs: list[LoadPoint] = []
        while len(runs) < _IDLE_RUNS and not any(run.meets_slo for run in runs):
            point = self._measure(rate_qps, "fixed")
            if self._limit_ms is None and point.p95_ms is not None:
                self._limit_ms = _LIMIT_OF_IDLE * point.p95_ms
                point = point.model_copy(update={"meets_slo": not point.errors})
            runs.append(self._keep(point))
        return min(runs, key=lambda run: (not run.meets_slo, run.p95_ms or math.inf))

    def at(self, rate_qps: float) -> LoadPoint:
        """Return a rate as the plan spaces its requests."""
        return self._keep(self._measure(rate_qps, self._plan.arrivals))

    def at_target(self, rate_qps: float, capacity_qps: float) -> None:
        """Measure the rate to plan for, unless many servers like this one are needed for it."""
        self._is_far = rate_qps > _FAR_PAST_CAPACITY * capacity_qps
        if not self._is_far:
            self.at(rate_qps)

    def agreed(self, first: Knee, second: Knee) -> Knee:
        """Return the higher of two knees, with an interval that holds both: the machine was not steady."""
        self._unsteady = True
        if second.qps is None or first.qps is None or second.qps < first.qps:
            return first
        for factor in _PAST_KNEE:
            self.at(second.qps * factor)
        low = first.qps if first.interval_qps is None else first.interval_qps[0]
        return replace(second, interval_qps=second.interval_qps and (min(low, second.qps), second.interval_qps[1]))

    def result(
        self, knee_qps: float | None, interval_qps: tuple[float, float] | None, *, reason: str | None
    ) -> ServedLoad:
        """Return all points with what was found."""
        server, plan = self._server, self._plan
        held = [one for one in self._points if one.rate_qps == knee_qps] or self._points
        share = max(self._seen.client_share[one.rate_qps] for one in held)
        return ServedLoad(
            cpus=len(server.on),
            workers=server.workers,
            threads=server.threads,
            rows_per_request=self._offered.rows_per_request,
            request_bytes=round(np.mean([len(body) for body in self._offered.bodies])),
            response_bytes=max(self._seen.response_bytes, 1),
            slo_p95_ms=plan.slo_p95_ms,
            points=tuple(sorted(self._points, key=lambda one: one.rate_qps)),
            knee_qps=knee_qps,
            knee_interval_qps=interval_qps,
            resident_bytes=self._seen.resident.get(held[0].rate_qps) if knee_qps is not None else None,
            client_share=share,
            client_shares_cpus=server.shares_cpus,
            reason=reason,
            arrivals=plan.arrivals,
            target_qps=plan.target_qps,
            utilization=plan.utilization,
            p95_limit_ms=self._limit_ms,
            notes=tuple(self._notes(held, share, knows_end=interval_qps is not None or knee_qps is None)),
        )

    def _measure(self, rate_qps: float, arrivals: Arrivals) -> LoadPoint:
        seconds = self._seconds(rate_qps)
        before = self._others_s()
        trace = self._offer(due_times(rate_qps, seconds, arrivals, seed=len(self._points)))
        others = max(self._others_s() - before - trace.cpu_s, 0.0) / trace.wall_s
        self._seen.add(trace, rate_qps, resident_bytes(self._server.pid), others=others)
        return load_point(trace, rate_qps, seconds, limit_ms=self._limit_ms)

    def _keep(self, point: LoadPoint) -> LoadPoint:
        self._points.append(point)
        self._say(point)
        return point

    def _seconds(self, rate_qps: float) -> float:
        """Return how long to run, in whole requests, so that the rate is exact."""
        seconds = self._plan.seconds
        if seconds is None:
            by_limit = 0.0 if self._limit_ms is None else _RUN_OF_LIMIT * self._limit_ms / 1000
            seconds = min(max(by_limit, _FEWEST / rate_qps, _SHORTEST_S), _LONGEST_S)
            seconds = max(seconds, _FEWEST_OF_SLOW / rate_qps)
        return math.ceil(rate_qps * seconds) / rate_qps

    def _others_s(self) -> float:
        """Return the processor time that the server has not had, on all that it and this process may run on."""
        return busy_s(os.sched_getaffinity(0) | self._server.on) - (cpu_s(self._server.pid) or 0.0)

    def _offer(self, due_s: Floats) -> Trace:
        return offer(self._address, self._requests, due_s, timeout_s=_TIMEOUT_S)

    def _burst(self, count: int) -> float:
        trace = self._offer(np.zeros(count))
        if refused := Counter(int(status) for status in trace.status if status != 200):
            raise _refusal(refused, count)
        return float(count / trace.ended_s.max())

    def _notes(self, held: Sequence[LoadPoint], share: float, *, knows_end: bool) -> Iterator[str]:
        """Yield what makes the knee worth less than it looks."""
        if self._server.shares_cpus:
            yield (
                f"The load generator ran on the server's own processors and took {share:.2f} of one: without it the "
                "server would hold more."
            )
        elif share > _BUSY_CLIENT:
            yield f"The load generator was busy for {share:.0%} of the time: the server may hold more."
        others = max(self._seen.others_share[one.rate_qps] for one in held)
        if others > _BUSY_OTHERS:
            yield f"Other programs kept {others:.1f} processors busy meanwhile: on a quiet machine it holds more."
        late_ms = max(one.sent_late_p99_ms or 0.0 for one in held)
        if self._limit_ms is not None and late_ms > _LATE_OF_LIMIT * self._limit_ms:
            yield (
                f"The load generator itself sent up to {late_ms:.3g} ms late (p99), which counts as latency: its "
                "processor had other work to do."
            )
        if self._unsteady:
            yield "Rates that failed at first were held later: the machine was not steady, and so is the knee not."
        if self._is_far:
            yield f"The rate to plan for, {self._plan.target_qps:g}/s, is far past what is answered: it was not sent."
        if not knows_end:
            yield "No rate that was tried failed: the knee lies higher."
        if self._seen.local_faults:
            yield f"{self._seen.local_faults} requests had no socket on this side, and count as errors."
        if refused := {status: count for status, count in sorted(self._seen.status.items()) if status != 200}:
            told = ", ".join(f"{count} {_said(status)}" for status, count in refused.items())
            yield f"Errors, by status: {told}."


@dataclass
class _Seen:
    """What runs tell besides their points, by rate: processor time of the generator and of others, memory."""

    client_share: dict[float, float] = field(default_factory=dict)
    others_share: dict[float, float] = field(default_factory=dict)
    resident: dict[float, int] = field(default_factory=dict)
    status: Counter[int] = field(default_factory=Counter)
    response_bytes: int = 0
    local_faults: int = 0

    def add(self, trace: Trace, rate_qps: float, resident: int | None, *, others: float) -> None:
        """Add one run; of several at one rate the most is kept."""
        self.others_share[rate_qps] = max(self.others_share.get(rate_qps, 0.0), others)
        self.client_share[rate_qps] = max(self.client_share.get(rate_qps, 0.0), trace.cpu_s / trace.wall_s)
        if resident is not None:
            self.resident[rate_qps] = max(self.resident.get(rate_qps, 0), resident)
        self.status.update(int(status) for status in trace.status)
        self.response_bytes = max(self.response_bytes, trace.response_bytes)
        self.local_faults += trace.local_faults


def _too_slow(idle: LoadPoint, plan: LoadPlan) -> str:
    if idle.errors:
        return f"{idle.errors} of {idle.requests} requests failed although each was alone"
    slo = "" if plan.slo_p95_ms is None else f", more than the SLO of {plan.slo_p95_ms:g} ms"
    return f"a request alone already takes {idle.p95_ms or 0.0:.3g} ms (p95){slo}"


def _refusal(refused: Counter[int], sent: int) -> BenchmarkError:
    told = ", ".join(f"{count} x {_said(status)}" for status, count in sorted(refused.items()))
    return BenchmarkError(
        "The server does not answer the requests that it was to be measured with",
        measured=f"{told}, of {sent} requests",
        limit="status 200 for all",
        hint="package serve BUNDLE shows its log",
    )


def _said(status: int) -> str:
    return f"status {status}" if status else f"without an answer in {_TIMEOUT_S:g} s"
