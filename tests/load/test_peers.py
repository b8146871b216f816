"""Where other load generators measure the same thing, they measure the same: wrk and autocannon.

wrk sends the next request when the last one is answered, so that what it finds is a server's throughput at saturation.
autocannon, with a rate, sends each second's requests at once: its plain latencies are compared over such bursts. What
it corrects is left out: it takes a request to be due each millisecond on every connection, however fast it sent them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from packager.load.arrivals import due_times
from packager.load.figures import load_point, percentile

from .stub import Stub, stub
from .test_generator import asked

WRK = shutil.which("wrk")
AUTOCANNON = Path(__file__).parents[2] / ".peers" / "node_modules" / ".bin" / "autocannon"
needs_wrk = pytest.mark.skipif(WRK is None, reason="wrk is missing: apt-get install wrk")
needs_autocannon = pytest.mark.skipif(
    not AUTOCANNON.exists() or shutil.which("node") is None, reason="autocannon or node is missing: .ci/peers"
)


def wrk_qps(url: str, *, connections: int, seconds: int, script: Path, body: str = '{"id": 0}') -> float:
    """Return the requests per second that wrk gets answered over that many connections at once."""
    headers = 'wrk.headers["Content-Type"] = "application/json"'
    script.write_text(f"wrk.method = 'POST'\nwrk.body = [==[{body}]==]\n{headers}\n", encoding="utf-8")
    command = [str(WRK), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    out = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "Non-2xx" not in out, out
    return float(out.partition("Requests/sec:")[2].split()[0])


def autocannon(server: Stub, *options: str) -> dict[str, Any]:
    command = [str(AUTOCANNON), "--json", "-m", "POST", "-b", '{"id": 0}', *options, server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["non2xx"] == found["errors"] == 0, found
    return found


def agree(measure: Callable[[], list[tuple[float, float]]], **within: float) -> None:
    """Compare ours and theirs, up to three times: a busy machine parts what is measured in turn, but hardly thrice."""
    for _ in range(3):
        pairs = measure()
        if all(ours == pytest.approx(theirs, **within) for ours, theirs in pairs):
            return
    pytest.fail(f"ours and theirs differ by more than {within}: {pairs}")


@needs_wrk
def test_throughput_at_saturation_is_wrks(tmp_path: Path) -> None:
    def measure() -> list[tuple[float, float]]:
        with stub(tmp_path, service_ms=10, workers=2, keep_alive=True) as server:
            theirs = wrk_qps(server.url, connections=8, seconds=2, script=tmp_path / "post.lua")
            ours = load_point(asked(server, due_times(300, 2, "fixed")), 300, 2, limit_ms=None)
        assert theirs < 2 / 0.010  # what the service time allows
        return [(ours.achieved_qps, theirs)]

    agree(measure, rel=0.15)


@needs_autocannon
def test_latencies_of_bursts_are_autocannons(tmp_path: Path) -> None:
    """Ten connections that send one request a second each: bursts of ten."""
    settings = {"service_ms": 25, "keep_alive": True, "stalls": ((0.9, 0.5),)}

    def measure() -> list[tuple[float, float]]:
        with stub(tmp_path, **settings) as server:
            theirs = autocannon(server, "-c", "10", "-R", "10", "-d", "3", "--ignoreCoordinatedOmission")["latency"]
        with stub(tmp_path, **settings) as server:
            ours = np.sort(asked(server, np.repeat(np.arange(3.0), 10)).latency_s * 1000)
        return [(percentile(ours, share), theirs[name]) for share, name in ((0.5, "p50"), (0.9, "p90"))]

    agree(measure, rel=0.2, abs=25)
