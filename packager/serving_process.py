"""What one serving process costs: start to first answer, resident memory, and the environment on disk.

In: a bundle. Out: a ServingProcess. Its own score.py runs in fresh processes that hold nothing of ours, one after the
other; the server around it is not among them.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packager.benchmark.contest import Figure, summed
from packager.benchmark_result import Interval, ServingProcess
from packager.bundle import scoring
from packager.bundle.golden import read_golden
from packager.bundle.installed import environment_bytes
from packager.bundle.model_info import ModelInfo, read_info
from packager.errors import BenchmarkError

# The fewest whose range covers a median with 95%.
RUNS = 6
# A request of more is not sent: its text alone would take most of the memory that is to be measured.
_MOST_CELLS = 2_000_000
_DRIVER = Path(scoring.__file__).with_name("start_process.py")
_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class _Watched:
    """One process: nanoseconds to the first answer, its form, and resident bytes, where it was watched further."""

    cold_ns: int
    form: str | None
    resident_bytes: int = 0
    resident_largest_bytes: int = 0


def measure_process(bundle: Path, *, runs: int = RUNS) -> ServingProcess:
    """Start score.py `runs` times, after one that fills the disk's cache, and watch the memory of the last process.

    BenchmarkError where it does not start or does not answer; BundleError where the bundle is none.
    """
    info = read_info(bundle / "code")
    largest_rows = min(info.max_batch, max(1, _MOST_CELLS // max(1, len(info.signature.columns))))
    with tempfile.TemporaryDirectory(prefix="start-") as folder:
        scratch = Path(folder)
        code, mount = scoring.lay_out(bundle, scratch)
        requests = scratch / "requests.jsonl"
        requests.write_text("\n".join(_bodies(bundle, info, largest_rows)) + "\n", encoding="utf-8")
        command = [sys.executable, "-I", "-B", str(_DRIVER), str(code), str(requests)]
        environment = scoring.child_environment(code, mount, scratch)
        _start(command, environment, scratch)
        starts = [_start(command, environment, scratch, watched=run == runs - 1) for run in range(runs)]
    size, reason = environment_bytes(bundle / "environment" / "conda.yml")
    return ServingProcess(
        cold_start_ms=_interval(summed([start.cold_ns / 1e6 for start in starts])),
        resident_bytes=starts[-1].resident_bytes,
        resident_largest_bytes=starts[-1].resident_largest_bytes,
        largest_rows=largest_rows,
        environment_bytes=size,
        environment_reason=reason,
        form=starts[-1].form,
    )


def _bodies(bundle: Path, info: ModelInfo, largest_rows: int) -> tuple[str, str]:
    """Return the bundle's sample request and the largest one, of its golden rows in turn, each as a line of JSON."""
    sample = (bundle / "samples" / "request.json").read_text(encoding="utf-8")
    cells = read_golden(bundle, info).cells
    rows = list(itertools.islice(itertools.cycle(cells), largest_rows))
    return json.dumps(sample), json.dumps(json.dumps({info.request_key: rows}))


def _start(command: Sequence[str], environment: dict[str, str], folder: Path, *, watched: bool = False) -> _Watched:
    import psutil

    with (folder / "stderr").open("wb+") as talk:
        begin = time.monotonic_ns()
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=talk
        )
        watchdog = threading.Timer(_TIMEOUT_S, process.kill)
        watchdog.start()
        try:
            first = _told(process, talk)
            cold_ns, form = int(first["at_ns"]) - begin, first["form"]
            if not watched:
                return _Watched(cold_ns, form)
            memory = psutil.Process(process.pid)
            _ask(process, talk)
            resident = int(memory.memory_info().rss)
            _ask(process, talk)
            return _Watched(cold_ns, form, resident, int(memory.memory_info().rss))
        finally:
            process.communicate()
            watchdog.cancel()


def _ask(process: subprocess.Popen[bytes], talk: Any) -> None:
    """Let the process go on, and wait until it has done the next part."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.flush()
    _told(process, talk)


def _told(process: subprocess.Popen[bytes], talk: Any) -> dict[str, Any]:
    """Return the process's next line; BenchmarkError where it ends, or answers with another status than 200."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        talk.seek(0)
        words = talk.read().decode(errors="replace").strip().splitlines()[-1:]
        why = words[0][:300] if words else f"it ended with code {process.wait()}"
        raise BenchmarkError(f"the bundle's score.py does not start: {why}", hint="build or fetch the bundle anew")
    told: dict[str, Any] = json.loads(line)
    if told["status"] != 200:
        raise BenchmarkError("the bundle's score.py refuses its own rows", measured=told["status"], limit=200)
    return told


def _interval(figure: Figure) -> Interval:
    return Interval(median=figure.median, low=figure.low, high=figure.high, runs=figure.runs)
