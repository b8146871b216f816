"""The load gate: `p95 <= 250 ms at 100 rps`, measured by requests that do not wait for the server.

In: that sentence and a running server. Out: p95 counted from when requests were due, and what the platform would do.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass

import numpy as np

from packager import wording
from packager.benchmark_result import LoadPoint
from packager.bundle.finding import Finding
from packager.errors import RecipeError
from packager.load.arrivals import due_times
from packager.load.figures import load_point
from packager.load.generator import Floats, offer
from packager.load.http import Address
from packager.validate.settings import Settings

_FORM = "p95 <= 250 ms at 100 rps"
_GATE = re.compile(r"\s*p95\s*<=\s*([0-9]+(?:\.[0-9]+)?)\s*ms\s+at\s+([0-9]+(?:\.[0-9]+)?)\s*rps\s*")
_MOST_MS, _MOST_RPS, _LEAST_RPS = 180_000.0, 10_000.0, 0.1
# Twenty times the limit shows a queue that grows; 100 requests give the percentile an upper bound.
_RUN_OF_LIMIT, _FEWEST, _SHORTEST_S, _LONGEST_S = 20, 100, 4.0, 30.0
_WARM_UP, _TIMEOUT_S = 10, 20.0
# As the platform does: so many times what is answered at once may wait, all else is turned away.
_QUEUE = 2
# Of so many requests a 95th percentile says nothing.
_REST = 0.05


@dataclass(frozen=True)
class Gate:
    """The most that p95 may be, at a rate."""

    p95_ms: float
    rate_qps: float

    @property
    def seconds(self) -> float:
        """Return how long to load, in whole requests."""
        wanted = max(_RUN_OF_LIMIT * self.p95_ms / 1000, _FEWEST / self.rate_qps, _SHORTEST_S)
        return math.ceil(self.rate_qps * min(wanted, _LONGEST_S)) / self.rate_qps


@dataclass(frozen=True)
class Loaded:
    """What was measured, and how many of the requests the platform would have turned away."""

    point: LoadPoint
    turned_away: int


def parse_gate(text: str) -> Gate:
    """Return the gate that a text asks for; RecipeError (2) for any other text."""
    found = _GATE.fullmatch(text)
    if found is None:
        raise RecipeError(
            f"--load {text!r} is no load gate", limit=f"'{_FORM}'", hint=f"package validate BUNDLE --load '{_FORM}'"
        )
    gate = Gate(float(found[1]), float(found[2]))
    if not 0 < gate.p95_ms <= _MOST_MS:
        raise RecipeError("--load: no such p95", measured=f"{found[1]} ms", limit=f"above 0, at most {_MOST_MS:.0f} ms")
    if not _LEAST_RPS <= gate.rate_qps <= _MOST_RPS:
        limit = f"{_LEAST_RPS} to {_MOST_RPS:.0f} rps"
        raise RecipeError("--load: no such rate", measured=f"{found[2]} rps", limit=limit)
    return gate


def load(url: str, bodies: list[bytes], gate: Gate, settings: Settings) -> Loaded:
    """Load a server at the gate's rate after a few requests that warm it up; return what was measured."""
    address = Address.of(url)
    requests = itertools.cycle([address.request(body) for body in bodies])
    offer(address, requests, due_times(_WARM_UP, 1.0, "fixed"), timeout_s=_TIMEOUT_S)
    trace = offer(address, requests, due_times(gate.rate_qps, gate.seconds, "poisson"), timeout_s=_TIMEOUT_S)
    point = load_point(trace, gate.rate_qps, gate.seconds, limit_ms=gate.p95_ms)
    return Loaded(point, turned_away(trace.due_s, trace.ended_s, _QUEUE * settings.at_once))


def turned_away(due_s: Floats, ended_s: Floats, allowed: int) -> int:
    """Return how many requests were due while so many others were not ended: the platform answers them with 429."""
    ended = np.searchsorted(np.sort(ended_s), due_s, side="right")
    return int(np.count_nonzero(np.arange(len(due_s)) - ended >= allowed))


def gate_findings(loaded: Loaded, gate: Gate, settings: Settings) -> list[Finding]:
    """Hold what was measured against the gate: of what it says of 95 in 100 requests, as many may be turned away."""
    point, findings = loaded.point, []
    if point.errors:
        hint = "package serve BUNDLE shows its log; more workers or a longer request_timeout_ms may help"
        message, measured = f"requests are not answered at {gate.rate_qps:g} rps", f"{point.errors} of {point.requests}"
        findings.append(Finding("424", "load", message, hint, "code/score.py", measured, 0))
    key = "max_concurrent_requests_per_instance"
    place = ("request_settings", key)
    if loaded.turned_away > _REST * point.requests:
        message = f"too many requests at once: the platform takes {_QUEUE} x {key}, and turns others away"
        hint = f"raise {key} with WORKER_COUNT, or instance_count"
        measured = f"{loaded.turned_away} of {point.requests} at {gate.rate_qps:g} rps"
        limit = f"{_REST:.0%} beyond {_QUEUE} x {settings.at_once} at once"
        findings.append(settings.finding("429", "load", place, message, hint=hint, measured=measured, limit=limit))
    if point.p95_ms is not None and (point.p95_ms > gate.p95_ms or point.queue_grew):
        grew = " and the queue grows" if point.queue_grew else ""
        message = f"slower than asked for{grew}, on this machine with {settings.workers} workers"
        measured = f"p95 {wording.latency(1000 * point.p95_ms)} at {gate.rate_qps:g} rps"
        hint = "choose a faster variant or more workers; instances share the rate: try the rate of one"
        findings.append(
            settings.finding("408", "load", place, message, hint=hint, measured=measured, limit=f"{gate.p95_ms:g} ms")
        )
    return findings
