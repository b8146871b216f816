"""What `package benchmark` prints: the figures of all targets in a table, what is missing and why, how sure it is."""

from __future__ import annotations

from packager import wording
from packager.benchmark_result import BenchmarkResult, TargetMeasurement
from packager.console import Console, Style
from packager.report.placement import placement_said
from packager.report.serving import process_facts
from packager.report.steadiness import noise_facts, noise_said

_HEADER = ("target", "rows", "p50", "95% interval", "p95", "p99", "rows/s")


def print_result(console: Console, result: BenchmarkResult) -> None:
    """Print what was measured of which bundle on which machine."""
    bundle, machine = result.bundle, result.machine
    console.write((f"{bundle.name} {bundle.version}", "strong"), (f"  {_served(result)}, {bundle.digest[:12]}", ""))
    console.write((f"{machine.processor}, {machine.cores_usable} of {machine.cores} cores", "quiet"))
    rows: list[tuple[Style, list[str]]] = [("", _cells(one)) for one in result.measurements if one.p50_us is not None]
    if rows:
        console.table(_HEADER, rows, left=1)
    if result.process is not None:
        for name, fact in process_facts(result.process, bundle.size_bytes).items():
            console.write((f"{name}: ", "quiet"), (fact, ""))
    for name, fact in noise_facts(result.noise.model_dump()).items():
        console.write((f"{name}: ", "quiet"), (fact, ""))
    for said in _placements(result):
        console.note(said)
    for reason, targets in _unmeasured(result).items():
        console.paragraph(("!", "warn"), f"{', '.join(targets)} not measured: {reason}")
    for note in result.notes:
        console.note(note)
    if noisy := noise_said(result.noise.model_dump()):
        console.warn(noisy)


def _served(result: BenchmarkResult) -> str:
    """Return the variant that was measured, with the form that the bundle's answers tell of where it has two."""
    bundle = result.bundle
    return bundle.variant if bundle.form is None else f"{bundle.variant} (answers: {bundle.form})"


def _placements(result: BenchmarkResult) -> list[str]:
    """Return where the nodes run of each target that was measured and asked for another provider than the CPU."""
    first = {one.target: one for one in reversed(result.measurements) if one.provider_active and one.operators}
    return [
        f"{target}: {placement_said(one.provider, str(one.provider_active), one.operators)}"
        for target, one in first.items()
        if one.provider != "cpu"
    ]


def _cells(one: TargetMeasurement) -> list[str]:
    interval = wording.NONE if one.ci95 is None else f" {wording.NONE} ".join(map(wording.latency, one.ci95))
    times = [wording.NONE if time is None else wording.latency(time) for time in (one.p50_us, one.p95_us, one.p99_us)]
    rate = wording.NONE if one.rows_per_s is None else wording.rate(one.rows_per_s)
    return [one.target, wording.count(one.batch_size), times[0], interval, *times[1:], rate]


def _unmeasured(result: BenchmarkResult) -> dict[str, list[str]]:
    """Return the targets by the reason why they have no figures; one that has some is told by its batch."""
    reasons: dict[str, list[str]] = {}
    for one in result.measurements:
        if one.p50_us is None:
            whole = all(other.p50_us is None for other in result.measurements if other.target == one.target)
            name = one.target if whole else f"{one.target} at {wording.rows(one.batch_size)}"
            named = reasons.setdefault(one.reason or "no reason was given", [])
            if name not in named:
                named.append(name)
    return reasons
