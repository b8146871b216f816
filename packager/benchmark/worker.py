"""The benchmark worker: one child process per target. It opens the variants on that target's provider and times them.

In: a JSON request on standard input, naming model files, the signature and a file of rows. Out: one JSON line with
nanoseconds per call and the placement of nodes, or the reason why a variant could not run.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from packager.artifact import signature_from
from packager.benchmark.timing import time_calls
from packager.dataset.rows import Rows
from packager.runtime.session import NoKernel, ProviderUnavailable, Session, open_session


@dataclass
class Timing:
    """What came of one variant on this target; `samples_ns` by batch size."""

    variant: str
    placement: dict[str, int] = field(default_factory=dict)
    samples_ns: dict[int, list[int]] = field(default_factory=dict)
    reason: str | None = None


def main() -> None:
    """Answer the one request on standard input."""
    request = json.load(sys.stdin)
    print(json.dumps([asdict(timing) for timing in measure(request)]))


def measure(request: dict[str, Any]) -> list[Timing]:
    """Time every variant at every batch size, in interleaved rounds, so that drift of the machine hits all alike."""
    signature = signature_from(request["signature"])
    rows = Rows.load(Path(request["rows"]))
    timings, sessions = [], {}
    for name, path in request["models"].items():
        timing = Timing(name)
        timings.append(timing)
        try:
            session = open_session(Path(path), signature, provider=request["provider"], threads=request["threads"])
        except (ProviderUnavailable, NoKernel) as error:
            timing.reason = str(error)
            continue
        timing.placement = session.placement
        placed, total = session.placement.get(request["provider"], 0), sum(session.placement.values())
        if placed == 0:
            timing.reason = (
                f"{request['provider']} runs 0 of {total} nodes: it would be a measurement of another provider"
            )
            continue
        sessions[name] = session
    running = [timing for timing in timings if timing.variant in sessions]
    for _ in range(request["rounds"]):
        for batch_size in request["batch_sizes"]:
            for timing in running:
                samples = _time_batches(sessions[timing.variant], rows, batch_size, request["seconds"])
                timing.samples_ns.setdefault(batch_size, []).extend(samples)
    return timings


def _time_batches(session: Session, rows: Rows, batch_size: int, seconds: float) -> list[int]:
    """Time `session.run` alone, on prepared inputs, with other rows in every call."""
    starts = range(0, len(rows) - batch_size + 1, batch_size)
    feeds = [
        rows.take(slice(start, start + batch_size)).feeds(session.signature, session.input_dtype) for start in starts
    ]
    names = [output.name for output in session.signature.outputs]
    inference, count = session.inference, len(feeds)
    return time_calls(lambda index: inference.run(names, feeds[index % count]), seconds=seconds)


if __name__ == "__main__":
    main()
