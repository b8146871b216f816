"""What one serving process costs, as words: the same in a build's report and on the console."""

from __future__ import annotations

from packager import wording
from packager.benchmark_result import ServingProcess
from packager.report.model import BuildReport
from packager.report.tables import Table, fact_table


def process_facts(process: ServingProcess, bundle_bytes: int | None = None) -> dict[str, str]:
    """Return the facts by name; what was not measured says why."""
    start = process.cold_start_ms
    low, high = wording.latency(start.low * 1e3), wording.latency(start.high * 1e3)
    environment = process.environment_bytes
    facts = {
        "start to first answer": f"{wording.latency(start.median * 1e3)} "
        f"(95% interval {low} {wording.NONE} {high}, {start.runs} starts)",
        "resident memory after warm-up": wording.size(process.resident_bytes),
        f"resident memory after requests of {wording.rows(process.largest_rows)}": wording.size(
            process.resident_largest_bytes
        ),
    }
    if bundle_bytes is not None:
        facts["bundle on disk"] = wording.size(bundle_bytes)
    facts["environment on disk, without Python"] = (
        f"not measured: {wording.printable(process.environment_reason or 'no reason was given')}"
        if environment is None
        else wording.size(environment)
    )
    return facts


def process_table(report: BuildReport) -> Table | None:
    """The serving process of a build's bundle; None where it was not measured."""
    if report.process is None:
        return None
    caption = "One process that runs the bundle's score.py, without the server around it"
    return fact_table(caption, process_facts(report.process, report.bundle_bytes))
